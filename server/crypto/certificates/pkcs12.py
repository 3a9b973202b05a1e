"""PKCS#12: a private key with its certificates under a password.

Source: 2.1 section 4.31 (PKCS#12 Certificate and Password Links), OASIS TC-PKCS12; RFC 7292. What
is written is encrypted with AES-256 (PBES2) and authenticated with HMAC-SHA-256.
"""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization import pkcs12 as library

from kmip.errors import InvalidField


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
