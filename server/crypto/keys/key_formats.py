"""Key Format Types: a Key Block's material to the library's keys and back.

Theory: `FORMATS` has a row for every Key Format Type with up to four functions: load and dump a
private and a public key. Loading goes by the format and is liberal in the encoding (DER of another
kind, PEM), since clients mix them up; dumping is exact. Symmetric keys and secrets are bytes in
Raw and Opaque and a structure in Transparent Symmetric Key.

Post-quantum keys: Raw is the encoding of FIPS 203 or 204 for a public key and the seed (32 bytes
for ML-DSA, 64 for ML-KEM) for a private one; PKCS#8 holds the seed (RFC 9881, RFC 9935).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyCompressionType as Compression
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType
from kmip.enums import RecommendedCurve as C
from kmip.errors import KeyFormatTypeNotSupported
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
from server.crypto.errors import InvalidKey
from server.crypto.keys import der_keys, elliptic_keys, raw_keys, transparent_keys
from server.crypto.keys.der_keys import Hints
from server.crypto.keys.diffie_hellman import DHPrivateKey, DHPublicKey
from server.crypto.keys.elliptic_keys import ECPrivate, ECPublic
from server.crypto.keys.key_facts import is_of_algorithm
from server.crypto.keys.key_types import PrivateKey, PublicKey

Material = bytes | Transparent


class Format(NamedTuple):
    """What can be done with one format; None where it has no such keys.

    Attributes:
        load_private: (material, hints) to a key; raises InvalidKey.
        load_public: likewise.
        dump_private: a key to material; raises KeyFormatTypeNotSupported.
        dump_public: (key, compression) to material; likewise.
    """

    load_private: Callable[[Any, Hints], PrivateKey] | None = None
    load_public: Callable[[Any, Hints], PublicKey] | None = None
    dump_private: Callable[[PrivateKey], Material] | None = None
    dump_public: Callable[[PublicKey, Compression | None], Material] | None = None


def _only(kind: Any, dump: Callable[[Any], Material]) -> Callable[[Any], Material]:
    """`dump` for keys of `kind`; a refusal for others."""

    def checked(key: Any) -> Material:
        if not isinstance(key, kind):
            raise KeyFormatTypeNotSupported("keys of this algorithm do not have this format")
        return dump(key)

    return checked


def _only_public(kind: Any, dump: Callable[..., Material], *, points: bool = False) -> Any:
    """Likewise for public keys; `points`: the format takes a compression."""

    def checked(key: Any, compression: Compression | None) -> Material:
        if not isinstance(key, kind):
            raise KeyFormatTypeNotSupported("keys of this algorithm do not have this format")
        return dump(key, compression) if points else dump(key)

    return checked


def _of(kind: type, load: Callable[..., Any]) -> Callable[[Any, Hints], Any]:
    """`load` for material of the structure `kind`, without hints."""

    def checked(material: Any, hints: Hints) -> Any:
        if not isinstance(material, kind):
            raise InvalidKey("the key material is not the structure its format has")
        return load(material)

    return checked


def _rsa_private(material: Any, hints: Hints) -> PrivateKey:
    if not isinstance(material, TransparentRSAPrivateKey):
        raise InvalidKey("the key material is not the structure its format has")
    return transparent_keys.load_rsa_private(material, validated=hints.validated)


def _ec_private(material: Any, hints: Hints) -> PrivateKey:
    if not isinstance(material, TransparentECPrivateKey):
        raise InvalidKey("the key material is not the structure its format has")
    return elliptic_keys.load_ec_private(material, hints.algorithm)


def _ec_public(material: Any, hints: Hints) -> PublicKey:
    if not isinstance(material, TransparentECPublicKey):
        raise InvalidKey("the key material is not the structure its format has")
    return elliptic_keys.load_ec_public(material, hints.algorithm)


EC_PRIVATE = Format(
    load_private=_ec_private, dump_private=_only(ECPrivate, elliptic_keys.dump_ec_private)
)
EC_PUBLIC = Format(
    load_public=_ec_public,
    dump_public=_only_public(ECPublic, elliptic_keys.dump_ec_public, points=True),
)

FORMATS: dict[F, Format | None] = {
    F.RAW: Format(
        raw_keys.load_private, raw_keys.load_public, raw_keys.dump_private, raw_keys.dump_public
    ),
    F.OPAQUE: None,  # "the encoding is unknown to the key management system"
    F.PKCS_1: Format(
        der_keys.load_private,
        der_keys.load_public,
        _only(rsa.RSAPrivateKey, der_keys.dump_pkcs_1_private),
        _only_public(rsa.RSAPublicKey, der_keys.dump_pkcs_1_public),
    ),
    F.PKCS_8: Format(der_keys.load_private, der_keys.load_public, der_keys.dump_pkcs_8),
    F.X_509: Format(
        load_public=der_keys.load_public,
        dump_public=_only_public(object, der_keys.dump_subject_public_key_info),
    ),
    F.ECPRIVATEKEY: Format(
        load_private=der_keys.load_private,
        dump_private=_only(ec.EllipticCurvePrivateKey, der_keys.dump_ec_private_key),
    ),
    F.TRANSPARENT_SYMMETRIC_KEY: None,
    F.TRANSPARENT_DSA_PRIVATE_KEY: Format(
        load_private=_of(TransparentDSAPrivateKey, transparent_keys.load_dsa_private),
        dump_private=_only(dsa.DSAPrivateKey, transparent_keys.dump_dsa_private),
    ),
    F.TRANSPARENT_DSA_PUBLIC_KEY: Format(
        load_public=_of(TransparentDSAPublicKey, transparent_keys.load_dsa_public),
        dump_public=_only_public(dsa.DSAPublicKey, transparent_keys.dump_dsa_public),
    ),
    F.TRANSPARENT_RSA_PRIVATE_KEY: Format(
        load_private=_rsa_private,
        dump_private=_only(rsa.RSAPrivateKey, transparent_keys.dump_rsa_private),
    ),
    F.TRANSPARENT_RSA_PUBLIC_KEY: Format(
        load_public=_of(TransparentRSAPublicKey, transparent_keys.load_rsa_public),
        dump_public=_only_public(rsa.RSAPublicKey, transparent_keys.dump_rsa_public),
    ),
    F.TRANSPARENT_DH_PRIVATE_KEY: Format(
        load_private=_of(TransparentDHPrivateKey, transparent_keys.load_dh_private),
        dump_private=_only(DHPrivateKey, transparent_keys.dump_dh_private),
    ),
    F.TRANSPARENT_DH_PUBLIC_KEY: Format(
        load_public=_of(TransparentDHPublicKey, transparent_keys.load_dh_public),
        dump_public=_only_public(DHPublicKey, transparent_keys.dump_dh_public),
    ),
    F.TRANSPARENT_ECDSA_PRIVATE_KEY: EC_PRIVATE,
    F.TRANSPARENT_ECDSA_PUBLIC_KEY: EC_PUBLIC,
    F.TRANSPARENT_ECDH_PRIVATE_KEY: EC_PRIVATE,
    F.TRANSPARENT_ECDH_PUBLIC_KEY: EC_PUBLIC,
    F.TRANSPARENT_ECMQV_PRIVATE_KEY: EC_PRIVATE,
    F.TRANSPARENT_ECMQV_PUBLIC_KEY: EC_PUBLIC,
    F.TRANSPARENT_EC_PRIVATE_KEY: EC_PRIVATE,
    F.TRANSPARENT_EC_PUBLIC_KEY: EC_PUBLIC,
    F.PKCS_12: None,  # a key and certificates under a password: server.crypto.certificates.pkcs12
    F.PKCS_10: None,  # a certificate request
}
"""A row for every Key Format Type; None where it holds no private or public key by itself."""

SYMMETRIC_FORMATS = frozenset({F.RAW, F.OPAQUE, F.TRANSPARENT_SYMMETRIC_KEY})


def load_symmetric(key_format: F, material: Any) -> bytes:
    """The bytes of a symmetric key, secret data or split key part.

    Raises:
        InvalidKey: empty, or not what the format has.
    """
    if isinstance(material, TransparentSymmetricKey):
        material = material.key
    if key_format not in SYMMETRIC_FORMATS or not isinstance(material, bytes) or not material:
        raise InvalidKey("the key material is not the bytes of a symmetric key")
    return material


def dump_symmetric(key: bytes, key_format: F) -> Material:
    """The material of a symmetric key; raises KeyFormatTypeNotSupported."""
    if key_format not in SYMMETRIC_FORMATS:
        raise KeyFormatTypeNotSupported("symmetric keys do not have this format")
    if key_format == F.TRANSPARENT_SYMMETRIC_KEY:
        return TransparentSymmetricKey(key=key)
    return key


def load_private(
    key_format: F,
    material: Any,
    algorithm: A | None = None,
    *,
    curve: C | None = None,
    validated: bool = False,
) -> PrivateKey:
    """A private key from a Key Block's material.

    Args:
        key_format: its Key Format Type.
        material: bytes, or the structure of a transparent format.
        algorithm: its Cryptographic Algorithm, where known: it must be the key's.
        curve: Recommended Curve, for a raw elliptic curve key.
        validated: the material was checked when it came in; skips RSA's primality tests.

    Raises:
        InvalidKey: the material is no such key.
        KeyFormatTypeNotSupported: the format holds no private keys.
    """
    row = FORMATS.get(key_format)
    if row is None or row.load_private is None:
        raise KeyFormatTypeNotSupported("the format holds no private key")
    key = row.load_private(material, Hints(algorithm, curve, validated))
    if algorithm is not None and not is_of_algorithm(key, algorithm):
        raise InvalidKey("the key material is of another algorithm than it says")
    return key


def load_public(
    key_format: F, material: Any, algorithm: A | None = None, *, curve: C | None = None
) -> PublicKey:
    """A public key from a Key Block's material; arguments and errors as `load_private`."""
    row = FORMATS.get(key_format)
    if row is None or row.load_public is None:
        raise KeyFormatTypeNotSupported("the format holds no public key")
    key = row.load_public(material, Hints(algorithm, curve))
    if algorithm is not None and not is_of_algorithm(key, algorithm):
        raise InvalidKey("the key material is of another algorithm than it says")
    return key


