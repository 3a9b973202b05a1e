"""Keys for the tests, made once; none is anybody's."""

from functools import cache

from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import RecommendedCurve as C
from server.crypto.keys.elliptic_keys import ECPrivate, ECPublic, dump_ec_private, dump_ec_public
from server.crypto.keys.key_pairs import generate_key_pair

LENGTHS = {A.RSA: 1024, A.DSA: 1024, A.DH: 2048, A.EC: 256, A.ECDH: 256, A.ECDSA: 256, A.ECMQV: 256}


@cache
def private_key(algorithm, curve=None):
    """One private key of an algorithm; RSA and DSA short, to be quick."""
    domain = None if curve is None else CryptographicDomainParameters(recommended_curve=curve)
    length = None if curve is not None else LENGTHS.get(algorithm)
    return generate_key_pair(algorithm, length, domain, allow_legacy=True)


def curve_of(key):
    """The Recommended Curve of a key; None where it is on none."""
    if isinstance(key, ECPrivate):
        return dump_ec_private(key).recommended_curve
    return dump_ec_public(key).recommended_curve if isinstance(key, ECPublic) else None


KINDS = [
    (A.RSA, None),
    (A.DSA, None),
    (A.DH, None),
    (A.EC, None),
    (A.ECDSA, C.P_521),
    (A.ECDH, C.SECP256K1),
    (A.ECDH, C.CURVE25519),
    (A.ECDH, C.CURVE448),
    (A.ECDSA, C.CURVE25519),
    (A.ED25519, None),
    (A.ED448, None),
    (A.ML_KEM_768, None),
    (A.ML_KEM_1024, None),
    (A.ML_DSA_44, None),
    (A.ML_DSA_65, None),
    (A.ML_DSA_87, None),
]
"""(algorithm, curve) of every kind of key the engine computes with."""

NAMES = [a.name + ("" if c is None else "-" + c.name) for a, c in KINDS]
