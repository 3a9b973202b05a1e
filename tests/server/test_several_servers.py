"""Several servers on one store: each finds what was done at the others, and nothing is lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_trio
import trio

from kmip.attribute_values import Name, RevocationReason, UsageLimits
from kmip.attributes import AttributeInstance, Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    ObjectType,
    Operation,
    PaddingMethod,
    ResultReason,
    ResultStatus,
    RevocationReasonCode,
    State,
    UsageLimitsUnit,
)
from kmip.payloads.factory_defaults import DefaultsInformation, ObjectDefaults
from kmip.payloads.rights import Rights
from kmip.tags import Tag
from kmip.versions import V3_0
from server.access import ended_tickets, password_file
from server.access.kept_users import KeptUsers, verifier_of
from server.access.users import Users
from server.objects.grants import Grantee, GranteeKind
from server.requests.access_rights import Target
from server.requests.batch import FRESH_SECONDS
from server.sessions.lockout import MAX_FAILURES
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from storage import replica as replica_module
from storage.backend import Kind
from storage.testing import FailingBackend
from tests.server.conftest import NOW, Clock, Failed, InProcessClient
from tests.server.operations.test_create_user import CHEAP, as_user, make_user
from tests.server.operations.test_delegated_login import right
from tests.server.operations.test_login import showing
from tests.server.operations.test_set_constraints import aes as constrained_to
from tests.server.operations.test_set_constraints import allows, constrain
from tests.server.requests.test_access_rights import BOB, grant, grant_group, rights
from tests.server.samples import ACTIVE, aes, attribute, create, state, symmetric_key, values

UNDO = BatchErrorContinuationOption.UNDO
R = ResultReason


@dataclass
class TwoServers:
    """Two servers that share one store, and a client of each.

    Attributes:
        one: asks the first server.
        other: asks the second.
        backend: of the second server; it notes what it is asked, and fails when told to.
    """

    one: InProcessClient
    other: InProcessClient
    backend: FailingBackend


@pytest_trio.trio_fixture
async def servers(config: Config, clock: Clock) -> AsyncIterator[TwoServers]:
    space, key = MemorySpace(), KeyFile(bytes(32))
    backend = FailingBackend(MemoryBackend(space, shared=True))
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(backend, key) as second,
    ):
        one, other = (
            InProcessClient(
                Server(
                    config=config,
                    store=store,
                    users=Users(config.users_file, cost=CHEAP),
                    clock=clock,
                ),
                None,
            )
            for store in (first, second)
        )
        backend.calls.clear()
        yield TwoServers(one.named("alice"), other.named("alice"), backend)


def both(servers: TwoServers) -> tuple[InProcessClient, InProcessClient]:
    return servers.one, servers.other


async def reason_of(
    ask: InProcessClient, operation: Operation, **fields: Any
) -> ResultReason | None:
    """Why an operation fails; None: it does not."""
    try:
        await ask(operation, **fields)
    except Failed as failure:
        return failure.reason
    return None


# What is done at one is known at the other


async def test_what_one_server_does_the_other_knows(servers: TwoServers):
    key = await create(servers.one)
    assert await state(servers.other, key) == State.PRE_ACTIVE
    await servers.other(Operation.ACTIVATE, unique_identifier=key)
    assert await state(servers.one, key) == State.ACTIVE
    located = await servers.one(
        Operation.LOCATE, attributes=Attributes([(Tag.STATE, State.ACTIVE)])
    )
    assert located.unique_identifier == (key,)


async def test_what_is_made_at_one_is_found_and_read_at_the_other(servers: TwoServers):
    key = await create(servers.one)
    assert (await servers.other(Operation.LOCATE)).unique_identifier == (key,)
    mine, theirs = [await ask(Operation.GET, unique_identifier=key) for ask in both(servers)]
    assert mine.object == theirs.object


async def test_what_is_destroyed_at_one_is_not_used_at_the_other(servers: TwoServers):
    key = await create(servers.one, ACTIVE)
    encrypt = {"unique_identifier": key, "data": b"x", "cryptographic_parameters": CBC}
    await servers.other(Operation.ENCRYPT, **encrypt)  # it is in the other's cache now
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.CESSATION_OF_OPERATION)
    await servers.one(Operation.REVOKE, unique_identifier=key, revocation_reason=why)
    assert await reason_of(servers.other, Operation.ENCRYPT, **encrypt) is not None
    await servers.one(Operation.DESTROY, unique_identifier=key)
    assert await reason_of(servers.other, Operation.GET, unique_identifier=key) is not None


async def test_an_object_made_anew_is_not_taken_for_the_one_it_was(servers: TwoServers):
    """The other server has the old one in its caches, and its identifier is used again."""
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes()}

    async def take_in(material: bytes) -> None:
        key = symmetric_key(material)
        await servers.one(Operation.IMPORT, unique_identifier="same", object=key, **fields)

    async def material(ask: InProcessClient) -> bytes:
        got = await ask(Operation.GET, unique_identifier="same")
        key_value = got.object.key_block.key_value
        assert isinstance(key_value.key_material, bytes)
        return key_value.key_material

    await take_in(bytes(32))
    assert [await material(ask) for ask in both(servers)] == [bytes(32)] * 2
    await servers.one.at(V3_0)(Operation.OBLITERATE, unique_identifier="same")
    await take_in(b"n" * 32)
    await servers.one(Operation.GET, unique_identifier="same")
    assert [await material(ask) for ask in both(servers)] == [b"n" * 32] * 2


@pytest.mark.parametrize("gone", ["user", "credential"])
async def test_a_user_that_is_removed_at_one_is_not_let_in_at_the_other(
    servers: TwoServers, gone: str
):
    """Nothing else is asked of the other server in between: its first message must be refused."""
    admin = servers.one.at(V3_0).named("administrator")
    password_file.add(
        admin.server.config.users_file, password_file.Kind.USER, "somebody", "else", cost=CHEAP
    )
    user = await make_user(admin, "fred")
    fred = as_user(servers.other.at(V3_0), "fred", "correct horse")
    assert await reason_of(fred, Operation.QUERY) is None
    (credential,) = await values(admin, user, Tag.CREDENTIAL_LINK)
    await admin(Operation.DESTROY, unique_identifier={"user": user, "credential": credential}[gone])
    assert await reason_of(fred, Operation.QUERY) == R.AUTHENTICATION_NOT_SUCCESSFUL


async def test_a_user_that_is_made_at_one_is_let_in_at_the_other(servers: TwoServers):
    await make_user(servers.one.at(V3_0).named("administrator"), "fred")
    fred = as_user(servers.other.at(V3_0), "fred", "correct horse")
    assert await reason_of(fred, Operation.QUERY) is None


async def test_a_user_in_the_store_is_let_in_at_both_and_removed_at_both(servers: TwoServers):
    kept = KeptUsers(servers.one.server.store)
    await kept.add(password_file.Kind.USER, "fred", verifier_of("correct horse", CHEAP))
    for ask in both(servers):
        assert await reason_of(as_user(ask, "fred", "correct horse"), Operation.QUERY) is None
    ticket = (await as_user(servers.one, "fred", "correct horse")(Operation.LOGIN)).ticket
    await showing(servers.other, ticket)(Operation.QUERY)
    await kept.add(password_file.Kind.USER, "anna", verifier_of("x", CHEAP))
    await kept.remove(password_file.Kind.USER, "fred")
    for ask in both(servers):
        refused = await reason_of(as_user(ask, "fred", "correct horse"), Operation.QUERY)
        assert refused == R.AUTHENTICATION_NOT_SUCCESSFUL
        assert await reason_of(showing(ask, ticket), Operation.QUERY) == R.INVALID_TICKET


async def test_who_guesses_at_one_server_has_no_more_guesses_at_the_other(servers: TwoServers):
    await make_user(servers.one.at(V3_0).named("administrator"), "fred")
    for number in range(MAX_FAILURES):
        ask = both(servers)[number % 2].at(V3_0)
        await reason_of(as_user(ask, "fred", f"guess {number}"), Operation.QUERY)
    for ask in both(servers):
        fred = as_user(ask.at(V3_0), "fred", "correct horse")
        assert await reason_of(fred, Operation.QUERY) == R.AUTHENTICATION_NOT_SUCCESSFUL
        desk = as_user(ask.at(V3_0), "fred", "correct horse", certificate="desktop")
        assert await reason_of(desk, Operation.QUERY) is None


async def test_a_state_that_time_has_changed_is_found_at_both(servers: TwoServers, clock: Clock):
    keys = [await create(servers.one, (Tag.ACTIVATION_DATE, NOW + 5)) for _ in range(3)]
    clock.now += 5
    active = Attributes([(Tag.STATE, State.ACTIVE)])
    for ask in both(servers):
        found = await ask(Operation.LOCATE, attributes=active)
        assert set(found.unique_identifier) == set(keys)


async def test_a_server_that_fell_far_behind_catches_up(
    servers: TwoServers, monkeypatch: pytest.MonkeyPatch
):
    """So far that the log no longer reaches back to what it knows."""
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 3)
    old = await create(servers.other)
    keys = [await create(servers.one) for _ in range(10)]
    await servers.one(Operation.DESTROY, unique_identifier=old)
    located = await servers.other(Operation.LOCATE)
    assert located.unique_identifier == tuple(reversed(keys))
    assert "scan" in servers.backend.calls
    await servers.other(Operation.ACTIVATE, unique_identifier=keys[0])
    assert await state(servers.one, keys[0]) == State.ACTIVE


# Tickets are good, used and over at all servers


async def test_a_ticket_of_one_server_is_good_at_the_other(servers: TwoServers):
    key = await create(servers.one)
    ticket = (await servers.one(Operation.LOGIN)).ticket
    await showing(servers.other, ticket)(Operation.GET, unique_identifier=key)
    assert (await servers.other(Operation.LOGOUT, ticket=ticket)) is not None
    assert await reason_of(showing(servers.one, ticket), Operation.QUERY) == R.INVALID_TICKET


async def test_a_tickets_requests_are_counted_by_all_servers(servers: TwoServers):
    ticket = (await servers.one(Operation.LOGIN, request_count=3)).ticket
    for ask in (servers.one, servers.other, servers.one):
        await showing(ask, ticket)(Operation.QUERY)
    for ask in both(servers):
        assert await reason_of(showing(ask, ticket), Operation.QUERY) == R.USAGE_LIMIT_EXCEEDED


async def test_guesses_with_a_ticket_at_both_tell_no_more_than_there_are_uses(servers: TwoServers):
    key = await create(servers.one, ACTIVE)
    answer = await servers.one(
        Operation.DELEGATED_LOGIN,
        rights=Rights(right=(right(Operation.DECRYPT, objects=[key], uses=3),)),
    )
    reasons: list[ResultReason | None] = []

    async def guess(ask: InProcessClient) -> None:
        reasons.append(
            await reason_of(
                showing(ask, answer.ticket),
                Operation.DECRYPT,
                unique_identifier=key,
                cryptographic_parameters=CryptographicParameters(
                    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5
                ),
                iv_counter_nonce=bytes(16),
                data=bytes(16),
            )
        )

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(guess, (servers.one, servers.other)[number % 2])
    assert reasons.count(R.CRYPTOGRAPHIC_FAILURE) == 3
    assert reasons.count(R.USAGE_LIMIT_EXCEEDED) == 7


async def test_the_operator_of_one_server_ends_tickets_at_all(servers: TwoServers):
    tickets = [(await ask(Operation.LOGIN)).ticket for ask in both(servers)]
    assert await servers.one.server.tickets.end_all("alice") == 2
    for ticket in tickets:
        for ask in both(servers):
            assert await reason_of(showing(ask, ticket), Operation.QUERY) == R.INVALID_TICKET


async def test_a_ticket_ends_at_all_servers_where_one_finds_it_over(
    servers: TwoServers, clock: Clock
):
    """The user is only removed from the file of one server."""
    ticket = (await servers.one(Operation.LOGIN)).ticket
    ended_tickets.end(servers.one.server.config.ended_tickets_file, "alice", clock.now)
    assert await reason_of(showing(servers.one, ticket), Operation.QUERY) == R.INVALID_TICKET
    servers.one.server.config.ended_tickets_file.unlink()
    for ask in both(servers):
        assert await reason_of(showing(ask, ticket), Operation.QUERY) == R.INVALID_TICKET


async def test_a_ticket_that_is_ended_elsewhere_ends_a_long_batch(
    servers: TwoServers, clock: Clock
):
    ticket = (await servers.one(Operation.LOGIN)).ticket
    true_tail, calls = servers.backend.tail, 0

    async def tail(since, wanted=()):
        nonlocal calls
        calls += 1
        if calls == 2:  # before a later item
            await servers.one(Operation.LOGOUT, ticket=ticket)
        return await true_tail(since, wanted)

    def slow_clock() -> float:
        clock.now += FRESH_SECONDS / 2
        return clock.now

    bearer = showing(servers.other, ticket)
    servers.backend.tail = tail  # type: ignore[method-assign]
    servers.other.server.clock = slow_clock
    items = [bearer.item(Operation.QUERY) for _ in range(3)]
    answers = await bearer.batch(*items, option=BatchErrorContinuationOption.CONTINUE)
    assert answers[0].result_reason is None
    assert answers[-1].result_reason == R.INVALID_TICKET


async def test_an_undoable_batch_may_use_and_end_a_counted_ticket(servers: TwoServers):
    ticket = await servers.one(Operation.LOGIN, usage_limits=UsageLimits(usage_limits_total=9))
    bearer = showing(servers.other, ticket.ticket)
    answers = await bearer.batch(
        bearer.item(Operation.QUERY),
        bearer.item(Operation.LOGOUT, ticket=ticket.ticket),
        option=UNDO,
    )
    assert [one.result_status for one in answers] == [ResultStatus.SUCCESS] * 2
    assert await reason_of(showing(servers.one, ticket.ticket), Operation.QUERY) == (
        R.INVALID_TICKET
    )


# When the store is asked what others have done


def gets(ask: InProcessClient, key: str, count: int) -> list:
    return [ask.item(Operation.GET, unique_identifier=key) for _ in range(count)]


async def test_a_get_is_one_round_trip_to_the_store(servers: TwoServers):
    """The object's record and its material come with the news that each message asks for."""
    key = await create(servers.one)
    await servers.one(Operation.GET, unique_identifier=key)  # it is not Fresh any more
    await servers.other(Operation.LOCATE)
    servers.backend.calls.clear()
    await servers.other(Operation.GET, unique_identifier=key)
    assert servers.backend.calls == ["tail"]


