"""Login and Logout: a ticket stands for its client, for as long and as often as it is good for."""

from typing import Any

import pytest

from kmip.attribute_values import UsageLimits
from kmip.attributes import Attributes
from kmip.enums import (
    CredentialType,
    CryptographicAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    TicketType,
    UsageLimitsUnit,
)
from kmip.messages import Authentication, Credential, Ticket, TicketCredential
from kmip.payloads.rights import TicketTime
from kmip.tags import Tag
from kmip.versions import V2_0, V2_1, V3_0
from server.objects.own_records import OwnRecords
from server.sessions import issued, tickets
from tests.server.conftest import NOW, Clock, Failed, InProcessClient

Op = Operation
AES = Attributes(
    [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 128),
    ]
)
CREATE = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": AES}


def showing(ask: InProcessClient, ticket: Ticket) -> InProcessClient:
    """Whoever shows the ticket, by a certificate of its own."""
    credential = Credential(
        credential_type=CredentialType.TICKET, credential_value=TicketCredential(ticket=ticket)
    )
    header = {"authentication": Authentication(credential=(credential,))}
    return InProcessClient(ask.server, ask.named("bearer").client, ask.version, header)


async def reason_of(
    ask: InProcessClient, operation: Operation, **fields: Any
) -> ResultReason | None:
    """Why an operation fails."""
    with pytest.raises(Failed) as failure:
        await ask(operation, **fields)
    assert failure.value.item.operation == operation
    return failure.value.reason


@pytest.mark.parametrize("version", [V2_0, V2_1, V3_0], ids=str)
async def test_a_ticket_stands_for_the_client_that_logged_in(ask: InProcessClient, version):
    ask = ask.at(version)
    key = (await ask(Op.CREATE, **CREATE)).unique_identifier
    ticket = (await ask(Op.LOGIN)).ticket
    assert len(ticket.ticket_value) == tickets.TICKET_BYTES
    bearer = showing(ask, ticket)
    assert (await bearer(Op.GET, unique_identifier=key)).unique_identifier == key
    made = (await bearer(Op.CREATE, **CREATE)).unique_identifier
    assert (await ask(Op.GET, unique_identifier=made)).unique_identifier == made


async def test_no_other_value_is_a_ticket(ask: InProcessClient):
    await ask(Op.LOGIN)
    made_up = Ticket(ticket_type=TicketType.LOGIN, ticket_value=bytes(tickets.TICKET_BYTES))
    assert await reason_of(showing(ask, made_up), Op.QUERY) == ResultReason.INVALID_TICKET


async def test_a_request_count_counts_messages(ask: InProcessClient):
    bearer = showing(ask, (await ask(Op.LOGIN, request_count=2)).ticket)
    await bearer.batch(bearer.item(Op.QUERY), bearer.item(Op.QUERY), bearer.item(Op.QUERY))
    await bearer(Op.QUERY)
    assert await reason_of(bearer, Op.QUERY) == ResultReason.USAGE_LIMIT_EXCEEDED


async def test_usage_limits_count_operations_and_not_what_was_not_there(ask: InProcessClient):
    limits = UsageLimits(usage_limits_total=2)
    bearer = showing(ask, (await ask(Op.LOGIN, usage_limits=limits)).ticket)
    assert (
        await reason_of(bearer, Op.GET, unique_identifier="none") == ResultReason.OBJECT_NOT_FOUND
    )
    items = await bearer.batch(*(bearer.item(Op.CREATE, **CREATE) for _ in range(3)))
    reasons = [item.result_reason for item in items]
    assert reasons == [None, None, ResultReason.USAGE_LIMIT_EXCEEDED]
    assert (await ask(Op.LOCATE)).located_items == 2


async def test_limits_of_bytes_are_refused(ask: InProcessClient):
    limits = UsageLimits(usage_limits_total=2, usage_limits_unit=UsageLimitsUnit.BYTE)
    refused = await reason_of(ask, Op.LOGIN, usage_limits=limits)
    assert refused == ResultReason.FEATURE_NOT_SUPPORTED


