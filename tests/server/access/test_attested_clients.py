"""Clients that come in by evidence of their TEE: simulated chips, whose evidence has its form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from enclave import report_data
from enclave.collateral_file import write_collateral
from enclave.evidence import Evidence
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SIMULATIONS, SoftwareTee
from enclave.policy import naming, write_policy
from enclave.snp import SEV_SNP
from enclave.supported import TEES
from enclave.verify import verify
from kmip.encodings import ttlv
from kmip.enums import AttestationType, CredentialType, Operation, QueryFunction, ResultReason
from kmip.items import structure
from kmip.messages import (
    Attestation,
    Authentication,
    Nonce,
    RequestHeader,
    ResponseHeader,
    TicketCredential,
)
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import V1_1, V1_2, V2_1, V3_0, ProtocolVersion
from server.access.attested_clients import (
    EVIDENCE,
    MAX_NONCES,
    MAX_OF_SENDER,
    NONCE_SECONDS,
    Nonces,
    attested_clients,
)
from server.access.client import Client, of_certificate
from server.requests import batch
from server.setup.config import Config
from server.setup.failure import Failure
from server.state import Server
from tests.enclave import forging
from tests.enclave.guest_machine import software_chip
from tests.server import samples
from tests.server.conftest import Clock, InProcessClient
from tests.server.requests.test_authentication import credential

FAILED = ResultReason.ATTESTATION_FAILED
REQUIRED = ResultReason.ATTESTATION_REQUIRED
MEASUREMENT = bytes(range(48))
GUEST = SoftwareGuest(software_chip(), measurement=MEASUREMENT)


def policy_of(measurement: bytes, on: SoftwareChip | None = None) -> str:
    """The policy that names a guest of this measurement."""
    chip = on or software_chip()
    guest = SoftwareGuest(chip, measurement=measurement)
    certificates = SIMULATIONS[SEV_SNP].certificates(guest)
    evidence = Evidence(SEV_SNP, guest.report(bytes(64)), certificates)
    return write_policy(naming(verify(evidence, None, chip.roots, chip.made)))


@pytest.fixture
def settings(config: Config, tmp_path: Path) -> dict[str, Any]:
    """The settings of a server that takes two clients, of simulated chips."""
    other = tmp_path / "other.toml"
    other.write_text(policy_of(bytes(48)))
    app = tmp_path / "app.toml"
    app.write_text(policy_of(MEASUREMENT))
    return {
        "data": config.data,
        "audit": "none",
        "attested_clients": (f"other={other}", f"app={app}"),
        "insecure_allow_simulated_clients": True,
    }


@pytest.fixture
def attesting(server: Server, settings: dict[str, Any], clock: Clock) -> Server:
    clock.now = software_chip().made.timestamp() + 3600
    server.attested_clients = attested_clients(Config(**settings))
    return server


def stranger(server: Server, version: ProtocolVersion = V2_1) -> InProcessClient:
    """A connection without a certificate."""
    return InProcessClient(server, None, version, {"attestation_capable_indicator": True})


async def nonce_for(ask: InProcessClient) -> Nonce:
    response = await ask.message(ask.item(Operation.QUERY))
    nonce = response.response_header.nonce
    assert nonce is not None
    assert response.response_header.attestation_type == (EVIDENCE,)
    return nonce


async def blob(data: bytes, guest: SoftwareGuest = GUEST) -> bytes:
    evidence = await SoftwareTee(guest).evidence(data)
    return TEES[evidence.tee].encoding.write(evidence)


async def evidence_for(
    nonce: Nonce, certificate: bytes | None = None, guest: SoftwareGuest = GUEST
) -> Attestation:
    data = report_data.of_client(nonce.nonce_value, certificate)
    measurement = await blob(data, guest)
    return Attestation(nonce=nonce, attestation_type=EVIDENCE, attestation_measurement=measurement)


def header(value: Attestation, version: ProtocolVersion = V2_1) -> Mapping[str, Any]:
    presented = credential(CredentialType.ATTESTATION, value, version)
    return {"authentication": Authentication(credential=(presented,))}


async def refusal(ask: InProcessClient, value: Attestation) -> ResultReason | None:
    more = header(value, ask.version)
    (item,) = (await ask.message(ask.item(Operation.LOCATE), **more)).batch_item
    return item.result_reason


@pytest.mark.parametrize("version", [V1_2, V2_1, V3_0], ids=str)
async def test_a_client_that_can_attest_itself_is_told_how_and_comes_in(
    attesting: Server, version: ProtocolVersion
):
    ask = stranger(attesting, version)
    response = await ask.message(ask.item(Operation.QUERY))
    assert response.batch_item[0].result_reason == REQUIRED
    nonce = response.response_header.nonce
    assert nonce is not None
    assert response.response_header.attestation_type == (EVIDENCE,)
    more = header(await evidence_for(nonce), version)
    item = ask.item(
        Operation.CREATE, object_type=samples.ObjectType.SYMMETRIC_KEY, attributes=samples.aes()
    )
    made = ask.payload((await ask.message(item, **more)).batch_item[0]).unique_identifier
    owner = InProcessClient(attesting, Client("attested:app"), version)
    assert (await owner(Operation.LOCATE)).unique_identifier == (made,)


async def test_a_nonce_is_good_once_and_for_some_minutes(attesting: Server, clock: Clock):
    ask = stranger(attesting)
    presented = await evidence_for(await nonce_for(ask))
    assert await refusal(ask, presented) is None
    assert await refusal(ask, presented) == FAILED
    late = await evidence_for(await nonce_for(ask))
    clock.now += NONCE_SECONDS
    assert await refusal(ask, late) == FAILED


async def test_a_nonce_is_its_senders_alone(attesting: Server):
    nonce = await nonce_for(stranger(attesting))
    other = InProcessClient(attesting, Client("bob"), V2_1, {"attestation_capable_indicator": True})
    assert await refusal(other, await evidence_for(nonce)) == FAILED


async def test_evidence_is_over_the_nonce_and_nothing_else(attesting: Server):
    ask = stranger(attesting)
    nonce = await nonce_for(ask)
    other = Nonce(nonce_id=nonce.nonce_id, nonce_value=bytes(32))
    assert await refusal(ask, replace(await evidence_for(other), nonce=nonce)) == FAILED
    nonce = await nonce_for(ask)
    for data in (nonce.nonce_value + bytes(32), report_data.of_claims(nonce.nonce_value)):
        presented = Attestation(
            nonce=await nonce_for(ask),
            attestation_type=EVIDENCE,
            attestation_measurement=await blob(data),
        )
        assert await refusal(ask, presented) == FAILED


async def test_evidence_is_bound_to_the_certificate_of_the_connection(attesting: Server):
    der = samples.certificate().certificate_value
    digest = hashlib.sha256(der).digest()
    ask = InProcessClient(
        attesting, of_certificate(None, der), V2_1, {"attestation_capable_indicator": True}
    )
    assert await refusal(ask, await evidence_for(await nonce_for(ask), digest)) is None
    for wrong in (None, bytes(32), hashlib.sha256(b"another").digest()):
        assert await refusal(ask, await evidence_for(await nonce_for(ask), wrong)) == FAILED


async def test_what_no_policy_accepts_is_refused(attesting: Server):
    ask = stranger(attesting)
    guest = SoftwareGuest(software_chip(), measurement=b"\1" * 48)
    presented = await evidence_for(await nonce_for(ask), guest=guest)
    assert await refusal(ask, presented) == FAILED


async def test_a_simulated_chip_is_refused_unless_a_setting_says_otherwise(
    attesting: Server, settings: dict[str, Any]
):
    strict = {**settings, "insecure_allow_simulated_clients": False}
    attesting.attested_clients = attested_clients(Config(**strict))
    ask = stranger(attesting)
    assert await refusal(ask, await evidence_for(await nonce_for(ask))) == FAILED


@pytest.mark.parametrize(
    "fields",
    [
        {"attestation_measurement": None},
        {"attestation_measurement": b""},
        {"attestation_measurement": b"nonsense"},
        {"attestation_measurement": bytes(100_000)},
        {"attestation_measurement": None, "attestation_assertion": b"somebody says so"},
        {"attestation_type": AttestationType.TPM_QUOTE},
        {"attestation_type": AttestationType(0x80000002)},
    ],
)
async def test_what_is_no_evidence_is_refused(attesting: Server, fields: dict[str, Any]):
    ask = stranger(attesting)
    presented = replace(await evidence_for(await nonce_for(ask)), **fields)
    assert await refusal(ask, presented) == FAILED


async def test_a_bit_of_evidence_that_is_changed_makes_it_none(attesting: Server):
    ask = stranger(attesting)
    for place in (0x50, 0x90, 0x2B0, -10):
        presented = await evidence_for(await nonce_for(ask))
        assert presented.attestation_measurement is not None
        changed = bytearray(presented.attestation_measurement)
        changed[place] ^= 1
        presented = replace(presented, attestation_measurement=bytes(changed))
        assert await refusal(ask, presented) == FAILED


async def test_a_quote_of_tdx_is_judged_with_its_collateral(
    server: Server, config: Config, tmp_path: Path, clock: Clock
):
    clock.now = forging.NOW.timestamp()
    forged = forging.DCAP()
    collateral, policy = tmp_path / "collateral.json", tmp_path / "tdx.toml"
    collateral.write_bytes(write_collateral({forged.evidence.tee: forged.collateral}))
    verified = verify(forged.evidence, forged.collateral, forged.roots, forging.NOW)
    policy.write_text(write_policy(naming(verified)))
    server.attested_clients = attested_clients(
        replace(
            config,
            attested_clients=(f"app={policy}",),
            attested_clients_collateral=collateral,
            insecure_allow_simulated_clients=True,
        )
    )
    server.attested_clients.roots = forged.roots
    ask = stranger(server)
    nonce = await nonce_for(ask)
    data = report_data.of_client(nonce.nonce_value, None)
    quote = forging.DCAP(body_changes={"reportdata": data}).evidence
    assert await refusal(ask, with_quote(nonce, quote)) is None
    assert await refusal(ask, with_quote(await nonce_for(ask), quote)) == FAILED
    collateral.unlink()
    nonce = await nonce_for(ask)
    assert await refusal(ask, with_quote(nonce, quote)) == FAILED


def with_quote(nonce: Nonce, evidence: Evidence) -> Attestation:
    measurement = TEES[evidence.tee].encoding.write(evidence)
    return Attestation(nonce=nonce, attestation_type=EVIDENCE, attestation_measurement=measurement)


async def test_a_ticket_ends_when_the_policy_is_another(
    attesting: Server, settings: dict[str, Any], tmp_path: Path
):
    ask = stranger(attesting)
    more = header(await evidence_for(await nonce_for(ask)))
    (item,) = (await ask.message(ask.item(Operation.LOGIN), **more)).batch_item
    ticket = TicketCredential(ticket=ask.payload(item).ticket)
    presented = credential(CredentialType.TICKET, ticket, V2_1)

    async def reason() -> ResultReason | None:
        authentication = Authentication(credential=(presented,))
        response = await ask.message(ask.item(Operation.LOCATE), authentication=authentication)
        return response.batch_item[0].result_reason

    assert await reason() is None
    (tmp_path / "app.toml").write_text(policy_of(MEASUREMENT) + "# changed\n")
    attesting.attested_clients = attested_clients(Config(**settings))
    assert await reason() == ResultReason.INVALID_TICKET


async def test_without_such_clients_nothing_of_it_is_offered(server: Server):
    ask = InProcessClient(server, Client("bob"), V2_1, {"attestation_capable_indicator": True})
    functions = (QueryFunction.QUERY_ATTESTATION_TYPES, QueryFunction.QUERY_CAPABILITIES)
    response = await ask.message(ask.item(Operation.QUERY, query_function=functions))
    assert response.response_header.nonce is None
    answer = ask.payload(response.batch_item[0])
    assert answer.attestation_type == ()
    assert answer.capability_information[0].attestation_capability is False
    nobody = stranger(server)
    response = await nobody.message(nobody.item(Operation.QUERY))
    reason = response.batch_item[0].result_reason
    assert reason == ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


async def test_with_them_query_tells_of_it(attesting: Server):
    ask = InProcessClient(attesting, Client("bob"))
    functions = (QueryFunction.QUERY_ATTESTATION_TYPES, QueryFunction.QUERY_CAPABILITIES)
    answer = await ask(Operation.QUERY, query_function=functions)
    assert answer.attestation_type == (EVIDENCE,)
    assert answer.capability_information[0].attestation_capability is True
    response = await ask.message(ask.item(Operation.QUERY))
    assert response.response_header.nonce is None  # it has not said that it can attest itself


async def test_a_version_without_attestation_gets_no_nonce(attesting: Server):
    ask = InProcessClient(attesting, Client("bob"), V1_1)
    response = await ask.message(ask.item(Operation.QUERY), attestation_capable_indicator=True)
    assert response.response_header.nonce is None


def test_nonces_are_bounded_for_each_sender_and_in_all():
    nonces = Nonces()
    own = [nonces.issue("alice", 0) for _ in range(MAX_OF_SENDER + 1)]
    assert nonces.take(own[0], "alice", 1) is None
    assert nonces.take(own[1], "alice", 1) == own[1].nonce_value
    for number in range(MAX_NONCES):
        nonces.issue(f"address {number}", 0)
    assert nonces.take(own[-1], "alice", 1) is None
    assert len(nonces._issued) == MAX_NONCES
    assert sum(map(len, nonces._of_sender.values())) == MAX_NONCES


@pytest.mark.parametrize(
    "text", ["app", "app=", "=file", "two words=file", "a=/absent", "a=/absent,a=/absent"]
)
def test_settings_that_name_nobody_are_refused(config: Config, text: str):
    with pytest.raises(Failure):
        attested_clients(replace(config, attested_clients=tuple(text.split(","))))


def test_a_policy_that_cannot_be_read_ends_the_start(config: Config, tmp_path: Path):
    place = tmp_path / "policy.toml"
    for content in (b"[sgx-of-mine]", b"not TOML", b"\xff"):
        place.write_bytes(content)
        with pytest.raises(Failure):
            attested_clients(replace(config, attested_clients=(f"app={place}",)))
    place.write_text(policy_of(MEASUREMENT))
    with pytest.raises(Failure):
        attested_clients(
            replace(config, attested_clients=(f"app={place}",), attested_clients_collateral=place)
        )


def test_no_policy_is_taken_from_a_disk_that_is_the_hosts(tmp_path: Path):
    with pytest.raises(Failure, match="host"):
        Config(data=tmp_path, use_bootstrap_server=True, attested_clients=("app=/x",))


def test_the_nonce_is_counted_in_what_the_client_takes():
    """What was done and cannot be answered would be done in vain."""
    attesting = RequestHeader(protocol_version=V2_1, attestation_capable_indicator=True)
    answered = ResponseHeader(
        protocol_version=V2_1,
        time_stamp=0,
        nonce=Nonces().issue("alice", 0),
        attestation_type=(EVIDENCE,),
        batch_count=1,
    )
    item = structure(Tag.RESPONSE_MESSAGE, to_item(answered, Tag.RESPONSE_HEADER, V2_1))
    size = len(ttlv.encode(item))
    assert batch.header_bytes(replace(attesting, attestation_capable_indicator=None)) < size
    assert size <= batch.header_bytes(attesting)
