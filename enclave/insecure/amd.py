"""A simulated AMD: a root, an intermediate, and for each TCB version a chip's VCEK.

The certificates have AMD's names, schemes and extensions, so that the same code reads them, and
say in an organisational unit what they are. The digest of their root is
not AMD's, and that is what a verifier goes by.

Source: AMD 57230 sections 2 and 3.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from enclave.roots import AMDRoot, Roots
from enclave.snp.abi import MilanTCB, Product
from enclave.snp.certificates import HWID, PRODUCT_NAME, TCB_EXTENSIONS

PRODUCT: Final = Product.GENOA
LIFE: Final = timedelta(days=25 * 365)  # AMD's own: a chip's file is not renewed
CA_USAGE: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_PSS: Final = padding.PSS(mgf=padding.MGF1(SHA384()), salt_length=48)
_STRUCTURE_VERSION: Final = "1.3.6.1.4.1.3704.1.1"


@dataclass(frozen=True)
class SimulatedAMD:
    """The keys and certificates of the simulated vendor for one product line."""

    ark_key: rsa.RSAPrivateKey = field(repr=False)
    ask_key: rsa.RSAPrivateKey = field(repr=False)
    ark: x509.Certificate
    ask: x509.Certificate

    @classmethod
    def make(cls, now: datetime) -> "SimulatedAMD":
        """New keys (RSA-4096: about a second) and their certificates from `now` on."""
        ark_key, ask_key = (rsa.generate_private_key(65537, 4096) for _ in range(2))
        ark_name, ask_name = name_of(f"ARK-{PRODUCT}"), name_of(f"SEV-{PRODUCT}")
        ark = _ca(ark_name, ark_name, ark_key.public_key(), now, 1).sign(
            ark_key, SHA384(), rsa_padding=_PSS
        )
        ask = _ca(ask_name, ark_name, ask_key.public_key(), now, 2).sign(
            ark_key, SHA384(), rsa_padding=_PSS
        )
        return cls(ark_key, ask_key, ark, ask)

    @property
    def roots(self) -> Roots:
        """The roots to trust, in order to accept this vendor's chips as simulated."""
        root = AMDRoot(self.ark.public_bytes(Encoding.DER), self.ask.public_bytes(Encoding.DER))
        return Roots(amd={PRODUCT: root})

    def vcek(
        self, key: ec.EllipticCurvePublicKey, chip_id: bytes, tcb: MilanTCB, now: datetime
    ) -> bytes:
        """The DER certificate of a chip's P-384 key for a TCB version."""
        extensions = {
            _STRUCTURE_VERSION: asn1.encode_der(0),
            PRODUCT_NAME: asn1.encode_der(asn1.IA5String(PRODUCT.value)),
            HWID: chip_id,
            **{
                oid: asn1.encode_der(getattr(tcb, component))
                for component, oid in TCB_EXTENSIONS.items()
                if hasattr(tcb, component)
            },
        }
        builder = _builder(name_of("SEV-VCEK"), self.ask.subject, key, now, 3)
        for oid, value in extensions.items():
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self.ask_key, SHA384(), rsa_padding=_PSS)
        return certificate.public_bytes(Encoding.DER)

    def revocation_list(self, now: datetime, revoked: tuple[x509.Certificate, ...] = ()) -> bytes:
        """A DER revocation list of the root, good for a year from `now`."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.ark.subject)
            .last_update(now)
            .next_update(now + timedelta(days=365))
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(now)
                .build()
            )
        return builder.sign(self.ark_key, SHA384(), rsa_padding=_PSS).public_bytes(Encoding.DER)


def name_of(common_name: str) -> x509.Name:
    """A name as the vendor would give it, marked as what it is."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "SIMULATED by Strongroom"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    now: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + LIFE)
    )


def _ca(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, now: datetime, serial: int
) -> x509.CertificateBuilder:
    return (
        _builder(subject, issuer, key, now, serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(CA_USAGE, critical=True)
    )
