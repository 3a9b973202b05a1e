"""PKCS#12: a private key with its certificates under a password.

Source: 2.1 sections 4.31 (PKCS#12 Certificate and Password Links) and 4.39, OASIS TC-PKCS12; RFC
7292. What is written is encrypted with AES-256 (PBES2) and authenticated with HMAC-SHA-256. What is
read may be protected as the library reads it, also in ways that are only kept for old files.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization import pkcs12 as library

from kmip.errors import InvalidField, ServerLimitExceeded, UnsupportedCryptographicParameters
from server.crypto.certificates.pkcs12_outline import iterations
from server.crypto.errors import InvalidKey

MAX_CONTAINER: Final = 262_144
"""Bytes of a container that is opened: a key and a chain of certificates have some 20 000."""

MAX_ITERATIONS: Final = 5_000_000
"""Of all parts of a container together, some seconds: real ones have 2048 to 600 000 for each."""


class Container(NamedTuple):
    """What a container holds.

    Attributes:
        key: the first private key, as the library has it.
        friendly_name: the name beside its certificate; None: there is none.
        certificates: the key's own first, then those above it, and what belongs to neither.
    """

    key: Any
    friendly_name: str | None
    certificates: tuple[x509.Certificate, ...]


class WrongPassword(Exception):
    """The password does not open the container."""


def open_pkcs12(data: bytes, password: bytes) -> Container:
    """What is in a PKCS#12 file.

    Args:
        data: the file, DER or BER.
        password: UTF-8; may be empty.

    Raises:
        WrongPassword: it opens with another.
        InvalidKey: it is no PKCS#12 file, or holds no private key.
        UnsupportedCryptographicParameters: it is protected in a way that is not known here.
        ServerLimitExceeded: it is too long, or its password is stretched too long.
    """
    if len(data) > MAX_CONTAINER:
        raise ServerLimitExceeded(f"a PKCS#12 container has at most {MAX_CONTAINER} bytes")
    try:
        stretched = iterations(data)
    except ValueError:
        raise InvalidKey("the key material is no PKCS#12 container") from None
    if stretched > MAX_ITERATIONS:
        raise ServerLimitExceeded(f"its password is stretched {MAX_ITERATIONS} times at most")
    try:
        found = library.load_pkcs12(data, password)
    except ValueError:
        raise WrongPassword from None
    except (UnsupportedAlgorithm, TypeError):
        raise UnsupportedCryptographicParameters("such a container cannot be opened here") from None
    if found.key is None:
        raise InvalidKey("the container holds no private key")
    own, name = (found.cert.certificate, found.cert.friendly_name) if found.cert else (None, None)
    others = [one.certificate for one in found.additional_certs]
    if own is None and others:
        raise InvalidKey("the container holds certificates, and none of its private key")
    return Container(
        found.key,
        None if name is None else name.decode(errors="replace"),
        () if own is None else tuple(_chain(own, others)),
    )


def _chain(own: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
    """Certificates from a key's own upwards, as their issuers lead; the rest comes last."""
    chain, left = [own], list(others)
    while above := [one for one in left if is_above(chain[-1], one)]:
        chain.append(above[0])
        left.remove(above[0])
    return chain + left


def is_above(certificate: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether the other certificate is of the issuer of the first, by its name."""
    return other != certificate and certificate.issuer == other.subject


def seal_pkcs12(
    key: Any, certificates: Sequence[x509.Certificate], password: bytes, friendly_name: str
) -> bytes:
    """A PKCS#12 file.

    Args:
        key: a private key.
        certificates: the key's own first, then those above it; may be none.
        password: not empty.
        friendly_name: PKCS#12 Friendly Name.

    Raises:
        InvalidField: such files have no keys of this kind, or the first certificate is another
            key's.
    """
    try:
        return library.serialize_key_and_certificates(
            friendly_name.encode(),
            key,
            certificates[0] if certificates else None,
            certificates[1:],
            BestAvailableEncryption(password),
        )
    except (ValueError, TypeError):
        raise InvalidField("this key and these certificates make no container") from None
