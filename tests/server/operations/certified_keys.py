"""Certificates and certificate requests, made for the tests."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.server.conftest import NOW

FROM = datetime.fromtimestamp(NOW - 3600, UTC)


class CertifiedKey(NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certified(
    name: str,
    issuer: CertifiedKey | None = None,
    *,
    is_authority: bool = False,
    days: int = 30,
    path_length: int | None = None,
    extension: x509.ExtensionType | None = None,
) -> CertifiedKey:
    """A certificate of this name, signed by its own key unless there is an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    by = name_of(name) if issuer is None else issuer.certificate.subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(name))
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(FROM + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    signing = key if issuer is None else issuer.key
    return CertifiedKey(builder.sign(signing, hashes.SHA256()), key)


def certificate_request(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS#10 request for a name, DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name_of(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
