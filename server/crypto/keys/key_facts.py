"""What a key is: its algorithm, its length, and the format it is given in by default."""

import re

from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x448,
    x25519,
)

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType as O
from kmip.enums import RecommendedCurve as C
from kmip.items import Item
from kmip.key_block import (
    Transparent,
    TransparentDHPrivateKey,
    TransparentDHPublicKey,
    TransparentDSAPrivateKey,
    TransparentDSAPublicKey,
    TransparentECPrivateKey,
    TransparentECPublicKey,
    TransparentRSAPrivateKey,
    TransparentRSAPublicKey,
    TransparentSymmetricKey,
)
from server.crypto.keys.curves import EDWARDS_LENGTHS
from server.crypto.keys.diffie_hellman import DHPrivateKey, DHPublicKey
from server.crypto.keys.key_types import PrivateKey, PublicKey

ALGORITHMS: dict[A, tuple[type[PrivateKey], type[PublicKey]]] = {
    A.RSA: (rsa.RSAPrivateKey, rsa.RSAPublicKey),
    A.DSA: (dsa.DSAPrivateKey, dsa.DSAPublicKey),
    A.DH: (DHPrivateKey, DHPublicKey),
    A.EC: (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
    A.ED25519: (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    A.ED448: (ed448.Ed448PrivateKey, ed448.Ed448PublicKey),
    A.ML_KEM_768: (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    A.ML_KEM_1024: (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
    A.ML_DSA_44: (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    A.ML_DSA_65: (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    A.ML_DSA_87: (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}
"""The library's classes of each algorithm."""

CURVE_ALGORITHMS = frozenset({A.EC, A.ECDSA, A.ECDH, A.ECMQV})
"""Under these a key may be on any curve, in either form."""

ON_CURVES = (A.EC, A.ED25519, A.ED448)

FIXED_LENGTHS: dict[type[PrivateKey | PublicKey], int] = {
    x25519.X25519PrivateKey: 256,
    x25519.X25519PublicKey: 256,
    ed25519.Ed25519PrivateKey: 256,
    ed25519.Ed25519PublicKey: 256,
    x448.X448PrivateKey: 448,
    x448.X448PublicKey: 448,
    ed448.Ed448PrivateKey: 456,
    ed448.Ed448PublicKey: 456,
}
"""Bits of keys whose bytes are their own encoding (RFC 7748, RFC 8032)."""


def algorithm_of(key: PrivateKey | PublicKey) -> A:
    """The Cryptographic Algorithm of a key; of X25519 and X448, ECDH."""
    for algorithm, kinds in ALGORITHMS.items():
        if isinstance(key, kinds):
            return algorithm
    return A.ECDH


def is_of_algorithm(key: PrivateKey | PublicKey, algorithm: A) -> bool:
    """Whether a key may be called one of `algorithm`."""
    if algorithm in CURVE_ALGORITHMS:
        return algorithm_of(key) in (*ON_CURVES, A.ECDH)
    return algorithm_of(key) == algorithm


def length_of(key: PrivateKey | PublicKey) -> int:
    """The Cryptographic Length in bits (2.1 section 4.15).

    The modulus of RSA, DSA and DH, the order of a curve's field; for post-quantum keys, which have
    no such number, the bits of the Raw material.
    """
    size = getattr(key, "key_size", None)
    if isinstance(size, int):
        return size
    for kind, length in FIXED_LENGTHS.items():
        if isinstance(key, kind):
            return length
    raw = key.private_bytes_raw if isinstance(key, PrivateKey) else key.public_bytes_raw  # type: ignore[union-attr]  # the kinds that are left have it
    return 8 * len(raw())


def curve_length(curve: C) -> int:
    """The bits of a curve's field, which its name tells (P-256, SECT163R1), known here or not.

    0 for a vendor's curve, of which nothing is known.
    """
    if curve in EDWARDS_LENGTHS:
        return EDWARDS_LENGTHS[curve]
    digits = re.search(r"\d{3}", "".join(curve.names))
    return int(digits[0]) if digits else 0


def material_length(material: bytes | Transparent | Item) -> int | None:
    """The Cryptographic Length that material shows by itself, in bits.

    For keys that the server keeps without being able to load them (DSA of 512 bits, a binary
    curve): the modulus, the curve, or the bytes. None for a structure of an unknown format.
    """
    match material:
        case bytes():
            return 8 * len(material)
        case TransparentSymmetricKey():
            return 8 * len(material.key)
        case TransparentRSAPrivateKey() | TransparentRSAPublicKey():
            return material.modulus.bit_length()
        case TransparentECPrivateKey() | TransparentECPublicKey():
            return curve_length(material.recommended_curve)
        case (
            TransparentDSAPrivateKey()
            | TransparentDSAPublicKey()
            | TransparentDHPrivateKey()
            | TransparentDHPublicKey()
        ):
            return material.p.bit_length()
        case _:
            return None


DEFAULT_FORMATS: dict[tuple[O, A | None], F] = {
    (O.CERTIFICATE, None): F.X_509,
    (O.CERTIFICATE_REQUEST, None): F.PKCS_10,
    (O.OPAQUE_OBJECT, None): F.OPAQUE,
    (O.PGP_KEY, None): F.RAW,
    (O.SECRET_DATA, None): F.RAW,
    (O.SYMMETRIC_KEY, None): F.RAW,
    (O.SPLIT_KEY, None): F.RAW,
    (O.PRIVATE_KEY, A.RSA): F.PKCS_1,
    (O.PUBLIC_KEY, A.RSA): F.PKCS_1,
    (O.PRIVATE_KEY, A.EC): F.TRANSPARENT_EC_PRIVATE_KEY,
    (O.PUBLIC_KEY, A.EC): F.TRANSPARENT_EC_PUBLIC_KEY,
    (O.PRIVATE_KEY, A.DSA): F.TRANSPARENT_DSA_PRIVATE_KEY,
    (O.PUBLIC_KEY, A.DSA): F.TRANSPARENT_DSA_PUBLIC_KEY,
    # Not in the specification's table:
    (O.PRIVATE_KEY, A.DH): F.TRANSPARENT_DH_PRIVATE_KEY,
    (O.PUBLIC_KEY, A.DH): F.TRANSPARENT_DH_PUBLIC_KEY,
    (O.PRIVATE_KEY, None): F.PKCS_8,
    (O.PUBLIC_KEY, None): F.X_509,
}
"""2.1 section 4.26, Table 81: the format by type and algorithm; None is every other algorithm."""

COMPACT_FORMATS: dict[O, F] = {O.PRIVATE_KEY: F.ECPRIVATEKEY, O.PUBLIC_KEY: F.X_509}
"""Byte strings for elliptic curve keys, for clients that cannot read transparent keys (PyKMIP)."""


def default_format(object_type: O, algorithm: A | None = None) -> F:
    """The default Key Format Type (2.1 section 4.26).

    Args:
        object_type: of the object.
        algorithm: of the key; ECDSA, ECDH and ECMQV are EC.
    """
    of = A.EC if algorithm in CURVE_ALGORITHMS else algorithm
    found = DEFAULT_FORMATS.get((object_type, of))
    return found or DEFAULT_FORMATS.get((object_type, None), F.RAW)


def compact_format(key: PrivateKey | PublicKey) -> F:
    """The format in which a key is a byte string that the most clients can read.

    RSA in PKCS#1; a private key on a curve of SEC 1 as ECPrivateKey, not one of RFC 7748 or 8032,
    which that has no encoding for; all others in PKCS#8 and X.509.
    """
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return F.PKCS_1
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return F.ECPRIVATEKEY
    return F.PKCS_8 if isinstance(key, PrivateKey) else F.X_509