async def test_a_message_asks_once(servers: TwoServers):
    key = await create(servers.one)
    for count in (1, 5):
        servers.backend.calls.clear()
        await servers.other.batch(*gets(servers.other, key, count))
        assert servers.backend.calls.count("tail") == 1


async def test_a_long_batch_asks_again(servers: TwoServers, clock: Clock):
    """A key that is destroyed elsewhere meanwhile is not given out by a later item."""
    key = await create(servers.one)
    await servers.one(Operation.GET, unique_identifier=key)  # only the first one changes it
    items = gets(servers.other, key, 3)
    answers: list[Any] = []

    true_get = servers.backend.get

    async def slow_get(kind, names):
        found = await true_get(kind, names)
        if kind is Kind.BODY and not answers:
            answers.append(await servers.one(Operation.DESTROY, unique_identifier=key))
            clock.now += FRESH_SECONDS
        return found

    servers.backend.get = slow_get  # type: ignore[method-assign]
    first, second, third = await servers.other.batch(
        *items, option=BatchErrorContinuationOption.CONTINUE
    )
    assert first.result_status == ResultStatus.SUCCESS
    assert {second.result_status, third.result_status} == {ResultStatus.OPERATION_FAILED}


async def test_nobody_is_let_in_while_it_cannot_be_asked(servers: TwoServers, caplog):
    servers.backend.fail_next = 1
    answers = await servers.other.batch(
        servers.other.item(Operation.QUERY), servers.other.item(Operation.QUERY)
    )
    assert [one.result_reason for one in answers] == [R.GENERAL_FAILURE] * 2
    assert "not available" in (answers[0].result_message or "")
    assert "the store is not available" in caplog.text
    await servers.other(Operation.QUERY)


