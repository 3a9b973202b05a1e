"""A certificate that an authority signed says nothing; what its key answers does."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from enclave import cbor, report_data
from enclave.errors import InvalidEvidence
from enclave.evidence_formats import Form, TaggedEvidence, write_tagged
from enclave.peer_certificate import has_evidence, read_answered
from enclave.ratls import attest, issue_certificate
from tests.enclave.attested import KEY, NOW, OTHER_KEY, claims_for, tee, verified

__all__ = ["tee"]  # a fixture

NONCE = bytes(range(32))
RSA_KEY = rsa.generate_private_key(65537, 2048)


def certified(key) -> bytes:
    """A certificate for a key, by an authority."""
    names = x509.SubjectAlternativeName([x509.DNSName("kms.example.test")])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW.replace(year=NOW.year + 1))
        .add_extension(names, critical=True)
    )
    authority = ec.derive_private_key(9, ec.SECP256R1())
    return builder.sign(authority, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key", [KEY, RSA_KEY], ids=["P-256", "RSA"])
async def test_what_the_key_answers(tee, key):
    certificate = certified(key)
    assert not has_evidence(certificate)
    answer = write_tagged(await attest(tee, claims_for(tee, key, nonce=NONCE)))
    presented = read_answered(certificate, answer)
    assert presented.nonce == NONCE
    assert presented.form is Form.STRONGROOM
    assert not presented.self_signed
    presented.check_binding(verified(presented))


async def test_a_certificate_with_evidence_is_seen(tee):
    assert has_evidence(await issue_certificate(tee, KEY, claims_for(tee)))


async def test_an_answer_about_another_key(tee):
    answer = write_tagged(await attest(tee, claims_for(tee, OTHER_KEY, nonce=NONCE)))
    with pytest.raises(InvalidEvidence, match="another key"):
        read_answered(certified(KEY), answer)


async def test_an_answer_without_a_role_is_for_those_who_accept_that(tee):
    certificate = certified(KEY)
    digest = read_answered(
        certificate, write_tagged(await attest(tee, claims_for(tee, nonce=NONCE)))
    ).public_key_sha256
    claims = cbor.encode({"pubkey-hash": cbor.encode([1, digest]), "nonce": NONCE})
    evidence = await tee.evidence(report_data.of_claims(claims))
    answer = write_tagged(TaggedEvidence(evidence, claims))
    with pytest.raises(InvalidEvidence, match="no evidence in the form"):
        read_answered(certificate, answer)
    presented = read_answered(certificate, answer, {Form.INTEROPERABLE})
    assert presented.claims is None


@pytest.mark.parametrize("data", [b"", b"\xff", bytes(100)])
def test_garbage(data):
    with pytest.raises(InvalidEvidence):
        read_answered(certified(KEY), data)
    with pytest.raises(InvalidEvidence):
        has_evidence(data)
