"""Tickets: what counts, what is undone, and what a ticket ends with."""

import fcntl
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.attribute_values import Name, UsageLimits
from kmip.attributes import AttributeInstance
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CredentialType,
    Operation,
    PaddingMethod,
    ResultReason,
)
from kmip.messages import Authentication, Credential, Device, RequestBatchItem, UsernameAndPassword
from kmip.objects import PasswordCredential
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import V3_0
from server.access import ended_tickets, password_file
from server.access.client import Client, of_certificate
from server.access.client_certificates import Rules
from server.access.kept_rules import KeptRules
from server.access.password_file import Cost, Kind
from server.access.refused_certificates import entry_of
from server.access.users import Users
from server.requests import audit
from server.sessions import issued, tickets
from server.sessions.identification import Identification, Means
from server.setup import audit_trail
from server.setup.failure import Failure
from tests.server.access.authorities import DAY, PEM, Issuer
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.operations.test_create_user import make_user
from tests.server.operations.test_delegated_login import bearer, right
from tests.server.operations.test_login import reason_of, showing
from tests.server.samples import ACTIVE, attribute, create, register, symmetric_key

Op = Operation
R = ResultReason
QUICK = Cost(memory_kib=8, iterations=1, lanes=1)
CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5
)
UNDO = BatchErrorContinuationOption.UNDO


def named(text: str) -> AttributeInstance:
    return AttributeInstance(Tag.NAME, Name(name_value=text), None)


def once() -> UsageLimits:
    return UsageLimits(usage_limits_total=1)


async def known_key(ask: InProcessClient) -> str:
    """A key under which a block of zeros has no padding; of 256 others one has."""
    return await register(ask, symmetric_key(bytes(32)), ACTIVE)


async def guess(limited: InProcessClient, key: str, **header: int) -> ResultReason | None:
    """How a forged block is answered."""
    item = limited.item(
        Op.DECRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        iv_counter_nonce=bytes(16),
        data=bytes(16),
    )
    (answer,) = (await limited.message(item, **header)).batch_item
    reason: ResultReason | None = answer.result_reason
    return reason


# What was performed counts


async def test_a_decryption_that_fails_is_a_use_of_the_ticket(ask: InProcessClient):
    """Else a ticket for one would be a padding oracle without end."""
    key = await known_key(ask)
    limited = await bearer(ask, right(Op.DECRYPT, objects=[key], uses=1))
    assert await guess(limited, key) == R.CRYPTOGRAPHIC_FAILURE
    assert await guess(limited, key) == R.USAGE_LIMIT_EXCEEDED


