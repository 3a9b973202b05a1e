"""What the server answers to whoever asks what it is."""

import base64
import json
import ssl
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.claims import Role, SkProvider, decode
from enclave.errors import DeviceError
from enclave.evidence import TEE, Evidence
from enclave.evidence_formats import read_bare, read_tagged
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.ratls import Attester
from enclave.snp import SEV_SNP
from enclave.snp.abi import parse_report
from enclave.snp.guest import SnpTee
from enclave.tdx import TDX
from enclave.tee import Gate
from server.attestation import attester
from server.attestation.routes import QUOTE_BURST, Attestation
from server.sessions.rate_limits import MAX_CLIENTS, RateLimiter
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.acceptor import Peer
from server.transport.http import HTTPError, Request
from tests.enclave.forging import SNP
from tests.enclave.guest_machine import software_chip
from tests.server.acme.fake_directory import authority_pair

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class CountingGate(Gate):
    """No thread, during which the clock would jump; counts."""

    calls = 0

    async def run(self, call):
        await trio.lowlevel.checkpoint()
        self.calls += 1
        return call()


@dataclass
class Service:
    """A server and the chip that it asks."""

    attestation: Attestation
    gate: CountingGate

    async def get(self, path: str, nonce: str, address: str = "192.0.2.1") -> bytes:
        request = Request("GET", path, {"nonce": nonce}, {}, b"", Peer(address, None, None))
        return (await self.attestation.routes[("GET", path)].handler(request)).body

    async def quote(self, number: int, address: str = "192.0.2.1") -> bytes:
        return await self.get("/quote", nonce(number), address)


def nonce(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def service(kind: TEE = SEV_SNP, *, allow_ckms: bool = False) -> Service:
    gate = CountingGate()
    maker = Attester(
        tee=SoftwareTee(SoftwareGuest(software_chip()), kind, gate),
        key=ec.derive_private_key(7, ec.SECP256R1()),
        role=Role.API,
        deployment="test",
        instance=bytes(16),
        configuration_sha256=bytes(32),
        now=lambda: NOW,
    )
    return Service(Attestation(maker, lambda: "serving", allow_ckms=allow_ckms), gate)


async def test_the_same_question_is_put_to_the_chip_once_a_minute(autojump_clock):
    server = service()
    first = await server.quote(1)
    assert await server.quote(1, "192.0.2.2") == first
    assert server.gate.calls == 1
    assert await server.quote(2) != first
    await trio.sleep(61)
    await server.quote(1)
    assert server.gate.calls == 3


async def test_another_key_is_not_answered_for_by_an_old_quote(autojump_clock):
    server = service()
    before = decode(read_tagged(await server.quote(1)).claims)
    other = ec.derive_private_key(8, ec.SECP256R1())
    server.attestation.attester = replace(server.attestation.attester, key=other)
    after = decode(read_tagged(await server.quote(1)).claims)
    assert before.public_key_sha256 != after.public_key_sha256
    assert before.nonce == after.nonce


async def test_what_is_kept_is_bounded(autojump_clock):
    server = service()
    for number in range(80):
        await server.quote(number, f"192.0.2.{number}")
    assert len(server.attestation._made) <= 64


async def test_one_address_does_not_get_all_of_the_chip(autojump_clock):
    server = service()
    for number in range(QUOTE_BURST):
        await server.quote(number)
    with pytest.raises(HTTPError, match="too many") as caught:
        await server.quote(100)
    assert caught.value.status == 429
    await server.quote(100, "192.0.2.2")
    await trio.sleep(2)
    await server.quote(101)


async def test_the_form_that_ckms_reads_is_off(autojump_clock):
    assert set(service().attestation.routes) == {("GET", "/status"), ("GET", "/quote")}


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_the_form_that_ckms_reads(autojump_clock, kind):
    server = service(kind, allow_ckms=True)
    _, certificate = authority_pair("shown", NOW)
    server.attestation.certificate = certificate.public_bytes(Encoding.DER)
    chosen = bytes(range(32))
    body = await server.get("/tee/attestation_report", base64.b64encode(chosen).decode())
    evidence = read_bare(kind, base64.b64decode(json.loads(body), validate=True))
    wanted = chosen + sha256(certificate.public_bytes(Encoding.PEM)).digest()
    if kind == SEV_SNP:
        assert parse_report(evidence.report).report_data == wanted
        assert len(evidence.certificates) == 3
    else:
        assert wanted in evidence.report


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 43, base64.b64encode(bytes(31)).decode(), "é" * 44]
)
async def test_a_nonce_of_ckms_has_32_bytes(autojump_clock, text):
    with pytest.raises(HTTPError) as caught:
        await service(allow_ckms=True).get("/tee/attestation_report", text)
    assert caught.value.status == 400


def test_who_has_not_asked_for_longest_is_forgotten():
    rates = RateLimiter(1, 1)
    for number in range(2 * MAX_CLIENTS):
        assert rates.take(str(number), 0)
    assert len(rates._left) == MAX_CLIENTS
    assert not rates.take(str(2 * MAX_CLIENTS - 1), 0)
    assert rates.take(str(2 * MAX_CLIENTS - 1), 1)
    assert rates.take("0", 0)


# The server's own account of itself


async def test_the_status_tells_what_it_is_and_that_it_is_simulated():
    server = service()
    request = Request("GET", "/status", {}, {}, b"", Peer("a", None, None))
    said = json.loads((await server.attestation.routes[("GET", "/status")].handler(request)).body)
    assert said.pop("version")
    assert said == {
        "product": "strongroom", "state": "serving", "tee": "sev-snp", "simulated": True,
        "role": "api", "deployment": "test",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "AAAA", "A" * 42, "A" * 87, "!" * 43, "é" * 43, "A" * 41 + "\n" + "A", "AAAA====="]
)
async def test_a_nonce_that_is_none_is_refused(text):
    server = service()
    with pytest.raises(HTTPError) as refused:
        await server.get("/quote", text)
    assert refused.value.status == 400
    assert server.gate.calls == 0