# Changes at both at once


async def test_two_changes_of_one_object_at_once_are_both_made(servers: TwoServers):
    key = await create(servers.one)

    async def describe(ask: InProcessClient, what: Tag, text: str) -> None:
        await ask(
            Operation.SET_ATTRIBUTE,
            unique_identifier=key,
            new_attribute=AttributeInstance(what, text),
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(describe, servers.one, Tag.DESCRIPTION, "a")
        nursery.start_soon(describe, servers.other, Tag.COMMENT, "b")
    for ask in both(servers):
        assert await attribute(ask, key, Tag.DESCRIPTION) == "a"
        assert await attribute(ask, key, Tag.COMMENT) == "b"


async def test_a_name_is_given_once_by_both_together(servers: TwoServers):
    ended: list[object] = []
    named = aes((Tag.NAME, Name(name_value="same")))

    async def make(ask: InProcessClient) -> None:
        fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": named}
        ended.append(await reason_of(ask, Operation.CREATE, **fields))

    async with trio.open_nursery() as nursery:
        for ask in both(servers) * 3:
            nursery.start_soon(make, ask)
    assert sorted(map(str, ended)) == sorted(map(str, [None, *[R.NON_UNIQUE_NAME_ATTRIBUTE] * 5]))


async def test_no_change_is_lost(servers: TwoServers):
    key = await create(servers.one)
    names = [f"{number}" for number in range(16)]

    async def add(ask: InProcessClient, name: str) -> None:
        group = AttributeInstance(Tag.OBJECT_GROUP, name)
        await ask(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=group)

    async with trio.open_nursery() as nursery:
        for number, name in enumerate(names):
            nursery.start_soon(add, (servers.one, servers.other)[number % 2], name)
    for ask in (servers.one, servers.other):
        assert sorted(await values(ask, key, Tag.OBJECT_GROUP)) == sorted(names)


async def test_usage_limits_are_spent_once(servers: TwoServers):
    limits = UsageLimits(usage_limits_total=10, usage_limits_unit=UsageLimitsUnit.OBJECT)
    key = await create(servers.one, ACTIVE, (Tag.USAGE_LIMITS, limits))
    ended: list[ResultReason | None] = []

    async def encrypt(ask: InProcessClient) -> None:
        try:
            await ask(
                Operation.ENCRYPT, unique_identifier=key, data=b"x", cryptographic_parameters=CBC
            )
        except Failed as failure:
            ended.append(failure.reason)
        else:
            ended.append(None)

    async with trio.open_nursery() as nursery:
        for number in range(14):
            nursery.start_soon(encrypt, (servers.one, servers.other)[number % 2])
    assert ended.count(None) == 10
    assert set(ended) == {None, ResultReason.USAGE_LIMIT_EXCEEDED}
    left = await attribute(servers.other, key, Tag.USAGE_LIMITS)
    assert left.usage_limits_count == 0


CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)