async def test_a_use_whose_answer_does_not_fit_counts(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    limited = await bearer(ask, right(Op.GET, uses=1))
    item = limited.item(Op.GET, unique_identifier=key)
    (answer,) = (await limited.message(item, maximum_response_size=260)).batch_item
    assert answer.result_reason == R.RESPONSE_TOO_LARGE
    assert await reason_of(limited, Op.GET, unique_identifier=key) == R.USAGE_LIMIT_EXCEEDED


async def test_what_needs_no_object_counts_too(ask: InProcessClient):
    limited = await bearer(ask, right(Op.RNG_RETRIEVE, uses=1))
    item = limited.item(Op.RNG_RETRIEVE, data_length=500)
    (answer,) = (await limited.message(item, maximum_response_size=300)).batch_item
    assert answer.result_reason == R.RESPONSE_TOO_LARGE
    assert await reason_of(limited, Op.RNG_RETRIEVE, data_length=1) == R.USAGE_LIMIT_EXCEEDED


async def test_a_check_that_fails_counts(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    limited = await bearer(ask, right(Op.CHECK, uses=1))
    fields = {"unique_identifier": key, "lease_time": 10**6}
    assert await reason_of(limited, Op.CHECK, **fields) == R.PERMISSION_DENIED
    assert await reason_of(limited, Op.CHECK, **fields) == R.USAGE_LIMIT_EXCEEDED


async def test_what_reaches_no_object_of_the_client_costs_nothing(ask: InProcessClient):
    """An object that is another client's is answered and counted like none."""
    mine, theirs = await create(ask), await create(ask.named("bob"))
    limited = showing(ask, (await ask(Op.LOGIN, usage_limits=once())).ticket)
    for other in ("nobody", theirs):
        assert await reason_of(limited, Op.GET, unique_identifier=other) == R.OBJECT_NOT_FOUND
    await limited(Op.GET, unique_identifier=mine)


async def test_racing_guesses_tell_no_more_than_there_are_uses(ask: InProcessClient):
    key = await known_key(ask)
    limited = await bearer(ask, right(Op.DECRYPT, objects=[key], uses=1))
    reasons = []

    async def try_it() -> None:
        reasons.append(await guess(limited, key))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(try_it)
    assert reasons.count(R.CRYPTOGRAPHIC_FAILURE) == 1
    assert reasons.count(R.USAGE_LIMIT_EXCEEDED) == 4


# Undo


async def undone(ask: InProcessClient, *items: RequestBatchItem) -> None:
    """A batch that is undone because its last item fails."""
    failing = ask.item(Op.GET, unique_identifier="nobody")
    answers = await ask.batch(*items, failing, option=UNDO)
    assert answers[-1].result_reason in (R.OBJECT_NOT_FOUND, R.NOT_AUTHORISED)


async def test_undo_gives_a_use_back_and_no_object(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    limited = showing(ask, (await ask(Op.LOGIN, usage_limits=once())).ticket)
    failing = limited.item(Op.GET, unique_identifier="nobody")
    first, _ = await limited.batch(
        limited.item(Op.GET, unique_identifier=key), failing, option=UNDO
    )
    assert first.response_payload is None
    await limited(Op.GET, unique_identifier=key)


async def test_undo_is_no_way_to_guess(ask: InProcessClient):
    key = await known_key(ask)
    right_one = await ask(
        Op.ENCRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        iv_counter_nonce=bytes(16),
        data=b"text",
    )
    limited = await bearer(ask, right(Op.DECRYPT, Op.GET, objects=[key], uses=2))
    await undone(
        limited,
        limited.item(
            Op.DECRYPT,
            unique_identifier=key,
            cryptographic_parameters=CBC,
            iv_counter_nonce=bytes(16),
            data=right_one.data,
        ),
    )
    assert await guess(limited, key) == R.CRYPTOGRAPHIC_FAILURE
    assert await guess(limited, key) == R.USAGE_LIMIT_EXCEEDED


async def test_undo_undoes_a_logout_and_a_login(ask: InProcessClient, monkeypatch):
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 1)
    ticket = (await ask(Op.LOGIN)).ticket
    await undone(ask, ask.item(Op.LOGOUT, ticket=ticket))
    await showing(ask, ticket)(Op.QUERY)
    await undone(ask, ask.item(Op.LOGIN))
    await showing(ask, ticket)(Op.QUERY)
    assert await ask.server.tickets.count(NOW) == 1


async def test_a_login_whose_answer_does_not_fit_leaves_no_ticket(ask: InProcessClient):
    (answer,) = (await ask.message(ask.item(Op.LOGIN), maximum_response_size=150)).batch_item
    assert answer.result_reason == R.RESPONSE_TOO_LARGE
    assert await ask.server.tickets.count(NOW) == 0


# What a ticket ends with


async def test_a_logout_ends_the_ticket_within_its_message(ask: InProcessClient):
    ticket = (await ask(Op.LOGIN)).ticket
    limited = showing(ask, ticket)
    _, second = await limited.batch(limited.item(Op.LOGOUT, ticket=ticket), limited.item(Op.QUERY))
    assert second.result_reason == R.INVALID_TICKET


def by_password(
    ask: InProcessClient, name: str, password: str, kind: Kind = Kind.USER
) -> InProcessClient:
    """Whoever shows a password, without a certificate."""
    value = (
        Device(device_serial_number=name, password=password)
        if kind == Kind.DEVICE
        else UsernameAndPassword(username=name, password=password)
    )
    credential = Credential(
        credential_type=CredentialType.DEVICE
        if kind == Kind.DEVICE
        else CredentialType.USERNAME_AND_PASSWORD,
        credential_value=to_item(value, Tag.CREDENTIAL_VALUE, ask.version),
    )
    header = {"authentication": Authentication(credential=(credential,))}
    return InProcessClient(ask.server, None, ask.version, header)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "end",
    [
        lambda path, kind: password_file.remove(path, kind, "ulla"),
        lambda path, kind: password_file.add(path, kind, "ulla", "b", replace=True, cost=QUICK),
    ],
    ids=["removed", "replaced"],
)
async def test_a_ticket_ends_with_the_password_it_was_given_for(
    ask: InProcessClient, kind: Kind, end: Callable[[Path, Kind], None]
):
    path = ask.server.config.users_file
    password_file.add(path, kind, "ulla", "a", cost=QUICK)
    password_file.add(path, kind, "other", "a", cost=QUICK)
    ask.server.users = Users(path, QUICK)
    ticket = (await by_password(ask, "ulla", "a", kind)(Op.LOGIN)).ticket
    others = (await by_password(ask, "other", "a", kind)(Op.LOGIN)).ticket
    await showing(ask, ticket)(Op.QUERY)
    end(path, kind)
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET
    await showing(ask, others)(Op.QUERY)


async def test_a_ticket_ends_with_its_clients_certificate(ask: InProcessClient, clock: Clock):
    known = Identification(Means.CERTIFICATE, "00", until=NOW + 60)
    alice = InProcessClient(ask.server, replace(Client("alice"), identification=known), ask.version)
    ticket = (await alice(Op.LOGIN)).ticket
    clock.now += 59
    await showing(ask, ticket)(Op.QUERY)
    clock.now += 1
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET


async def test_a_ticket_that_was_over_stays_so_when_the_clock_is_set_back(
    ask: InProcessClient, clock: Clock
):
    known = Identification(Means.CERTIFICATE, "00", until=NOW + 60)
    alice = InProcessClient(ask.server, replace(Client("alice"), identification=known), ask.version)
    ticket = (await alice(Op.LOGIN)).ticket
    clock.now += 60
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET
    clock.now -= 30
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET


BEGIN = datetime.fromtimestamp(NOW, UTC) - DAY
AUTHORITY = Issuer.root("authority", start=BEGIN)
HOLDER = AUTHORITY.client("alice", start=BEGIN)
CHAIN = (HOLDER.certificate, AUTHORITY.certificate)
REVOKING = AUTHORITY.revocations([HOLDER], start=BEGIN)


@pytest.mark.parametrize(
    "judged",
    [
        KeptRules().with_lists(REVOKING.public_bytes(PEM)).rules([AUTHORITY.certificate]),
        KeptRules().with_refused([entry_of(HOLDER.certificate)]).rules([AUTHORITY.certificate]),
        KeptRules().with_refused([entry_of(CHAIN[1])]).rules([AUTHORITY.certificate]),
        KeptRules().rules([Issuer.root("another").certificate]),
    ],
    ids=["revoked", "refused", "its authority refused", "its authority dropped"],
)
async def test_a_ticket_ends_with_the_acceptance_of_its_clients_certificate(
    ask: InProcessClient, judged: Rules
):
    """A ticket stands for its client; who is let in no more by a certificate is not by a ticket."""
    der = HOLDER.certificate.public_bytes(Encoding.DER)
    subject = {"subject": [[("commonName", "alice")]]}
    client = of_certificate(subject, der, CHAIN)
    assert client is not None
    alice = InProcessClient(ask.server, client, ask.version)
    rules = [KeptRules().rules([AUTHORITY.certificate])]
    ask.server.certificate_rules = lambda: rules[-1]
    ticket = (await alice(Op.LOGIN)).ticket
    await showing(ask, ticket)(Op.QUERY)
    rules.append(judged)
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET
    rules.pop()
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET, "it is over"


def test_a_ticket_counts_the_certificate_that_it_keeps():
    der = HOLDER.certificate.public_bytes(Encoding.DER)
    client = of_certificate({}, der, CHAIN)
    assert client is not None
    kept = issued.Issued("alice", NOW, identification=client.identification)
    assert kept.memory >= issued.TICKET_MEMORY + len(der)


async def test_an_operator_without_files_ends_the_tickets_of_a_client(ask: InProcessClient):
    mine = [(await ask(Op.LOGIN)).ticket for _ in range(3)]
    theirs = (await ask.named("bob")(Op.LOGIN)).ticket
    assert await ask.server.tickets.end_all("alice") == 3
    for ticket in mine:
        assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET
    await showing(ask, theirs)(Op.QUERY)
    await showing(ask, (await ask(Op.LOGIN)).ticket)(Op.QUERY)
    assert await ask.server.tickets.end_all("nobody") == 0


@pytest.mark.parametrize("is_credential", [False, True], ids=["user", "credential"])
async def test_a_ticket_ends_with_a_user_made_through_kmip(
    ask: InProcessClient, is_credential: bool
):
    admin = ask.at(V3_0).named("administrator")
    ask.server.users = Users(ask.server.config.users_file, QUICK)
    word = PasswordCredential(password="correct horse")
    made = await admin(Op.CREATE_CREDENTIAL, credential_type=CredentialType.PASSWORD, object=word)
    user = await make_user(admin, "fred", credential=made.unique_identifier)
    await make_user(admin, "another")
    fred = by_password(ask.at(V3_0), "fred", "correct horse")
    ticket = (await fred(Op.LOGIN)).ticket
    await showing(ask.at(V3_0), ticket)(Op.QUERY)
    await admin(Op.DESTROY, unique_identifier=made.unique_identifier if is_credential else user)
    assert await reason_of(showing(ask.at(V3_0), ticket), Op.QUERY) == R.INVALID_TICKET


async def test_an_operator_ends_the_tickets_of_a_client(ask: InProcessClient, clock: Clock):
    mine, theirs = (await ask(Op.LOGIN)).ticket, (await ask.named("bob")(Op.LOGIN)).ticket
    ended_tickets.end(ask.server.config.ended_tickets_file, "alice", clock.now)
    assert await reason_of(showing(ask, mine), Op.QUERY) == R.INVALID_TICKET
    await showing(ask, theirs)(Op.QUERY)
    clock.now += 1
    await showing(ask, (await ask(Op.LOGIN)).ticket)(Op.QUERY)


async def test_no_ticket_is_taken_where_the_file_of_ended_ones_cannot_be_read(
    ask: InProcessClient, caplog: pytest.LogCaptureFixture
):
    ticket = (await ask(Op.LOGIN)).ticket
    os.mkfifo(ask.server.config.ended_tickets_file)
    assert await reason_of(showing(ask, ticket), Op.QUERY) == R.INVALID_TICKET
    assert "is not a plain file" in caplog.text


def test_ended_tickets_are_forgotten_once_no_ticket_is_as_old(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    ended_tickets.end(path, "alice", 1000)
    ended_tickets.end(path, "bob", 1000 + issued.MAX_LEASE_SECONDS + 1)
    assert list(ended_tickets.read(path)) == ["bob"]
    with pytest.raises(Failure, match="whose tickets"):
        ended_tickets.end(path, "", 1000)


def test_ended_tickets_are_kept_for_as_long_as_a_ticket_may_last(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tickets.json"
    ended_tickets.end(path, "alice", 1000)
    ended_tickets.end(path, "bob", 1001)
    assert ended_tickets.read(path) == {"alice": 1000, "bob": 1001}
    ended_tickets.end(path, "carol", 1000 + issued.MAX_LEASE_SECONDS)
    assert ended_tickets.read(path).keys() == {"alice", "bob", "carol"}


def test_tickets_end_that_were_given_up_to_then_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    ended = ended_tickets.EndedTickets(path)
    assert not ended.covers("alice", 0)
    ended_tickets.end(path, "alice", 1000)
    assert ended.covers("alice", 1000)
    assert not ended.covers("alice", 1001)
    assert not ended.covers("bob", 0)
    assert not ended_tickets.EndedTickets(None).covers("alice", 0)


class Looking(float):
    """A time that looks, when it is compared, whether another command would have to wait."""

    lock: Path

    def __le__(self, other: float) -> bool:
        with self.lock.open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return float(self) <= other


def test_two_commands_that_end_tickets_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    ended_tickets.end(path, "alice", 1000)
    now = Looking(1001)
    now.lock = path.with_suffix(".lock")
    ended_tickets.end(path, "bob", now)
    assert ended_tickets.read(path).keys() == {"alice", "bob"}


@pytest.mark.parametrize("content", ["", "[1]", '{"a": []}', "[" * 200_000])
def test_a_damaged_file_of_ended_tickets_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tickets.json"
    path.write_text(content)
    with pytest.raises(Failure, match="is damaged"):
        ended_tickets.read(path)


# Who shows it, and what it does not tell


async def test_the_audit_log_names_who_showed_a_ticket(ask: InProcessClient):
    lines: list[str] = []

    class Kept(audit_trail.Nowhere):
        def write(self, more: Iterable[str]) -> None:
            lines.extend(more)

    limited = showing(ask, (await ask(Op.LOGIN)).ticket)
    audit.send_to(Kept())
    try:
        await limited(Op.QUERY)
    finally:
        audit.send_to(audit_trail.Nowhere())
    (line,) = map(json.loads, lines)
    assert (line["client"], line["how"], line["shown_by"]) == ("alice", "ticket", "bearer")


async def test_a_ticket_to_one_object_does_not_tell_which_names_there_are(ask: InProcessClient):
    mine, other = await create(ask), await create(ask)
    await ask(Op.ADD_ATTRIBUTE, unique_identifier=other, new_attribute=named("payroll"))
    limited = await bearer(ask, right(objects=[mine]))
    for name in ("payroll", "free"):
        fields = {"unique_identifier": mine, "new_attribute": named(name)}
        assert await reason_of(limited, Op.ADD_ATTRIBUTE, **fields) == R.NOT_AUTHORISED


async def test_a_ticket_to_one_object_replaces_it_with_its_name(ask: InProcessClient):
    mine = await create(ask, ACTIVE)
    await ask(Op.ADD_ATTRIBUTE, unique_identifier=mine, new_attribute=named("payroll"))
    limited = await bearer(ask, right(objects=[mine]))
    new = (await limited(Op.REKEY, unique_identifier=mine)).unique_identifier
    assert (await attribute(ask, new, Tag.NAME)).name_value == "payroll"
