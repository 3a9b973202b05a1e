"""Certificates with evidence: made, installed, renewed."""

import os
import ssl
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enclave import cbor, report_data
from enclave.claims import MAX_LIFE, SkProvider
from enclave.errors import DeviceError
from enclave.evidence_formats import BARE_OIDS, Form
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.peer_certificate import read_presented
from enclave.ratls import (
    RETRY_SECONDS,
    Issued,
    NoStore,
    issue_certificate,
    keep_fresh,
    server_context,
    use_certificate,
)
from enclave.snp import SEV_SNP
from enclave.tdx import TDX
from tests.enclave.attested import (
    KEY,
    NOW,
    OTHER_KEY,
    claims_for,
    tee,
    verified,
)
from tests.enclave.guest_machine import software_chip

__all__ = ["tee"]  # a fixture


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
    critical = {extension.oid for extension in certificate.extensions if extension.critical}
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca
    assert critical == {x509.BasicConstraints.oid}, "verifiers need understand nothing of ours"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["kms.example"]


async def test_addresses_are_not_dns_names(tee):
    """RFC 5280 section 4.2.1.6: an address is an iPAddress."""
    names = ["localhost", "127.0.0.1", "::1", "2001:db8::5", "bücher.example"]
    der = await issue_certificate(tee, KEY, claims_for(tee), dns_names=names)
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    assert dns == ["localhost", "xn--bcher-kva.example"]
    addresses = names.get_values_for_type(x509.IPAddress)
    assert [str(each) for each in addresses] == ["127.0.0.1", "::1", "2001:db8::5"]


async def test_the_claims_say_where_the_sealing_key_comes_from(tee):
    expected = {SEV_SNP: SkProvider.INSECURE_SOFTWARE_CHIP, TDX: SkProvider.NONE}
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
    start = 0x50 if tee.kind == SEV_SNP else 48 + 520
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


async def test_no_certificate_is_made_for_claims_about_another_key(tee):
    with pytest.raises(ValueError):
        await issue_certificate(tee, OTHER_KEY, claims_for(tee))


async def test_a_certificate_is_installed_also_where_memory_has_no_file_names(monkeypatch):
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    certificate = await issue_certificate(tee, KEY, claims_for(tee))
    monkeypatch.delattr(os, "memfd_create")
    use_certificate(server_context(), KEY, certificate)
    with pytest.raises(ssl.SSLError, match="key values mismatch"):
        use_certificate(server_context(), OTHER_KEY, certificate)


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


def test_a_server_without_a_store_continues_none():
    assert NoStore().written() is None
    for seen in (b"", b"epoch 7"):
        assert not NoStore().continues(seen)


async def test_while_the_chip_does_not_answer_the_present_certificate_serves(
    autojump_clock, caplog
):
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
    warned = [line for line in caplog.messages if "certificate not renewed" in line]
    assert len(warned) == 2
    assert all("not now" in line for line in warned)


async def test_a_server_that_cannot_attest_at_first_does_not_start(autojump_clock):
    async def issue() -> Issued:
        raise DeviceError("no chip")

    with pytest.RaisesGroup(DeviceError):
        async with trio.open_nursery() as nursery:
            await nursery.start(keep_fresh, issue, print, lambda: NOW)


async def test_installing_a_certificate_leaves_no_file_open(tee):
    """The key is in that file, if encrypted."""
    der = await issue_certificate(tee, KEY, claims_for(tee))
    context = server_context()
    before = sorted(Path("/proc/self/fd").iterdir())
    use_certificate(context, KEY, der)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


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
