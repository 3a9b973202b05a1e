"""What all X.509 certificates made here have in common, and the one that signs itself.

Source: RFC 5280 sections 4.1 and 4.2.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

BACKDATE: Final = timedelta(minutes=5)
"""How long before now a certificate begins, since clocks differ."""

LONGEST_NAME: Final = 64
"""Characters of a Common Name (RFC 5280 appendix A.1, ub-common-name)."""

_NO_USE: Final = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def common_name(text: str) -> x509.Name:
    """The name that is this Common Name, cut to `LONGEST_NAME`, and nothing else."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text[:LONGEST_NAME])])


def key_usage(*uses: str) -> x509.KeyUsage:
    """Key Usage of these and no other, by the names of the library's arguments."""
    return x509.KeyUsage(**_NO_USE | dict.fromkeys(uses, True))


def valid(begin: datetime, end: datetime) -> x509.CertificateBuilder:
    """A certificate with its dates and a random serial number."""
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def self_signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    begin: datetime,
    end: datetime,
) -> x509.Certificate:
    """The certificate of an authority, which may issue leaves only."""
    public_key = key.public_key()
    return (
        valid(begin, end)
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, hash_of(key))
    )


def hash_of(key: Any) -> Any:
    """The hash that a key signs; None for those that sign the whole: Edwards curves and ML-DSA."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        sizes = ((256, hashes.SHA256()), (384, hashes.SHA384()))
        return next((one for bits, one in sizes if key.key_size <= bits), hashes.SHA512())
    return hashes.SHA256() if isinstance(key, rsa.RSAPrivateKey | dsa.DSAPrivateKey) else None