@pytest.mark.parametrize(
    "lease, seconds",
    [
        (None, issued.LEASE_SECONDS),
        (TicketTime(0), issued.MAX_LEASE_SECONDS),
        (TicketTime(0, absolute=True), issued.MAX_LEASE_SECONDS),
        (TicketTime(60), 60),
        (TicketTime(NOW + 90, absolute=True), 90),
        (TicketTime(1 << 31), issued.MAX_LEASE_SECONDS),
        (TicketTime(NOW + (1 << 31), absolute=True), issued.MAX_LEASE_SECONDS),
    ],
)
async def test_a_ticket_ends_with_its_lease(ask: InProcessClient, clock: Clock, lease, seconds):
    bearer = showing(ask, (await ask(Op.LOGIN, lease_time=lease)).ticket)
    clock.now = NOW + seconds - 1
    await bearer(Op.QUERY)
    clock.now = NOW + seconds
    assert await reason_of(bearer, Op.QUERY) == ResultReason.INVALID_TICKET


@pytest.mark.parametrize(
    "fields",
    [
        {"lease_time": TicketTime(NOW, absolute=True)},
        {"request_count": -1},
        {"usage_limits": UsageLimits(usage_limits_total=0)},
        {"usage_limits": UsageLimits(usage_limits_total=5, usage_limits_count=-1)},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_a_ticket_that_would_be_good_for_nothing_is_refused(ask: InProcessClient, fields):
    assert await reason_of(ask, Op.LOGIN, **fields) == ResultReason.INVALID_FIELD


async def test_a_ticket_gives_no_further_tickets(ask: InProcessClient):
    bearer = showing(ask, (await ask(Op.LOGIN, request_count=1)).ticket)
    assert await reason_of(bearer, Op.LOGIN) == ResultReason.PERMISSION_DENIED


async def test_logout_ends_a_ticket(ask: InProcessClient):
    ticket = (await ask(Op.LOGIN)).ticket
    await showing(ask, ticket)(Op.LOGOUT, ticket=ticket)
    assert await reason_of(showing(ask, ticket), Op.QUERY) == ResultReason.INVALID_TICKET
    assert await reason_of(ask, Op.LOGOUT, ticket=ticket) == ResultReason.INVALID_TICKET


async def test_nobody_ends_the_ticket_of_another_client(ask: InProcessClient):
    ticket = (await ask(Op.LOGIN)).ticket
    bob = ask.named("bob")
    assert await reason_of(bob, Op.LOGOUT, ticket=ticket) == ResultReason.INVALID_TICKET
    await showing(ask, ticket)(Op.QUERY)


async def test_a_clients_oldest_ticket_makes_room(ask: InProcessClient, monkeypatch):
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 2)
    first, second, third = [(await ask(Op.LOGIN)).ticket for _ in range(3)]
    assert await reason_of(showing(ask, first), Op.QUERY) == ResultReason.INVALID_TICKET
    await showing(ask, second)(Op.QUERY)
    await showing(ask, third)(Op.QUERY)


async def test_no_client_ends_the_tickets_of_others_by_logging_in(
    ask: InProcessClient, monkeypatch, clock
):
    monkeypatch.setattr(tickets, "MAX_TICKETS", 1)
    ticket = (await ask(Op.LOGIN)).ticket
    bob = ask.named("bob")
    assert await reason_of(bob, Op.LOGIN) == ResultReason.SERVER_LIMIT_EXCEEDED
    await showing(ask, ticket)(Op.QUERY)
    clock.now += issued.LEASE_SECONDS
    await bob(Op.LOGIN)


async def test_the_server_keeps_no_ticket(ask: InProcessClient):
    ticket = (await ask(Op.LOGIN)).ticket
    await showing(ask, ticket)(Op.QUERY)
    query = OwnRecords(ask.server.store, tickets.KIND).query()
    (name,) = (await ask.server.store.search(query)).names
    record = await ask.server.store.read(name)
    assert record is not None
    body = await ask.server.store.read_body(name, record.version)
    for kept in (name, record.meta, body, repr(vars(ask.server.tickets)).encode()):
        assert kept is not None
        assert ticket.ticket_value not in kept
        assert ticket.ticket_value.hex().encode() not in kept


async def test_a_request_count_of_0_allows_any_number(ask: InProcessClient):
    bearer = showing(ask, (await ask(Op.LOGIN, request_count=0)).ticket)
    for _ in range(5):
        await bearer(Op.QUERY)
