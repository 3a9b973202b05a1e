"""DER encodings of keys: PKCS#1, PKCS#8, SubjectPublicKeyInfo and ECPrivateKey."""

import binascii
from typing import Any, NamedTuple

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from kmip.enums import CryptographicAlgorithm as A
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
