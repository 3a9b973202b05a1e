"""PKCS#12: a private key with its certificates under a password.

Source: 2.1 section 4.31 (PKCS#12 Certificate and Password Links), OASIS TC-PKCS12; RFC 7292. What
is written is encrypted with AES-256 (PBES2) and authenticated with HMAC-SHA-256.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization import pkcs12 as library

from kmip.errors import BadPassword, KeyFormatTypeNotSupported
from server.crypto.certificates.certificate_facts import CERTIFICATE_ERRORS
from server.crypto.errors import InvalidKey
from server.crypto.keys.key_types import PrivateKey

Packable = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

MAX_FILE = 256 * 1024
"""Bytes of a PKCS#12 file: a key and a chain of certificates."""


class Opened(NamedTuple):
    """What a PKCS#12 file holds.

    Attributes:
        key: the private key.
        certificates: DER, the key's own first.
        friendly_name: of the key's certificate, or None.
    """

    key: PrivateKey
    certificates: tuple[bytes, ...]
    friendly_name: str | None


def seal_pkcs12(
    key: PrivateKey,
    certificates: Sequence[bytes],
    password: bytes,
    friendly_name: str | None = None,
) -> bytes:
    """A PKCS#12 file.

    Args:
        key: the private key.
        certificates: DER or PEM, the key's own first, then those above it; may be none.
        password: not empty.
        friendly_name: PKCS#12 Friendly Name.

    Raises:
        KeyFormatTypeNotSupported: keys of this kind do not go into such files.
        InvalidKey: a certificate is none.
        BadPassword: an empty password.
    """
    if not isinstance(key, Packable):
        raise KeyFormatTypeNotSupported("keys of this algorithm do not have this format")
    if not password:
        raise BadPassword("a PKCS#12 file needs a password")
    try:
        chain = [_certificate(value) for value in certificates]
    except CERTIFICATE_ERRORS:
        raise InvalidKey("a certificate for the PKCS#12 file is not one") from None
    name = friendly_name.encode() if friendly_name else None
    return library.serialize_key_and_certificates(
        name, key, chain[0] if chain else None, chain[1:], BestAvailableEncryption(password)
    )


def _certificate(value: bytes) -> x509.Certificate:
    if value.lstrip().startswith(b"-----BEGIN "):
        return x509.load_pem_x509_certificate(value)
    return x509.load_der_x509_certificate(value)


def open_pkcs12(data: bytes, password: bytes) -> Opened:
    """What a PKCS#12 file holds.

    Args:
        data: DER, up to `MAX_FILE` bytes.
        password: what it was sealed with.

    Raises:
        BadPassword: it does not open; a wrong password and a damaged file look alike.
        InvalidKey: it holds no private key of a kind the server computes with.
    """
    if len(data) > MAX_FILE:
        raise InvalidKey("the PKCS#12 file is longer than such files are")
    try:
        found = library.load_pkcs12(data, password)
    except CERTIFICATE_ERRORS:
        raise BadPassword("the PKCS#12 file does not open with this password") from None
    if not isinstance(found.key, PrivateKey):
        raise InvalidKey("the PKCS#12 file holds no private key")
    certificates = [found.cert, *found.additional_certs] if found.cert else found.additional_certs
    name = found.cert.friendly_name if found.cert else None
    return Opened(
        found.key,
        tuple(each.certificate.public_bytes(Encoding.DER) for each in certificates),
        name.decode("utf-8", "replace") if name else None,
    )