async def test_streams_that_race_for_usage_limits_keep_their_text(servers: TwoServers):
    limits = UsageLimits(usage_limits_total=1 << 20, usage_limits_unit=UsageLimitsUnit.BYTE)
    key = await create(servers.one, ACTIVE, (Tag.USAGE_LIMITS, limits))
    text = bytes(range(160))
    done: list[tuple[bytes, bytes]] = []

    async def encrypt(ask: InProcessClient) -> None:
        first = await ask(
            Operation.ENCRYPT,
            unique_identifier=key,
            cryptographic_parameters=CBC,
            data=text[:50],
            init_indicator=True,
        )
        value, got = first.correlation_value, first.data or b""
        for start, stop in ((50, 90), (90, 130)):
            part = await ask(Operation.ENCRYPT, correlation_value=value, data=text[start:stop])
            got += part.data or b""
        last = await ask(
            Operation.ENCRYPT, correlation_value=value, data=text[130:], final_indicator=True
        )
        done.append((first.iv_counter_nonce, got + last.data))

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(encrypt, (servers.one, servers.other)[number % 2])
    assert len(done) == 8
    for vector, got in done:
        plain = await servers.one(
            Operation.DECRYPT,
            unique_identifier=key,
            cryptographic_parameters=CBC,
            iv_counter_nonce=vector,
            data=got,
        )
        assert plain.data == text
    left = await attribute(servers.other, key, Tag.USAGE_LIMITS)
    assert left.usage_limits_count == (1 << 20) - 8 * len(text)


