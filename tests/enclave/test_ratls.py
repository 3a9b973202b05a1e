"""Certificates with evidence: made, read back, installed, renewed; and those of other makes."""

import base64
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha384, sha512
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from enclave import cbor, report_data
from enclave.claims import MAX_LIFE, Role, SkProvider, encode
from enclave.collateral import SNPCollateral
from enclave.errors import DeviceError, EnclaveError, InvalidEvidence, VerificationFailed
from enclave.evidence import TEE
from enclave.forms import (
    BARE_OIDS,
    GRAMINE_OID,
    MAX_BLOB_BYTES,
    TAGGED_EVIDENCE_OID,
    Form,
    TaggedEvidence,
    read_bare,
    read_blob,
    read_tagged,
    write_bare,
    write_tagged,
)
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.presented import MAX_CERTIFICATE_BYTES, present_tagged, read_presented
from enclave.ratls import (
    RETRY_SECONDS,
    Issued,
    attest,
    issue_certificate,
    keep_fresh,
    make_claims,
    server_context,
    use_certificate,
)
from enclave.sgx.quote import parse_sgx_quote
from enclave.snp.abi import parse_report
from enclave.verify import verify
from tests.enclave.guest_machine import software_chip

SHARED = Path(os.environ.get("STRONGROOM_SHARED", Path(__file__).parents[3] / "shared"))
NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(8, ec.SECP256R1())


@pytest.fixture(params=[TEE.SEV_SNP, TEE.TDX])
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
    if presented.evidence.tee is TEE.TDX:
        collateral = chip.intel.collateral(chip.made)
    return verify(presented.evidence, collateral, chip.roots, chip.made)


async def test_a_certificate_is_read_back_as_it_was_made(tee):
    claims = claims_for(tee, nonce=b"n" * 32)
    der = await issue_certificate(tee, KEY, claims, dns_names=["kms.example"])
    presented = read_presented(der)
    assert presented.form is Form.STRONGROOM
    assert presented.claims == claims
    assert presented.nonce == b"n" * 32
    assert presented.evidence.tee is tee.kind
    assert presented.self_signed
    assert (presented.not_before, presented.not_after) == (claims.not_before, claims.not_after)
    assert presented.public_key_sha256 == claims.public_key_sha256
    presented.check_binding(verified(presented))
    certificate = x509.load_der_x509_certificate(der)
    assert not any(
        extension.critical
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["kms.example"]


async def test_the_claims_say_where_the_sealing_key_comes_from(tee):
    expected = {TEE.SEV_SNP: SkProvider.INSECURE_SOFTWARE_CHIP, TEE.TDX: SkProvider.NONE}
    assert claims_for(tee).sk is expected[tee.kind]


async def test_a_reader_of_interoperable_certificates_can_check_ours(tee):
    """By the words of the CCC documents, without this project's reader."""
    certificate = x509.load_der_x509_certificate(await issue_certificate(tee, KEY, claims_for(tee)))
    oid = x509.ObjectIdentifier("2.23.133.5.4.9")
    tagged = cbor.decode(certificate.extensions.get_extension_for_oid(oid).value.value)
    assert tagged.tag == 60000
    blob, claims = tagged.value
    entries = cbor.decode(claims)
    algorithm, digest = cbor.decode(entries["pubkey-hash"])
    key_info = certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert (algorithm, digest) == (1, sha256(key_info).digest())
    bound = sha256(claims).digest() + bytes(32)
    start = 0x50 if tee.kind is TEE.SEV_SNP else 48 + 520
    assert blob[start : start + 64] == bound


async def test_evidence_for_ckms_comes_beside_ours_and_binds_the_point(tee):
    der = await issue_certificate(tee, KEY, claims_for(tee), for_ckms=True)
    assert read_presented(der).form is Form.STRONGROOM
    bare = read_presented(der, [Form.BARE])
    assert bare.form is Form.BARE
    assert bare.claims is None
    assert bare.report_data == report_data.of_bare_key(KEY.public_key())
    bare.check_binding(verified(bare))
    oids = {
        extension.oid.dotted_string for extension in x509.load_der_x509_certificate(der).extensions
    }
    assert BARE_OIDS[tee.kind] in oids
    plain = x509.load_der_x509_certificate(await issue_certificate(tee, KEY, claims_for(tee)))
    assert not oids & set(BARE_OIDS.values()) <= {e.oid.dotted_string for e in plain.extensions}


async def test_a_form_that_is_not_accepted_is_not_looked_at(tee):
    der = await issue_certificate(tee, KEY, claims_for(tee))
    for form in (Form.BARE, Form.GRAMINE, Form.INTEROPERABLE):
        with pytest.raises(InvalidEvidence, match=f"no evidence in the form {form}"):
            read_presented(der, [form])


async def test_no_certificate_is_made_for_claims_about_another_key(tee):
    with pytest.raises(ValueError):
        await issue_certificate(tee, OTHER_KEY, claims_for(tee))


def with_extensions(extensions, key=OTHER_KEY):
    """What somebody without the enclave's key can make: his own certificate, others' evidence."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "strongroom")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + MAX_LIFE)
    )
    for oid, value in extensions.items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


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
    must not be zero by his doing, or he could have any key attested."""
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


async def test_snp_evidence_keeps_its_certificates_in_both_forms():
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    evidence = await tee.evidence(bytes(64))
    assert len(evidence.certificates) == 3
    for again in (
        read_tagged(write_tagged(TaggedEvidence(evidence, b""))).evidence,
        read_bare(TEE.SEV_SNP, write_bare(evidence)),
    ):
        assert again.report == evidence.report
        assert set(again.certificates) == set(evidence.certificates)
    alone = replace(evidence, certificates=())
    assert read_bare(TEE.SEV_SNP, alone.report) == alone
    assert read_bare(TEE.SEV_SNP, write_bare(alone)) == alone


def test_a_vlek_in_a_bincode_list_has_a_guid_or_none():
    report, leaf = bytes(1184), b"\x30" * 40
    guid = bytes.fromhex("a8074bc2a25a483eaae639c045a0b8a1")
    length = (40).to_bytes(8, "little")
    old = (4).to_bytes(4, "little") + (16).to_bytes(8, "little") + guid + length + leaf
    new = (4).to_bytes(4, "little") + length + leaf
    for entry in (old, new):
        data = report + (1).to_bytes(8, "little") + entry
        assert read_bare(TEE.SEV_SNP, data).certificates == (leaf,)


@pytest.mark.parametrize(
    "data, why",
    [
        (cbor.encode(cbor.Tagged(60001, [bytes(1184), b""])), "under tag 60000"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184)])), "a pair"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184), "claims"])), "a pair"),
        (cbor.encode([b"", b""]), "under tag 60000"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184), b""])), "neither"),
        (cbor.encode(cbor.Tagged(60000, [b"", b""])), "neither"),
        (cbor.encode(cbor.Tagged(60000, [b"\x02\0\0\0" + bytes(1000), b""])), "neither"),
        (b"", "CBOR"),
    ],
)
def test_what_is_not_tagged_evidence(data, why):
    with pytest.raises(InvalidEvidence, match=why):
        read_tagged(data)


