"""What a message that shows a ticket may do, which of it is counted, and which tickets are out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_trio
import trio

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.errors import InvalidTicket, NotAuthorised, ServerLimitExceeded, UsageLimitExceeded
from server.objects import own_records
from server.objects.managed_object import ManagedObject
from server.objects.opened import Opened
from server.objects.transaction import Transaction
from server.sessions import issued as issued_module
from server.sessions import tickets
from server.sessions.issued import Issued
from server.sessions.permission import Permission
from server.sessions.rights import Grant
from server.sessions.tickets import Tickets
from storage import KeyFile, MemoryBackend, MemorySpace, StorageError, Unavailable, open_store
from storage.testing import FailingBackend
from tests.server.conftest import NOW

KEY = ManagedObject("key", "alice", ObjectType.SYMMETRIC_KEY, Attributes())


class Out(Tickets):
    """The tickets that are out, at one server.

    Args:
        store: of the server.
        backend: of the store.
    """

    def __init__(self, store, backend: FailingBackend) -> None:
        super().__init__(store)
        self.store = store
        self.backend = backend

    def begin(self) -> Transaction:
        return Transaction(self.store, Opened(1 << 20), NOW)

    async def give(
        self, client: str = "alice", grants: tuple[Grant, ...] | None = None, **fields: Any
    ) -> bytes:
        """Give out a ticket; its value."""
        objects = self.begin()
        named: dict[str, Any] = {"until": NOW + 9} | fields
        value = await self.issue(objects, Issued(client, **named), NOW, grants)
        await objects.commit()
        return value

    async def presented(self, value: bytes) -> Permission:
        await self.store.refresh()
        return Permission(await self.find(value, NOW), self)

    async def begun(self, value: bytes, operation: Operation = Operation.GET) -> Permission:
        permission = await self.presented(value)
        await permission.begin(operation)
        assert permission.touch(KEY)
        return permission

    async def spent(self, value: bytes) -> Permission:
        permission = await self.begun(value)
        await permission.spend(self.begin())
        return permission

    async def uses(self, value: bytes) -> int:
        """How many operations a ticket is still good for, one by one."""
        found = 0
        while found < 10:
            try:
                await self.spent(value)
            except UsageLimitExceeded:
                break
            found += 1
        return found

    async def are_out(self, values: list[bytes], now: int = NOW) -> list[bool]:
        found = []
        await self.store.refresh()
        for value in values:
            try:
                await self.find(value, now)
            except InvalidTicket:
                found.append(False)
            else:
                found.append(True)
        return found


@pytest_trio.trio_fixture
async def pair() -> AsyncIterator[tuple[Out, Out]]:
    """The tickets that are out at two servers on one store."""
    space, key = MemorySpace(), KeyFile(bytes(32))
    one, other = (FailingBackend(MemoryBackend(space, shared=True)) for _ in range(2))
    async with (
        open_store(one, key, create=True) as first,
        open_store(other, key) as second,
    ):
        yield Out(first, one), Out(second, other)


@pytest.fixture
def out(pair: tuple[Out, Out]) -> Out:
    return pair[0]


ONE_EACH = pytest.mark.parametrize(
    "left, grants", [(1, None), (None, (Grant(left=1),))], ids=["ticket", "right"]
)


async def test_a_ticket_is_open_until_its_lease_ends_or_it_is_ended(out: Out):
    value = await out.give()
    permission = await out.presented(value)
    objects = out.begin()
    permission.check_open(objects, NOW + 8)
    with pytest.raises(InvalidTicket):
        permission.check_open(objects, NOW + 9)
    await out.end(objects, value, "alice")
    with pytest.raises(InvalidTicket):
        permission.check_open(objects, NOW)
    permission.check_open(out.begin(), NOW)
    await objects.commit()
    with pytest.raises(InvalidTicket):
        permission.check_open(out.begin(), NOW)


@pytest.mark.parametrize(
    "left, grants, counted",
    [
        (None, None, False),
        (1, None, True),
        (None, (Grant(),), False),
        (None, (Grant(), Grant(left=1)), True),
        (1, (Grant(),), True),
    ],
)
async def test_a_ticket_is_counted_by_itself_or_by_a_right(out: Out, left, grants, counted):
    value = await out.give(grants=grants, left=left)
    assert (await out.presented(value)).is_counted is counted


@pytest.mark.parametrize("left, grants", [(2, None), (None, (Grant(left=2),))])
async def test_an_operation_is_counted_once(out: Out, left, grants):
    permission = await out.begun(await out.give(grants=grants, left=left))
    for _ in range(2):
        await permission.spend(out.begin())
    await permission.begin(Operation.GET)
    await permission.spend(out.begin())
    with pytest.raises(UsageLimitExceeded):
        await permission.begin(Operation.GET)


@ONE_EACH
async def test_of_two_servers_at_which_the_last_use_was_begun_one_has_it(pair, left, grants):
    value = await pair[0].give(grants=grants, left=left)
    first, second = [await out.begun(value) for out in pair]
    await first.spend(pair[0].begin())
    for _ in range(2):
        with pytest.raises(UsageLimitExceeded):
            await second.spend(pair[1].begin())
    assert [await out.uses(value) for out in pair] == [0, 0]
    await first.give_back(undone=False)
    assert [await out.uses(value) for out in pair] == [1, 0]


async def test_no_use_is_counted_twice_or_not_at_all_by_servers_together(pair):
    value = await pair[0].give(left=15, requests=24)
    ended: list[bool] = []

    async def use(out: Out) -> None:
        permission = await out.presented(value)
        await out.use(permission.issued)
        try:
            await permission.begin(Operation.GET)
            permission.touch(KEY)
            await permission.spend(out.begin())
        except UsageLimitExceeded:
            ended.append(False)
        else:
            ended.append(True)

    async with trio.open_nursery() as nursery:
        for number in range(24):
            nursery.start_soon(use, pair[number % 2])
    assert (ended.count(True), ended.count(False)) == (15, 9)
    for out in pair:
        with pytest.raises(UsageLimitExceeded):
            await out.use((await out.presented(value)).issued)


async def test_what_no_right_covers_is_not_begun(out: Out):
    value = await out.give(grants=(Grant(frozenset({Operation.GET})),))
    with pytest.raises(NotAuthorised):
        await (await out.presented(value)).begin(Operation.DESTROY)


@pytest.mark.parametrize("grants", [None, (Grant(),), (Grant(left=5),)])
@pytest.mark.parametrize("left", [None, 5])
async def test_what_is_performed_anew_is_given_back_and_once_only(out: Out, left, grants):
    value, like = [await out.give(grants=grants, left=left) for _ in range(2)]
    permission = await out.begun(value, Operation.ENCRYPT)
    await permission.spend(out.begin(), failed=True)
    for _ in range(2):
        await permission.give_back(undone=False)
    assert await out.uses(value) == await out.uses(like)


@pytest.mark.parametrize(
    "operation, failed, given_back",
    [
        (Operation.CREATE, False, True),
        (Operation.CREATE, True, False),
        (Operation.ENCRYPT, False, False),
        (Operation.DECRYPT, True, False),
        (Operation.MAC_VERIFY, False, False),
        (Operation.QUERY, False, True),
    ],
)
@pytest.mark.parametrize("left, grants", [(5, None), (None, (Grant(left=5),))])
async def test_undo_gives_back_what_told_nothing(
    out: Out, left, grants, operation, failed, given_back
):
    value = await out.give(grants=grants, left=left)
    permission = await out.begun(value, operation)
    await permission.spend(out.begin(), failed=failed)
    await permission.give_back(undone=True)
    assert await out.uses(value) == 4 + given_back
    await permission.give_back(undone=False)  # all of the message is performed anew after all
    assert await out.uses(value) == 1 - given_back


async def test_a_ticket_that_has_ended_elsewhere_is_not_used_on(pair):
    value = await pair[0].give(left=5)
    permission = await pair[1].begun(value)
    await pair[0].end_all("alice")
    with pytest.raises(InvalidTicket):
        await permission.spend(pair[1].begin())
    with pytest.raises(InvalidTicket):
        await permission.begin(Operation.GET)
    await permission.give_back(undone=True)


async def test_ending_a_ticket_that_is_used_by_the_same_message_is_no_conflict(out: Out):
    """Its use is counted after the handler has read the ticket."""
    value = await out.give(left=5)
    permission = await out.begun(value, Operation.LOGOUT)
    objects = out.begin()
    await out.end(objects, value, "alice")
    await permission.spend(objects)
    await objects.commit()
    assert await out.are_out([value]) == [False]


# Without a store that takes changes


async def test_a_ticket_without_limits_needs_no_write(out: Out):
    value = await out.give(grants=(Grant(),))
    out.backend.calls.clear()
    permission = await out.spent(value)
    await out.use(permission.issued)
    assert set(out.backend.calls) <= {"tail"}


@ONE_EACH
async def test_a_use_that_cannot_be_counted_is_refused(out: Out, left, grants):
    value = await out.give(grants=grants, left=left)
    permission = await out.begun(value)
    out.backend.fail_next = 2
    with pytest.raises(Unavailable):
        await permission.spend(out.begin())
    assert await out.uses(value) == 1


async def test_a_message_that_cannot_be_counted_is_refused(out: Out):
    issued = (await out.presented(await out.give(requests=1))).issued
    out.backend.fail_next = 2
    with pytest.raises(Unavailable):
        await out.use(issued)
    await out.use(issued)
    with pytest.raises(UsageLimitExceeded):
        await out.use(issued)


async def test_uses_that_cannot_be_given_back_stay_counted(out: Out, caplog):
    value = await out.give(left=2)
    permission = await out.spent(value)
    out.backend.fail_next = 2
    await permission.give_back(undone=True)
    assert "stay counted" in caplog.text
    assert await out.uses(value) == 1


async def test_a_ticket_that_cannot_be_removed_is_told(out: Out, caplog):
    value = await out.give()
    issued = await out.find(value, NOW)
    out.backend.fail_next = 2
    await out.drop(issued)
    assert "could not be removed" in caplog.text
    await out.drop(issued)
    assert await out.are_out([value]) == [False]


# Which tickets are out


async def test_a_ticket_is_found_at_each_server_until_its_lease_ends(pair):
    out, other = pair
    value = await out.give(until=NOW + 9)
    for one in pair:
        assert await one.are_out([value, b"other"]) == [True, False]
        assert await one.are_out([value], NOW + 8) == [True]
        assert await one.are_out([value], NOW + 9) == [False]
        assert (await one.count(NOW + 8), await one.count(NOW + 9)) == (1, 0)
    await other.drop(await other.find(value, NOW))
    assert await out.are_out([value]) == [False]


async def test_a_ticket_outlives_the_server_that_gave_it_out():
    space, key = MemorySpace(), KeyFile(bytes(32))
    backend = FailingBackend(MemoryBackend(space))
    async with open_store(backend, key, create=True) as store:
        value = await Out(store, backend).give(left=2)
        assert await Out(store, backend).spent(value)
    backend = FailingBackend(MemoryBackend(space))
    async with open_store(backend, key) as store:
        assert await Out(store, backend).uses(value) == 1


async def test_a_ticket_is_good_for_so_many_messages(out: Out):
    value = await out.give(requests=2)
    for _ in range(2):
        await out.use((await out.presented(value)).issued)
    with pytest.raises(UsageLimitExceeded):
        await out.use((await out.presented(value)).issued)
    assert (await out.find(value, NOW)).requests == 0


async def test_a_client_ends_its_own_tickets_and_nobody_elses(out: Out):
    mine, theirs = await out.give(), await out.give("bob")
    objects = out.begin()
    for value in (theirs, b"other"):
        with pytest.raises(InvalidTicket):
            await out.end(objects, value, "alice")
    await out.end(objects, mine, "alice")
    with pytest.raises(InvalidTicket):
        await out.end(objects, mine, "alice")
    assert await out.are_out([mine, theirs]) == [True, True], "not committed yet"
    await objects.commit()
    assert await out.are_out([mine, theirs]) == [False, True]


async def test_an_operator_ends_those_of_a_client_at_all_servers(pair):
    out, other = pair
    values = [await out.give(), await other.give()]
    theirs = await out.give("bob")
    assert await other.end_all("alice") == 2
    for one in pair:
        assert await one.are_out([*values, theirs]) == [False, False, True]


async def test_an_end_of_all_that_is_always_overtaken_fails(out: Out, monkeypatch):
    await out.give()
    monkeypatch.setattr(out.store, "version", lambda name: 99)
    with pytest.raises(StorageError):
        await out.end_all("alice")


async def test_a_client_has_so_many_tickets_and_its_oldest_makes_room(out: Out, monkeypatch):
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 3)
    values = [await out.give() for _ in range(3)]
    theirs = await out.give("bob")
    assert all(await out.are_out(values))
    objects = out.begin()
    await out.issue(objects, Issued("alice", NOW + 9), NOW)
    await out.issue(objects, Issued("alice", NOW + 9), NOW)
    objects.forget()
    assert all(await out.are_out(values)), "none was given out after all"
    newest = await out.give()
    assert await out.are_out([*values, newest, theirs]) == [False, True, True, True, True]


async def test_tickets_that_have_ended_are_not_kept_without_end(out: Out, monkeypatch):
    """A client may log in very often for a second each."""
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 3)
    monkeypatch.setattr(tickets, "MAX_KEPT", 5)
    kept = own_records.OwnRecords(out.store, tickets.KIND)
    for client in ("alice", "bob"):
        for _ in range(4):
            try:
                await out.give(client, until=NOW - 1)
            except ServerLimitExceeded:
                assert client == "bob"
    assert await kept.count() == 5
    assert await out.count(NOW) == 0
    await own_records.sweep(out.store, NOW + own_records.SWEEP_GRACE)
    await out.give("bob")
    assert await kept.count() == 1


async def test_tickets_of_one_transaction_make_room_for_each_other(out: Out, monkeypatch):
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 2)
    old = await out.give()
    objects = out.begin()
    values = [await out.issue(objects, Issued("alice", NOW + 9), NOW) for _ in range(4)]
    await objects.commit()
    assert await out.are_out([old, *values]) == [False, False, False, True, True]


async def test_so_many_tickets_are_out_and_one_that_makes_room_for_itself_is_given(
    out: Out, monkeypatch
):
    monkeypatch.setattr(tickets, "MAX_TICKETS", 3)
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 2)
    for client in ("alice", "alice", "bob"):
        await out.give(client)
    with pytest.raises(ServerLimitExceeded):
        await out.give("bob")
    await out.give("alice")
    assert await out.count(NOW) == 3


LONG = tuple(Grant(objects=frozenset({f"{number:036}"})) for number in range(100))


async def test_a_clients_tickets_are_bounded_in_bytes_and_its_oldest_ends(out: Out, monkeypatch):
    first = await out.give(grants=LONG)
    each = await own_records.OwnRecords(out.store, tickets.KIND).size()
    assert each >= 3600
    monkeypatch.setattr(tickets, "MAX_BYTES_PER_CLIENT", 2 * each)
    values = [first, *[await out.give(grants=LONG) for _ in range(2)]]
    assert await out.are_out(values) == [False, True, True]
    small = await out.give()
    assert await out.are_out([*values, small]) == [False, False, True, True]


async def test_all_tickets_are_bounded_in_bytes_and_nobody_elses_ends(out: Out, monkeypatch):
    values = [await out.give(client, grants=LONG) for client in ("alice", "bob")]
    size = await own_records.OwnRecords(out.store, tickets.KIND).size()
    monkeypatch.setattr(tickets, "MAX_BYTES", size)
    with pytest.raises(ServerLimitExceeded):
        await out.give("mallory", grants=LONG)
    assert all(await out.are_out(values))


async def test_a_ticket_that_no_record_holds_is_refused(out: Out):
    name = "x" * own_records.MAX_BYTES
    with pytest.raises(ServerLimitExceeded):
        await out.give(grants=(Grant(objects=frozenset({name})),))


async def test_what_is_kept_arranged_is_bounded_and_read_again(out: Out, monkeypatch):
    values = [await out.give(grants=LONG) for _ in range(3)]
    for value in values:
        await out.find(value, NOW)
    memory = (await out.find(values[0], NOW)).memory
    assert out._memory == 3 * memory
    monkeypatch.setattr(tickets, "MAX_MEMORY", 2 * memory)
    another = await out.give(grants=LONG)
    await out.find(another, NOW)
    assert out._memory == 2 * memory
    assert all(await out.are_out([*values, another]))
    await out.end_all("alice")
    assert not any(await out.are_out([*values, another]))
    assert out._memory == 0


@pytest.mark.parametrize(
    "seconds, absolute, end",
    [
        (None, False, NOW + issued_module.LEASE_SECONDS),
        (0, False, NOW + issued_module.LEASE_SECONDS),
        (0, True, NOW + issued_module.LEASE_SECONDS),
        (5, False, NOW + 5),
        (NOW + 5, True, NOW + 5),
        (issued_module.MAX_LEASE_SECONDS + 1, False, NOW + issued_module.MAX_LEASE_SECONDS),
        (NOW + issued_module.MAX_LEASE_SECONDS + 1, True, NOW + issued_module.MAX_LEASE_SECONDS),
    ],
)
def test_a_lease_is_the_one_asked_for_and_not_too_long(seconds, absolute, end):
    assert issued_module.until(seconds, NOW, absolute=absolute) == end
