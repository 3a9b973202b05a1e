"""PKCS#8 private keys as DER has them, for keys that are looked at before anything computes.

Source: RFC 5208 section 5; RFC 5280 section 4.1.1.2.
"""

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier."""

    oid: ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class PrivateKeyInfo:
    """PKCS#8 (RFC 5208), without attributes."""

    version: int
    algorithm: Algorithm
    private_key: bytes