def test_lengths_have_a_limit():
    with pytest.raises(InvalidEvidence, match="more than"):
        read_blob(bytes(MAX_BLOB_BYTES + 1))
    with pytest.raises(InvalidEvidence, match="more than"):
        read_bare(TEE.SGX, bytes(MAX_BLOB_BYTES + 1))
    with pytest.raises(InvalidEvidence, match="more than"):
        read_presented(bytes(MAX_CERTIFICATE_BYTES + 1))
    many = bytes(1184) + (9).to_bytes(8, "little")
    with pytest.raises(InvalidEvidence, match="9 certificates"):
        read_bare(TEE.SEV_SNP, many)


@given(st.binary(max_size=200))
def test_garbage_is_invalid_evidence(data):
    for read in (read_presented, read_tagged, read_blob):
        with pytest.raises(InvalidEvidence):
            read(data)


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
            x509.UnrecognizedExtension(x509.ObjectIdentifier(BARE_OIDS[TEE.SGX]), b"quote"),
            critical=False,
        )
        .sign(private, None)
    )
    with pytest.raises(InvalidEvidence, match="no evidence binds"):
        read_presented(certificate.public_bytes(Encoding.DER), [Form.BARE])


async def test_a_certificate_is_installed_also_where_memory_has_no_file_names(monkeypatch):
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    certificate = await issue_certificate(tee, KEY, claims_for(tee))
    monkeypatch.delattr(os, "memfd_create")
    use_certificate(server_context(), KEY, certificate)
    with pytest.raises(ssl.SSLError, match="key values mismatch"):
        use_certificate(server_context(), OTHER_KEY, certificate)


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