def dump_private(key: PrivateKey, key_format: F) -> Material:
    """A private key's material in a format; raises KeyFormatTypeNotSupported."""
    row = FORMATS.get(key_format)
    if row is None or row.dump_private is None:
        raise KeyFormatTypeNotSupported("the format holds no private key")
    return row.dump_private(key)


def dump_public(key: PublicKey, key_format: F, compression: Compression | None = None) -> Material:
    """A public key's material in a format; points uncompressed unless `compression` says.

    Raises:
        KeyFormatTypeNotSupported: keys of this algorithm do not have the format.
        KeyCompressionTypeNotSupported: points do not have the compression.
    """
    row = FORMATS.get(key_format)
    if row is None or row.dump_public is None:
        raise KeyFormatTypeNotSupported("the format holds no public key")
    return row.dump_public(key, compression)


def convert(
    object_type: ObjectType,
    material: Any,
    from_format: F,
    to_format: F,
    algorithm: A | None = None,
    compression: Compression | None = None,
) -> Material:
    """Material in another format (Get with Key Format Type, 2.1 section 6.1.19).

    Args:
        object_type: of the object; all but private and public keys are bytes.
        material: as the object holds it.
        from_format: its Key Format Type.
        to_format: the one asked for.
        algorithm: of the key, where known.
        compression: Key Compression Type for a public key on a curve.

    Raises:
        KeyFormatTypeNotSupported: there is no way from one to the other.
        InvalidKey: the material is not what its format says, nor another form of such a key.
    """
    if from_format == to_format and compression is None and der_keys.is_form(to_format, material):
        return cast("Material", material)
    if object_type == ObjectType.PRIVATE_KEY:
        private = load_private(from_format, material, algorithm, validated=True)
        return dump_private(private, to_format)
    if object_type == ObjectType.PUBLIC_KEY:
        return dump_public(load_public(from_format, material, algorithm), to_format, compression)
    if from_format not in SYMMETRIC_FORMATS:
        raise KeyFormatTypeNotSupported("the object does not leave its format")
    return dump_symmetric(load_symmetric(from_format, material), to_format)
