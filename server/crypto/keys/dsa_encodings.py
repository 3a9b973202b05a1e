"""DSA private keys as DER: their numbers, read before anything is computed with them.

The library raises g to x when it loads a key, whatever their lengths: for as long as an encoding
may be that takes minutes, and holds the interpreter. So the numbers are taken out here, and checked
where transparent keys are.

Encodings: PKCS#8 with the parameters of RFC 3279 section 2.3.2, and OpenSSL's DSAPrivateKey.
"""

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from kmip.key_block import TransparentDSAPrivateKey
from server.crypto.errors import InvalidKey
from server.crypto.keys.pkcs8 import PrivateKeyInfo

DSA = ObjectIdentifier("1.2.840.10040.4.1")


@asn1.sequence
class _Parameters:
    """Dss-Parms."""

    p: int
    q: int
    g: int


@asn1.sequence
class _Traditional:
    """DSAPrivateKey."""

    version: int
    p: int
    q: int
    g: int
    y: int
    x: int


def is_dsa(data: bytes) -> bool:
    """Whether a DER encoding names DSA near its beginning, or is OpenSSL's."""
    return asn1.encode_der(DSA) in data[:64] or _traditional(data) is not None


def read_private(data: bytes) -> TransparentDSAPrivateKey:
    """The numbers of a DSA private key; raises InvalidKey where they cannot be read."""
    key = _traditional(data)
    if key is not None:
        return TransparentDSAPrivateKey(p=key.p, q=key.q, g=key.g, x=key.x)
    try:
        info = asn1.decode_der(PrivateKeyInfo, data)
        group = info.algorithm.parameters.parse(_Parameters)
        x = asn1.decode_der(int, info.private_key)
    except ValueError:
        raise InvalidKey("not the encoding of a DSA private key") from None
    return TransparentDSAPrivateKey(p=group.p, q=group.q, g=group.g, x=x)


def _traditional(data: bytes) -> _Traditional | None:
    try:
        return asn1.decode_der(_Traditional, data)
    except ValueError:
        return None