def issued(number: int, at: datetime) -> Issued:
    return Issued(bytes([number]), at + MAX_LIFE)


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life(autojump_clock):
    start, times, installed = trio.current_time(), [], []

    def now() -> datetime:
        return NOW + timedelta(seconds=trio.current_time() - start)

    async def issue() -> Issued:
        times.append(trio.current_time() - start)
        return issued(len(times), now())

    async with trio.open_nursery() as nursery:
        await nursery.start(keep_fresh, issue, installed.append, now)
        assert [each.certificate for each in installed] == [b"\1"]
        await trio.sleep(MAX_LIFE.total_seconds() * 1.5)
        nursery.cancel_scope.cancel()
    assert times == pytest.approx([0, 16 * 3600, 32 * 3600])
    assert [each.certificate for each in installed] == [b"\1", b"\2", b"\3"]


async def test_while_the_chip_does_not_answer_the_present_certificate_serves(autojump_clock):
    start, times, installed = trio.current_time(), [], []

    def now() -> datetime:
        return NOW + timedelta(seconds=trio.current_time() - start)

    async def issue() -> Issued:
        times.append(trio.current_time() - start)
        if len(times) in (2, 3):
            raise DeviceError("not now")
        return issued(len(times), now())

    async with trio.open_nursery() as nursery:
        await nursery.start(keep_fresh, issue, installed.append, now)
        await trio.sleep(MAX_LIFE.total_seconds())
        nursery.cancel_scope.cancel()
    renewal = 16 * 3600
    assert times == pytest.approx(
        [0, renewal, renewal + RETRY_SECONDS, renewal + 2 * RETRY_SECONDS]
    )
    assert [each.certificate for each in installed] == [b"\1", b"\4"]


async def test_a_server_that_cannot_attest_at_first_does_not_start(autojump_clock):
    async def issue() -> Issued:
        raise DeviceError("no chip")

    with pytest.RaisesGroup(DeviceError):
        async with trio.open_nursery() as nursery:
            await nursery.start(keep_fresh, issue, print, lambda: NOW)


async def test_new_connections_get_the_new_certificate_and_open_ones_live_on():
    context = server_context()
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    first = await issue_certificate(tee, KEY, claims_for(tee))
    second = await issue_certificate(tee, KEY, claims_for(tee, instance=b"2" * 16))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    async def handshake():
        ours, theirs = trio.testing.memory_stream_pair()
        server = trio.SSLStream(theirs, context, server_side=True)
        stream = trio.SSLStream(ours, client, server_hostname="x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.do_handshake)
            await stream.do_handshake()
        return stream, server

    use_certificate(context, KEY, first)
    stream, server = await handshake()
    assert stream.getpeercert(binary_form=True) == first
    assert stream.version() == "TLSv1.3"
    use_certificate(context, KEY, second)
    newer, _ = await handshake()
    assert newer.getpeercert(binary_form=True) == second
    await stream.send_all(b"still here")
    assert await server.receive_some(10) == b"still here"


vectors = pytest.mark.skipif(
    not (SHARED / "vectors" / "ratls").exists(), reason="the shared vectors are not here"
)


def vector(name: str) -> bytes:
    pem = (SHARED / "vectors" / "ratls" / name).read_text()
    body = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    return base64.b64decode(body)


@vectors
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
    assert presented.evidence.tee is TEE.SGX
    assert presented.claims is None
    quote = parse_sgx_quote(presented.evidence.report)
    assert quote.body.report_data == presented.report_data
    # SHA-1 with RSA does not count as a signature.
    assert presented.self_signed is (name != "inclavare-legacy-rsa-1.pem")


@vectors
@pytest.mark.parametrize("name", ["x509-cert+cbor-cmw.der", "x509-cert+json-cmw.der"])
def test_conceptual_message_wrappers_are_not_spoken(name):
    data = (SHARED / "vectors" / "ratls" / name).read_bytes()
    with pytest.raises(InvalidEvidence, match="no evidence in the form"):
        read_presented(data, list(Form))


def test_the_identifier_of_gramine_is_its_mistake():
    """`06 09 2a 86 48 86 f8 4d 8a 39 06` as content: the DER of 1.2.840.113741.1337.6 once more."""
    assert GRAMINE_OID == "0.6.9.42.840.113741.1337.6"


async def test_snp_reports_and_quotes_are_told_apart_by_their_first_bytes(tee):
    evidence = await tee.evidence(bytes(64))
    assert read_blob(evidence.report).tee is tee.kind
    if tee.kind is TEE.SEV_SNP:
        assert parse_report(evidence.report).version == 5
