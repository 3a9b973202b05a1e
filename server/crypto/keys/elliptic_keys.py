"""Keys on elliptic curves: Transparent EC structures, raw bytes, and the library's keys.

Source: 2.1 sections 3.11 and 3.12; points are SEC 1 section 2.3.3's.

Curve25519 and Curve448 have no D and Q String of their own in the specification: D is here the
private bytes of RFC 7748 or RFC 8032 read as a big-endian number, Q String the public bytes.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyCompressionType as Compression
from kmip.enums import RecommendedCurve as C
from kmip.errors import KeyCompressionTypeNotSupported
from kmip.key_block import TransparentECPrivateKey, TransparentECPublicKey
from server.crypto.errors import InvalidKey
from server.crypto.keys.curves import EDWARDS_LENGTHS, curve, recommended_curve
from server.crypto.keys.key_types import PrivateKey, PublicKey
from server.crypto.keys.transparent_keys import BUILDING_ERRORS

Raw = Callable[[bytes], PrivateKey]
RawPublic = Callable[[bytes], PublicKey]

RFC_7748_PRIVATE: dict[tuple[C, bool], Raw] = {
    (C.CURVE25519, False): x25519.X25519PrivateKey.from_private_bytes,
    (C.CURVE448, False): x448.X448PrivateKey.from_private_bytes,
    (C.CURVE25519, True): ed25519.Ed25519PrivateKey.from_private_bytes,
    (C.CURVE448, True): ed448.Ed448PrivateKey.from_private_bytes,
}
"""(curve, whether the key signs) to its maker."""

RFC_7748_PUBLIC: dict[tuple[C, bool], RawPublic] = {
    (C.CURVE25519, False): x25519.X25519PublicKey.from_public_bytes,
    (C.CURVE448, False): x448.X448PublicKey.from_public_bytes,
    (C.CURVE25519, True): ed25519.Ed25519PublicKey.from_public_bytes,
    (C.CURVE448, True): ed448.Ed448PublicKey.from_public_bytes,
}

PRIVATE_BYTES: dict[tuple[C, bool], int] = {
    (C.CURVE25519, False): 32,
    (C.CURVE448, False): 56,
    (C.CURVE25519, True): 32,
    (C.CURVE448, True): 57,
}

SIGNING = frozenset({A.ECDSA, A.ED25519, A.ED448})
"""The algorithms under which a key on Curve25519 or Curve448 is an Edwards key."""


def load_ec_private(key: TransparentECPrivateKey, algorithm: A | None = None) -> PrivateKey:
    """The key.

    Args:
        key: curve and D.
        algorithm: tells an Edwards key from a Montgomery key on Curve25519 and Curve448.

    Raises:
        InvalidKey: D is not of the curve.
        UnsupportedCryptographicParameters: the server does not compute on the curve.
    """
    named = key.recommended_curve
    try:
        if named in EDWARDS_LENGTHS:
            kind = (named, algorithm in SIGNING)
            return RFC_7748_PRIVATE[kind](key.d.to_bytes(PRIVATE_BYTES[kind], "big"))
        return ec.derive_private_key(key.d, curve(named))
    except BUILDING_ERRORS:
        raise InvalidKey("D is not a private key of the curve") from None


def load_ec_public(key: TransparentECPublicKey, algorithm: A | None = None) -> PublicKey:
    """The key; arguments and errors as `load_ec_private`; points compressed or not."""
    named = key.recommended_curve
    try:
        if named in EDWARDS_LENGTHS:
            return RFC_7748_PUBLIC[named, algorithm in SIGNING](key.q_string)
        return ec.EllipticCurvePublicKey.from_encoded_point(curve(named), key.q_string)
    except BUILDING_ERRORS:
        raise InvalidKey("Q String is not a point of the curve") from None


CURVE_OF: dict[type[PrivateKey | PublicKey], C] = {
    x25519.X25519PrivateKey: C.CURVE25519,
    x25519.X25519PublicKey: C.CURVE25519,
    ed25519.Ed25519PrivateKey: C.CURVE25519,
    ed25519.Ed25519PublicKey: C.CURVE25519,
    x448.X448PrivateKey: C.CURVE448,
    x448.X448PublicKey: C.CURVE448,
    ed448.Ed448PrivateKey: C.CURVE448,
    ed448.Ed448PublicKey: C.CURVE448,
}

RFC7748Private = (
    x25519.X25519PrivateKey
    | x448.X448PrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
RFC7748Public = (
    x25519.X25519PublicKey | x448.X448PublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)
ECPrivate = ec.EllipticCurvePrivateKey | RFC7748Private
ECPublic = ec.EllipticCurvePublicKey | RFC7748Public

POINTS: dict[Compression, PublicFormat | None] = {
    Compression.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED: PublicFormat.UncompressedPoint,
    Compression.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME: PublicFormat.CompressedPoint,
    Compression.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2: None,
    Compression.EC_PUBLIC_KEY_TYPE_X9_62_HYBRID: None,
}
"""Key Compression Type (2.1 section 11.24) to the library's; None where it has none."""


def private_bytes(key: ECPrivate) -> bytes:
    """D in as many bytes as the curve has, big-endian; on the curves of RFC 7748 their own bytes.

    Source: SEC 1 section 2.3.7.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    return key.private_bytes_raw()


def public_bytes(key: ECPublic, compression: Compression | None = None) -> bytes:
    """The point; raises KeyCompressionTypeNotSupported where it has no such form."""
    chosen = compression or Compression.EC_PUBLIC_KEY_TYPE_UNCOMPRESSED
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes_raw()
    form = POINTS.get(chosen)
    if form is None:
        raise KeyCompressionTypeNotSupported("points are given uncompressed or X9.62 compressed")
    return key.public_bytes(Encoding.X962, form)


def dump_ec_private(key: ECPrivate) -> TransparentECPrivateKey:
    """Curve and D; raises UnsupportedCryptographicParameters where the curve has no name."""
    return TransparentECPrivateKey(
        recommended_curve=_named(key), d=int.from_bytes(private_bytes(key), "big")
    )


def dump_ec_public(key: ECPublic, compression: Compression | None = None) -> TransparentECPublicKey:
    """Curve and Q String; raises as `dump_ec_private` and `public_bytes`."""
    return TransparentECPublicKey(
        recommended_curve=_named(key), q_string=public_bytes(key, compression)
    )


def _named(key: ECPrivate | ECPublic) -> C:
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return recommended_curve(key.curve)
    return next(named for kind, named in CURVE_OF.items() if isinstance(key, kind))