@pytest.mark.parametrize("length", [32, 33, 63, 64])
async def test_a_nonce_comes_back_in_the_claims(length):
    chosen = bytes(range(length))
    text = urlsafe_b64encode(chosen).decode().rstrip("=")
    claims = decode(read_tagged(await service().get("/quote", text))[1])
    assert claims.nonce == chosen


async def test_a_chip_that_does_not_answer_is_told_to_come_back_to(caplog):
    server = service()

    async def busy(call):
        raise DeviceError("the chip stays busy")

    server.gate.run = busy
    with pytest.raises(HTTPError) as refused:
        await server.quote(1)
    assert refused.value.status == 503
    assert "the chip stays busy" in caplog.text


def test_the_server_s_number_is_made_once(tmp_path):
    made = attester.instance(tmp_path / "data")
    assert len(made) == attester.INSTANCE_BYTES
    assert attester.instance(tmp_path / "data") == made
    assert attester.instance(tmp_path / "other") != made


@pytest.mark.parametrize("content", [b"", b"x", bytes(17)])
def test_a_damaged_number_is_told(tmp_path, content):
    (tmp_path / "instance").write_bytes(content)
    with pytest.raises(Failure, match="is damaged"):
        attester.instance(tmp_path)


def test_no_chip_is_simulated_unless_that_is_asked_for(tmp_path):
    assert attester.find_tee(Config(data=tmp_path), NOW) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("measured", [False, True])
def test_there_is_a_derived_key_only_where_the_launch_is_measured(tmp_path, measured):
    known = attester.circumstances(Config(data=tmp_path, measured_launch=measured))
    assert known.firmware_only != measured
    tee = SnpTee.at(tmp_path, tmp_path, known)
    assert (tee.sk is SkProvider.NONE) != measured


def test_the_privilege_level_and_the_endorsements_reach_the_device(tmp_path):
    file = tmp_path / "vcek"
    der = software_chip().vcek()
    for content in (der, ssl.DER_cert_to_PEM_cert(der).encode()):
        file.write_bytes(content)
        known = attester.circumstances(Config(data=tmp_path, vmpl=2, endorsements=file))
        tee = SnpTee.at(tmp_path, tmp_path, known)
        assert (tee.circumstances.vmpl, tee.circumstances.endorsements) == (2, (der,))


@pytest.mark.parametrize("content", [b"", b"vcek", b"-----BEGIN CERTIFICATE-----\nMA==\n"])
def test_endorsements_that_cannot_be_read_are_told_at_the_start(tmp_path, content):
    file = tmp_path / "vcek"
    file.write_bytes(content)
    with pytest.raises(Failure, match=r"endorsements .* cannot be used"):
        attester.find_tee(Config(data=tmp_path, endorsements=file), NOW)
    with pytest.raises(Failure, match="cannot be read"):
        attester.find_tee(Config(data=tmp_path, endorsements=tmp_path / "absent"), NOW)


@dataclass(frozen=True)
class Endorsed(SoftwareTee):
    """A machine whose evidence comes with these certificates."""

    certificates: tuple[bytes, ...] = ()

    async def evidence(self, report_data: bytes) -> Evidence:
        return replace(await super().evidence(report_data), certificates=self.certificates)


async def test_endorsements_of_another_chip_are_refused_at_the_start(tmp_path):
    """No verifier could use such evidence: AMD 57230 section 2, a key for each chip and TCB."""
    config = Config(data=tmp_path, endorsements=tmp_path / "vcek.pem")
    guest = SoftwareGuest(software_chip())
    await attester.check_endorsed(config, Endorsed(guest, certificates=(software_chip().vcek(),)))
    older = replace(software_chip(), tcb=replace(software_chip().tcb, snp=0)).vcek()
    for certificates in ((), (older,), (SNP().leaf,)):
        other = Endorsed(guest, certificates=certificates)
        with pytest.raises(Failure, match="not for this machine's chip"):
            await attester.check_endorsed(config, other)
        await attester.check_endorsed(Config(data=tmp_path), other)


def test_where_the_endorsements_are_is_no_part_of_the_configuration(tmp_path):
    """They are one machine's own, and servers of one configuration have different ones."""
    digests = {
        attester.configuration_sha256(Config(data=tmp_path, endorsements=file))
        for file in (None, tmp_path / "a", tmp_path / "b")
    }
    assert len(digests) == 1


def test_a_simulated_chip_is_made_once_and_says_what_it_is(tmp_path, caplog):
    config = Config(data=tmp_path, insecure_software_chip=True)
    first, second = (attester.find_tee(config, NOW) for _ in range(2))
    assert first.simulated
    assert first.tee.guest.chip.chip_id == second.tee.guest.chip.chip_id
    assert "SIMULATED" in caplog.text


def test_the_digest_of_the_settings_tells_settings_apart_and_not_servers():
    plain = Config()
    digest = attester.configuration_sha256(plain)
    places = ({"data": Path("/x")}, {"kmip_port": 1}, {"https_port": 1})
    for same in (*places, {"log_level": "debug"}, {"log_format": "json"}):
        assert attester.configuration_sha256(replace(plain, **same)) == digest
    for other in (
        {"insecure_allow_no_client_certificate": True}, {"administrators": ("mallory",)},
        {"use_bootstrap_server": True}, {"bootstrap_operator_token_sha256": "0" * 64},
        {"deployment": "x"}, {"store": "memory:"},
    ):  # fmt: skip
        assert attester.configuration_sha256(replace(plain, **other)) != digest
