"""What the tests of certificates share: keys, claims, and certificates that anybody could make."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.claims import MAX_LIFE, Role
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.ratls import make_claims
from enclave.snp import SEV_SNP
from enclave.snp.collateral import SNPCollateral
from enclave.tdx import TDX
from enclave.verify import verify
from tests.enclave.guest_machine import software_chip
from tests.enclave.shared_vectors import VECTORS

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(8, ec.SECP256R1())


@pytest.fixture(params=[SEV_SNP, TDX])
def tee(request):
    return SoftwareTee(SoftwareGuest(software_chip()), kind=request.param)


def claims_for(tee, key=KEY, **changes):
    claims = {
        "role": Role.BOOTSTRAP,
        "deployment": "eu-1",
        "instance": bytes(16),
        "not_before": NOW,
        "not_after": NOW + MAX_LIFE,
        "configuration_sha256": bytes(32),
    }
    return make_claims(tee, key.public_key(), **(claims | changes))


def verified(presented):
    chip = software_chip()
    collateral = SNPCollateral()
    if presented.evidence.tee == TDX:
        collateral = chip.intel.collateral(chip.made)
    return verify(presented.evidence, collateral, chip.roots, chip.made)


def with_extensions(extensions, key=OTHER_KEY, life=MAX_LIFE, signer=None):
    """What anyone without the enclave's key can make: their own certificate, others' evidence."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "strongroom")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + life)
    )
    for oid, value in extensions.items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or key, SHA256()).public_bytes(Encoding.DER)


def vector(name: str) -> bytes:
    pem = (VECTORS / "ratls" / name).read_text()
    body = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    return base64.b64decode(body)
