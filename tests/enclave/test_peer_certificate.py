"""What a certificate presents: of ours, of other makes, and of attackers."""

from hashlib import sha384, sha512

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from enclave import cbor, report_data
from enclave.claims import MAX_LIFE, encode
from enclave.errors import EnclaveError, InvalidEvidence, VerificationFailed
from enclave.evidence_formats import (
    BARE_OIDS,
    TAGGED_EVIDENCE_OID,
    Form,
    TaggedEvidence,
    write_bare,
    write_tagged,
)
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.peer_certificate import MAX_CERTIFICATE_BYTES, present_tagged, read_presented
from enclave.ratls import (
    attest,
    issue_certificate,
)
from enclave.sgx import SGX
from enclave.sgx.quote import parse_sgx_quote
from tests.enclave.attested import (
    KEY,
    NOW,
    OTHER_KEY,
    claims_for,
    tee,
    vector,
    verified,
    with_extensions,
)
from tests.enclave.guest_machine import software_chip
from tests.enclave.shared_vectors import VECTORS, needs_vectors

__all__ = ["tee"]  # a fixture


async def test_a_form_that_is_not_accepted_is_not_looked_at(tee):
    der = await issue_certificate(tee, KEY, claims_for(tee))
    for form in (Form.BARE, Form.GRAMINE, Form.INTEROPERABLE):
        with pytest.raises(InvalidEvidence, match=f"no evidence in the form {form}"):
            read_presented(der, [form])


async def test_evidence_that_comes_twice_is_refused_whichever_is_meant(tee):
    """RFC 5280 section 4.2: a certificate has no two extensions of a kind."""
    tagged = write_tagged(await attest(tee, claims_for(tee)))
    other = TAGGED_EVIDENCE_OID[:-1] + "8"
    der = with_extensions({TAGGED_EVIDENCE_OID: tagged, other: tagged})
    first, second = encoded(TAGGED_EVIDENCE_OID), encoded(other)
    assert der.count(first) == der.count(second) == 1
    with pytest.raises(InvalidEvidence, match="an extension comes twice"):
        read_presented(der.replace(second, first))


def encoded(oid):
    """An identifier's DER (X.690 section 8.19), of arcs below 128 but for 133."""
    head, second, *arcs = map(int, oid.split("."))
    content = bytes([head * 40 + second])
    for arc in arcs:
        content += bytes([0x80 | arc >> 7, arc & 0x7F] if arc > 0x7F else [arc])
    return bytes([6, len(content)]) + content


def test_a_certificate_is_read_up_to_its_limit_and_not_beyond():
    def of_size(size):
        filling = size
        while len(made := with_extensions({"1.2.3": bytes(filling)})) != size:
            filling += size - len(made)
        return made

    with pytest.raises(InvalidEvidence, match="no evidence"):
        read_presented(of_size(MAX_CERTIFICATE_BYTES))
    with pytest.raises(InvalidEvidence, match=f"{MAX_CERTIFICATE_BYTES + 1} bytes, more than"):
        read_presented(of_size(MAX_CERTIFICATE_BYTES + 1))


async def test_evidence_copied_into_another_certificate_names_another_key(tee):
    tagged = write_tagged(await attest(tee, claims_for(tee)))
    with pytest.raises(InvalidEvidence, match="another key"):
        read_presented(with_extensions({TAGGED_EVIDENCE_OID: tagged}))


async def test_claims_exchanged_under_genuine_evidence_do_not_bind(tee):
    genuine = await attest(tee, claims_for(tee))
    forged = TaggedEvidence(genuine.evidence, encode(claims_for(tee, OTHER_KEY)))
    presented = read_presented(with_extensions({TAGGED_EVIDENCE_OID: write_tagged(forged)}))
    with pytest.raises(VerificationFailed, match="another key or other claims"):
        presented.check_binding(verified(presented))


async def test_bare_evidence_copied_into_another_certificate_does_not_bind(tee):
    evidence = await tee.evidence(report_data.of_bare_key(KEY.public_key()))
    der = with_extensions({BARE_OIDS[tee.kind]: write_bare(evidence)})
    presented = read_presented(der, [Form.BARE])
    with pytest.raises(VerificationFailed, match="another key"):
        presented.check_binding(verified(presented))


async def test_the_rule_follows_the_extension_and_is_not_tried_out(tee):
    """Evidence by the bare rule is none where claims are expected, and the reverse."""
    bare = await tee.evidence(report_data.of_bare_key(KEY.public_key()))
    as_tagged = write_tagged(TaggedEvidence(bare, encode(claims_for(tee))))
    presented = read_presented(with_extensions({TAGGED_EVIDENCE_OID: as_tagged}, KEY))
    with pytest.raises(VerificationFailed):
        presented.check_binding(verified(presented))
    tagged = await attest(tee, claims_for(tee))
    as_bare = with_extensions({BARE_OIDS[tee.kind]: write_bare(tagged.evidence)}, KEY)
    presented = read_presented(as_bare, [Form.BARE])
    with pytest.raises(VerificationFailed):
        presented.check_binding(verified(presented))


