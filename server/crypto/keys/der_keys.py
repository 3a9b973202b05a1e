"""DER encodings of keys: PKCS#1, PKCS#8, SubjectPublicKeyInfo and ECPrivateKey."""

import binascii
from typing import Any, NamedTuple

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyFormatType as F
from kmip.enums import RecommendedCurve as C
from server.crypto.errors import InvalidKey
from server.crypto.keys import diffie_hellman, dsa_encodings, rsa_numbers
from server.crypto.keys.key_types import PrivateKey, PublicKey
from server.crypto.keys.transparent_keys import check_modulus, load_dsa_private

MAX_ENCODING = 16 * 1024
"""Bytes of an encoded key: the largest known, ML-DSA-87 with seed and expanded key, has 5 KiB."""

LOADING_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm, InternalError, OverflowError)


class Hints(NamedTuple):
    """What is known of a key besides its material.

    Attributes:
        algorithm: Cryptographic Algorithm, or None.
        curve: Recommended Curve, where the material does not tell it.
        validated: the material was checked when it came in, so skip RSA's primality tests (30 ms
            for 2048 bits, against 0.3 ms for a signature).
    """

    algorithm: A | None = None
    curve: C | None = None
    validated: bool = False


def der(material: Any) -> bytes:
    """The DER in `material`, which may be PEM; raises InvalidKey."""
    if not isinstance(material, bytes) or not material:
        raise InvalidKey("the key material is not a byte string with an encoded key")
    if len(material) > MAX_ENCODING:
        raise InvalidKey("the key material is longer than any encoded key")
    if not material.lstrip().startswith(b"-----BEGIN "):
        return material
    try:
        return binascii.a2b_base64(
            b"".join(line for line in material.splitlines() if not line.startswith(b"-----"))
        )
    except binascii.Error:
        raise InvalidKey("the PEM encoding of the key does not hold") from None


SEQUENCE, INTEGER, BIT_STRING, OCTET_STRING = b"\x30", b"\x02", b"\x03", b"\x04"

FORMS: dict[F, tuple[bytes, ...]] = {
    F.PKCS_1: (INTEGER + INTEGER,),
    F.PKCS_8: (INTEGER + SEQUENCE,),
    F.ECPRIVATEKEY: (INTEGER + OCTET_STRING,),
    F.X_509: (SEQUENCE + BIT_STRING,),
}
"""The types of the first two fields of each encoding, which no two of them share (RFC 8017 appendix
A.1, RFC 5208 section 5, RFC 5915 section 3, RFC 5280 section 4.1)."""


def is_form(key_format: F, material: Any) -> bool:
    """Whether material is in the encoding that its format says, as far as its first fields tell.

    Clients label one encoding as another, and PEM as DER. Material of a format that is no encoding
    in DER counts as what it says.
    """
    forms = FORMS.get(key_format)
    if forms is None or not isinstance(material, bytes):
        return True
    outer = _field(material, 0)
    if material[:1] != SEQUENCE or outer is None or outer[1] != len(material):
        return False
    first = _field(material, outer[0])
    if first is None:
        return False
    return material[outer[0] : outer[0] + 1] + material[first[1] : first[1] + 1] in forms


def _field(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the contents of the DER field at `start` begin and end; None: it is cut short."""
    if start + 2 > len(data):
        return None
    size, begin = data[start + 1], start + 2
    if size & 0x80:
        begin += size & 0x7F
        size = int.from_bytes(data[start + 2 : begin], "big")
    return (begin, begin + size) if begin + size <= len(data) else None


def load_private(material: Any, hints: Hints) -> PrivateKey:
    """A private key of any kind; raises InvalidKey, also where a password would be needed."""
    data = der(material)
    if diffie_hellman.is_diffie_hellman(data):
        return diffie_hellman.load_private_der(data)
    if dsa_encodings.is_dsa(data):
        return load_dsa_private(dsa_encodings.read_private(data))
    try:
        key = serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey):
            check_modulus(key.public_key().public_numbers().n)
            rsa_numbers.check(key.private_numbers(), validated=hints.validated)
    except LOADING_ERRORS:
        raise InvalidKey("the key material is not an encoded private key") from None
    return key


def load_public(material: Any, _: Hints) -> PublicKey:
    """A public key of any kind; raises InvalidKey."""
    data = der(material)
    if diffie_hellman.is_diffie_hellman(data):
        return diffie_hellman.load_public_der(data)
    try:
        key = serialization.load_der_public_key(data)
    except LOADING_ERRORS:
        raise InvalidKey("the key material is not an encoded public key") from None
    if isinstance(key, rsa.RSAPublicKey):
        check_modulus(key.public_numbers().n)
    return key


def dump_pkcs_1_private(key: rsa.RSAPrivateKey) -> bytes:
    """RSAPrivateKey (RFC 8017 appendix A.1.2)."""
    return key.private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def dump_pkcs_1_public(key: rsa.RSAPublicKey) -> bytes:
    """RSAPublicKey (RFC 8017 appendix A.1.1)."""
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def dump_ec_private_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """ECPrivateKey (RFC 5915)."""
    return key.private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def dump_pkcs_8(key: PrivateKey) -> bytes:
    """PrivateKeyInfo (RFC 5208), not encrypted."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, serialization.NoEncryption())


def dump_subject_public_key_info(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
