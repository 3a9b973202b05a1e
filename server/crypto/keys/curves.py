"""Elliptic curves: KMIP's Recommended Curve to the library's.

The library carries the prime curves of NIST, secp256k1 and three Brainpool curves. Binary curves
(K-, B-, sect, c2), the older secp and X9.62 prime curves and Brainpool's twists are gone from it;
keys on them are kept, not computed with.

Curve25519 and Curve448 each carry two algorithms: the Montgomery form agrees on keys (X25519), the
Edwards form signs (Ed25519). The algorithm of the key tells which.
"""

from cryptography.hazmat.primitives.asymmetric import ec

from kmip.enums import RecommendedCurve as C
from kmip.errors import UnsupportedCryptographicParameters

CURVES: dict[C, type[ec.EllipticCurve]] = {
    C.P_192: ec.SECP192R1,
    C.P_224: ec.SECP224R1,
    C.P_256: ec.SECP256R1,
    C.P_384: ec.SECP384R1,
    C.P_521: ec.SECP521R1,
    C.SECP256K1: ec.SECP256K1,
    C.BRAINPOOLP256R1: ec.BrainpoolP256R1,
    C.BRAINPOOLP384R1: ec.BrainpoolP384R1,
    C.BRAINPOOLP512R1: ec.BrainpoolP512R1,
}
"""The curves the library computes on."""

LEGACY = frozenset({C.P_192})
"""Less than 112 bits of strength (SP 800-57 part 1, Table 2)."""

BY_LENGTH: dict[int, C] = {
    192: C.P_192,
    224: C.P_224,
    256: C.P_256,
    384: C.P_384,
    521: C.P_521,
}
"""The curve where a request names a length only (2.1 section 4.14: the curve is optional)."""

EDWARDS_LENGTHS: dict[C, int] = {C.CURVE25519: 256, C.CURVE448: 448}
"""The Cryptographic Length of keys on the two curves of RFC 7748."""

_NAMES: dict[str, C] = {make().name: named for named, make in CURVES.items()}


def curve(recommended: C) -> ec.EllipticCurve:
    """The library's curve; raises UnsupportedCryptographicParameters where it has none."""
    make = CURVES.get(recommended)
    if make is None:
        raise UnsupportedCryptographicParameters("the server does not compute on this curve")
    return make()


def recommended_curve(of: ec.EllipticCurve) -> C:
    """KMIP's name of a curve; raises UnsupportedCryptographicParameters where it has none."""
    found = _NAMES.get(of.name)
    if found is None:
        raise UnsupportedCryptographicParameters("the protocol has no name for this curve")
    return found
