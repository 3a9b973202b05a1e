"""Authorities, certificates and revocation lists that are valid at chosen times."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
"""OpenSSL looks at the machine's clock, so certificates are valid around the real time."""
DAY = timedelta(days=1)
PEM = Encoding.PEM


@dataclass(frozen=True)
class Issuer:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def root(
        cls,
        name: str,
        *,
        start: datetime = NOW - DAY,
        end: datetime = NOW + 300 * DAY,
        constrained: bool = True,
    ) -> Self:
        """`constrained`: it says that it is an authority; else it is of version 3 and does not."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority = True if constrained else None
        return cls(_signed(name, key, key, _name(name), start, end, authority=authority), key)

    def issuing(self, name: str, *, end: datetime = NOW + 200 * DAY) -> "Issuer":
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _signed(
            name, key, self.key, self.certificate.subject, NOW - DAY, end, authority=True
        )
        return Issuer(signed, key)

    def client(
        self, name: str, *, start: datetime = NOW - DAY, end: datetime = NOW + 100 * DAY
    ) -> "Issuer":
        key = ec.generate_private_key(ec.SECP256R1())
        return Issuer(_signed(name, key, self.key, self.certificate.subject, start, end), key)

    def revocations(
        self,
        revoked: Collection["Issuer"] = (),
        *,
        start: datetime = NOW - DAY,
        end: datetime = NOW + 7 * DAY,
        extension: x509.ExtensionType | None = None,
        critical: bool = True,
    ) -> x509.CertificateRevocationList:
        """A list, signed by this key."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(start)
            .next_update(end)
        )
        for each in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(each.certificate.serial_number)
                .revocation_date(start)
                .build()
            )
        if extension is not None:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def pair(self) -> bytes:
        """The certificate and its key, PEM."""
        key = self.key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.pem + key


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    start: datetime,
    end: datetime,
    *,
    authority: bool | None = False,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if authority is not None:
        constraints = x509.BasicConstraints(ca=authority, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    if not authority:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            ),
            critical=False,
        )
    return builder.sign(signer, SHA256())