async def test_evidence_over_a_nonce_is_no_bare_evidence(tee):
    """`GET /tee/attestation_report` lets its caller choose half the report data: the other half
    must not be zero by their doing, or they could have any key attested."""
    nonce = report_data.of_bare_key(OTHER_KEY.public_key())[:32]
    evidence = await tee.evidence(report_data.of_nonce_and_certificate(nonce, b"pem"))
    presented = read_presented(
        with_extensions({BARE_OIDS[tee.kind]: write_bare(evidence)}), [Form.BARE]
    )
    with pytest.raises(VerificationFailed):
        presented.check_binding(verified(presented))


async def test_an_answer_on_a_connection_is_held_against_its_key(tee):
    connection = read_presented(await issue_certificate(tee, KEY, claims_for(tee)))
    answer = write_tagged(await attest(tee, claims_for(tee, nonce=b"n" * 32)))
    presented = present_tagged(answer, connection)
    assert presented.nonce == b"n" * 32
    presented.check_binding(verified(presented))
    other = write_tagged(await attest(tee, claims_for(tee, OTHER_KEY, nonce=b"n" * 32)))
    with pytest.raises(InvalidEvidence, match="another key"):
        present_tagged(other, connection)


@pytest.fixture(scope="module")
def good_certificate():
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    return trio.run(issue_certificate, tee, KEY, claims_for(tee))


@given(st.data())
def test_a_damaged_certificate_is_an_error_of_ours_or_presents_the_same(good_certificate, data):
    """No traceback of a library, and no damage that passes for other evidence or claims."""
    at = data.draw(st.integers(0, len(good_certificate) - 1))
    damaged = bytearray(good_certificate)
    damaged[at] ^= data.draw(st.integers(1, 255))
    genuine = read_presented(good_certificate)
    try:
        presented = read_presented(bytes(damaged))
        presented.check_binding(verified(presented))
    except EnclaveError:
        return
    assert presented.claims == genuine.claims
    assert presented.evidence.report == genuine.evidence.report


def test_a_key_that_no_bare_evidence_binds():
    private = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + MAX_LIFE)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(BARE_OIDS[SGX]), b"quote"),
            critical=False,
        )
        .sign(private, None)
    )
    with pytest.raises(InvalidEvidence, match="no evidence binds"):
        read_presented(certificate.public_bytes(Encoding.DER), [Form.BARE])


@pytest.mark.parametrize(
    "change, why",
    [
        ({"pubkey-hash": 1}, "name no key"),
        ({"pubkey-hash": cbor.encode([2, bytes(32)])}, "another key"),
        ({"pubkey-hash": cbor.encode([7, bytes(48)])}, "another key"),
        ({"nonce": 7}, "no byte string"),
    ],
)
async def test_claims_of_another_make_that_cannot_be_understood(change, why):
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    claims = {"pubkey-hash": cbor.encode([1, claims_for(tee).public_key_sha256])}
    good, bad = (
        with_extensions(
            {TAGGED_EVIDENCE_OID: write_tagged(TaggedEvidence(evidence, cbor.encode(each)))}, KEY
        )
        for evidence in [await tee.evidence(bytes(64))]
        for each in (claims, claims | change)
    )
    assert read_presented(good, [Form.INTEROPERABLE]).nonce is None
    with pytest.raises(InvalidEvidence, match=why):
        read_presented(bad, [Form.INTEROPERABLE])


@pytest.mark.parametrize("number, hashed", [(7, sha384), (8, sha512)])
async def test_longer_hashes_of_the_key_count_too(number, hashed):
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    key_info = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    claims = {
        "pubkey-hash": cbor.encode([number, hashed(key_info).digest()]),
        "nonce": b"any length",
    }
    tagged = TaggedEvidence(await tee.evidence(bytes(64)), cbor.encode(claims))
    der = with_extensions({TAGGED_EVIDENCE_OID: write_tagged(tagged)}, KEY)
    assert read_presented(der, [Form.INTEROPERABLE]).nonce == b"any length"


@needs_vectors
@pytest.mark.parametrize(
    "name, form",
    [
        ("ccc-interop-gramine.pem", Form.INTEROPERABLE),
        ("ccc-interop-gramine.pem", Form.GRAMINE),
        ("ccc-interop-intel-sgxsdk.pem", Form.INTEROPERABLE),
        ("ccc-interop-rats-tls.pem", Form.INTEROPERABLE),
        ("inclavare-legacy-rsa-1.pem", Form.BARE),
        ("inclavare-legacy-rsa-2.pem", Form.BARE),
    ],
)
def test_certificates_of_other_makes_are_read_and_their_binding_holds(name, form):
    presented = read_presented(vector(name), [form])
    assert presented.form is form
    assert presented.evidence.tee == SGX
    assert presented.claims is None
    quote = parse_sgx_quote(presented.evidence.report)
    assert quote.body.report_data == presented.report_data
    # SHA-1 with RSA does not count as a signature.
    assert presented.self_signed is (name != "inclavare-legacy-rsa-1.pem")


@needs_vectors
@pytest.mark.parametrize("name", ["x509-cert+cbor-cmw.der", "x509-cert+json-cmw.der"])
def test_conceptual_message_wrappers_are_not_spoken(name):
    data = (VECTORS / "ratls" / name).read_bytes()
    with pytest.raises(InvalidEvidence, match="no evidence in the form"):
        read_presented(data, list(Form))