async def test_a_part_that_reaches_another_server_is_told_so(servers: TwoServers):
    key = await create(servers.one, ACTIVE)
    first = await servers.one(
        Operation.ENCRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        data=b"x" * 20,
        init_indicator=True,
    )
    part = {"correlation_value": first.correlation_value, "data": b"y"}
    with pytest.raises(Failed, match="another server began it") as failure:
        await servers.other(Operation.ENCRYPT, **part, final_indicator=True)
    assert failure.value.reason == R.INVALID_CORRELATION_VALUE
    await servers.one(Operation.ENCRYPT, **part, final_indicator=True)


async def test_defaults_that_are_set_at_one_hold_at_the_other_at_once(servers: TwoServers):
    attributes = aes()
    attributes.set(Tag.CRYPTOGRAPHIC_LENGTH, None)
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": attributes}
    made = await servers.other(Operation.CREATE, **fields)
    before = await attribute(servers.one, made.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH)
    assert before != 192
    defaults = ObjectDefaults(
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=Attributes([(Tag.CRYPTOGRAPHIC_LENGTH, 192)]),
    )
    information = DefaultsInformation(object_defaults=(defaults,))
    await servers.one(Operation.SET_DEFAULTS, defaults_information=information)
    made = await servers.other(Operation.CREATE, **fields)
    length = await attribute(servers.one, made.unique_identifier, Tag.CRYPTOGRAPHIC_LENGTH)
    assert length == 192


async def test_constraints_that_are_set_at_one_hold_at_the_other_at_once(servers: TwoServers):
    assert await allows(servers.other, 128)
    await constrain(servers.one.named("administrator"), constrained_to(256))
    for ask in both(servers):
        assert await allows(ask, 256)
        assert not await allows(ask, 128)
    await servers.other.named("administrator")(Operation.SET_CONSTRAINTS)
    assert await allows(servers.one, 128)


async def test_undoable_batches_that_race_happen_as_wholes(servers: TwoServers):
    keys = [await create(servers.one) for _ in range(2)]

    async def batch(ask: InProcessClient, name: str) -> None:
        group = AttributeInstance(Tag.OBJECT_GROUP, name)
        items = [
            ask.item(Operation.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=group)
            for key in keys
        ]
        if int(name) % 4 == 3:
            items.append(ask.item(Operation.GET, unique_identifier="nobody"))
        else:
            items.append(
                ask.item(
                    Operation.CREATE,
                    object_type=ObjectType.SYMMETRIC_KEY,
                    attributes=aes((Tag.OBJECT_GROUP, name)),
                )
            )
        answers = await ask.batch(*items, option=UNDO)
        expected = ResultStatus.OPERATION_FAILED if int(name) % 4 == 3 else ResultStatus.SUCCESS
        assert answers[-1].result_status == expected

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(batch, (servers.one, servers.other)[number % 2], str(number))
    done = sorted(str(number) for number in range(12) if number % 4 != 3)
    for key in keys:
        assert sorted(await values(servers.other, key, Tag.OBJECT_GROUP)) == done
    for name in map(str, range(12)):
        located = await servers.one(
            Operation.LOCATE, attributes=Attributes([(Tag.OBJECT_GROUP, name)])
        )
        assert len(located.unique_identifier) == (3 if name in done else 0)


async def test_one_of_two_who_import_the_same_identifier_wins(servers: TwoServers):
    ended: list[object] = []

    async def take_in(ask: InProcessClient) -> None:
        try:
            ended.append(
                await ask(
                    Operation.IMPORT,
                    unique_identifier="same",
                    object_type=ObjectType.SYMMETRIC_KEY,
                    attributes=aes(),
                    object=symmetric_key(bytes(32)),
                )
            )
        except Failed as failure:
            ended.append(failure.reason)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_in, servers.one)
        nursery.start_soon(take_in, servers.other)
    assert ended.count(ResultReason.OBJECT_ALREADY_EXISTS) == 1


# Grants


async def test_a_grant_and_its_end_hold_at_the_other_server_at_once(servers: TwoServers):
    key = await create(servers.one, (Tag.OBJECT_GROUP, "g"))
    bob = servers.other.named("bob")
    get = {"unique_identifier": key}
    assert await reason_of(bob, Operation.GET, **get) == R.OBJECT_NOT_FOUND
    for change in (grant, grant_group):
        what = key if change is grant else "g"
        await change(servers.one, what, Operation.GET)
        await bob(Operation.GET, **get)
        assert (await bob(Operation.LOCATE)).unique_identifier == (key,)
        target = Target(key) if change is grant else Target(group="g")
        await rights(servers.one).revoke(target, BOB, frozenset({Operation.GET}))
        assert await reason_of(bob, Operation.GET, **get) == R.OBJECT_NOT_FOUND
        assert (await bob(Operation.LOCATE)).unique_identifier == ()


async def test_grants_given_at_both_servers_at_the_same_time_all_hold(servers: TwoServers):
    key = await create(servers.one)
    async with trio.open_nursery() as nursery:
        for number in range(8):
            ask = both(servers)[number % 2]
            to = Grantee(GranteeKind.CLIENT, f"client {number}")
            for change, what in ((grant, key), (grant_group, "g")):
                nursery.start_soon(partial(change, ask, what, Operation.GET, to=to))
    assert len(await rights(servers.other).on_object(key)) == 8
    assert len(await rights(servers.one).on_groups()) == 8
