"""What a message that shows a ticket may do, and which of it is counted."""

from typing import Any

import pytest

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.errors import InvalidTicket, NotAuthorised, ServerLimitExceeded, UsageLimitExceeded
from server.objects.managed_object import ManagedObject
from server.sessions import tickets
from server.sessions.rights import Grant, Rights
from server.sessions.tickets import Issued, Permission, Tickets
from tests.server.conftest import NOW

KEY = ManagedObject("key", "alice", ObjectType.SYMMETRIC_KEY, Attributes())


def ticket(left: int | None = None, *grants: Grant) -> Issued:
    return Issued("alice", NOW + 1, left=left, rights=Rights(grants) if grants else None)


def begun(issued: Issued, operation: Operation = Operation.GET) -> Permission:
    permission = Permission(issued)
    permission.begin(operation)
    assert permission.touch(KEY)
    return permission


def uses(issued: Issued) -> int:
    """How many operations the ticket is still good for, one by one."""
    found = 0
    while found < 10:
        try:
            begun(issued).spend()
        except UsageLimitExceeded:
            break
        found += 1
    return found


def test_a_ticket_is_open_until_its_lease_ends_or_it_is_ended():
    issued = ticket()
    Permission(issued).check_open(NOW)
    with pytest.raises(InvalidTicket):
        Permission(issued).check_open(NOW + 1)
    issued.is_over = True
    with pytest.raises(InvalidTicket):
        Permission(issued).check_open(NOW)


@pytest.mark.parametrize(
    "issued, counted",
    [
        (ticket(), False),
        (ticket(1), True),
        (ticket(None, Grant()), False),
        (ticket(None, Grant(), Grant(left=1)), True),
        (ticket(1, Grant()), True),
    ],
)
def test_a_ticket_is_counted_by_itself_or_by_a_right(issued: Issued, counted: bool):
    assert Permission(issued).is_counted is counted


@pytest.mark.parametrize("issued", [ticket(2), ticket(None, Grant(left=2))])
def test_an_operation_is_counted_once(issued: Issued):
    permission = begun(issued)
    permission.spend()
    permission.spend()
    permission.begin(Operation.GET)
    permission.spend()
    with pytest.raises(UsageLimitExceeded):
        permission.begin(Operation.GET)


@pytest.mark.parametrize("make", [lambda: ticket(1), lambda: ticket(None, Grant(left=1))])
def test_of_two_that_began_with_the_last_use_one_has_it(make):
    issued = make()
    first, second = begun(issued), begun(issued)
    first.spend()
    for _ in range(2):
        with pytest.raises(UsageLimitExceeded):
            second.spend()
    assert uses(issued) == 0
    first.give_back(undone=False)
    assert uses(issued) == 1


def test_what_no_right_covers_is_not_begun():
    with pytest.raises(NotAuthorised):
        Permission(ticket(None, Grant(frozenset({Operation.GET})))).begin(Operation.DESTROY)


@pytest.mark.parametrize("grants", [(), (Grant(),), (Grant(left=5),)])
@pytest.mark.parametrize("left", [None, 5])
def test_what_is_performed_anew_is_given_back_and_once_only(left, grants):
    issued = ticket(left, *grants)
    before = uses(ticket(left, *[Grant(left=one.left) for one in grants]))
    permission = begun(issued, Operation.ENCRYPT)
    permission.spend(failed=True)
    permission.give_back(undone=False)
    permission.give_back(undone=False)
    assert uses(issued) == before


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
@pytest.mark.parametrize("make", [lambda: ticket(5), lambda: ticket(None, Grant(left=5))])
def test_undo_gives_back_what_told_nothing(make, operation, failed, given_back):
    issued = make()
    permission = begun(issued, operation)
    permission.spend(failed=failed)
    permission.give_back(undone=True)
    kept = Permission(issued, _spent=list(permission._spent))
    assert uses(issued) == 4 + given_back
    kept.give_back(undone=False)  # all of the message is performed anew after all
    assert uses(issued) == 1 - given_back


# Which tickets are out


def given_out(out: Tickets, client: str = "alice", **fields: Any) -> bytes:
    named: dict[str, Any] = {"until": NOW + 9} | fields
    return out.issue(Issued(client, **named), NOW)


def are_out(out: Tickets, values: list[bytes], now: int = NOW) -> list[bool]:
    found = []
    for value in values:
        try:
            out.find(value, now)
        except InvalidTicket:
            found.append(False)
        else:
            found.append(True)
    return found


def test_a_ticket_is_found_until_its_lease_ends():
    out = Tickets()
    value = given_out(out, until=NOW + 9)
    assert are_out(out, [value, b"other"]) == [True, False]
    assert are_out(out, [value], NOW + 8) == [True]
    assert are_out(out, [value], NOW + 9) == [False]
    out.issue(Issued("bob", NOW + 99), NOW + 8)
    assert len(out) == 2
    out.issue(Issued("bob", NOW + 99), NOW + 9)
    assert len(out) == 2, "what is over is forgotten when the next is given out"


def test_a_ticket_is_good_for_so_many_messages():
    out = Tickets()
    value = given_out(out, requests=2)
    for _ in range(2):
        out.use(value, NOW)
    with pytest.raises(UsageLimitExceeded):
        out.use(value, NOW)
    assert out.find(value, NOW).requests == 0


def test_a_client_ends_its_own_tickets_and_nobody_elses():
    out = Tickets()
    mine, theirs = given_out(out), given_out(out, "bob")
    for value in (theirs, b"other"):
        with pytest.raises(InvalidTicket):
            out.end(value, "alice")
    ended = out.end(mine, "alice")
    assert ended.issued.is_over
    assert are_out(out, [mine, theirs]) == [False, True]
    out.restore(ended)
    assert not ended.issued.is_over
    assert are_out(out, [mine, theirs]) == [True, True]
    out.drop(theirs)
    out.drop(b"other")
    assert are_out(out, [mine, theirs]) == [True, False]


def test_a_client_has_so_many_tickets_and_its_oldest_makes_room():
    out = Tickets()
    values = [given_out(out) for _ in range(tickets.MAX_TICKETS_PER_CLIENT)]
    theirs = given_out(out, "bob")
    assert all(are_out(out, values))
    newest = given_out(out)
    assert are_out(out, [values[0], values[1], newest, theirs]) == [False, True, True, True]
    out.withdraw(newest)
    assert all(are_out(out, [*values, theirs]))
    assert are_out(out, [newest]) == [False]
    again = given_out(out)
    assert are_out(out, [values[0], values[1], again]) == [False, True, True], "still the oldest"


def test_so_many_tickets_are_out_and_one_that_makes_room_for_itself_is_given(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(tickets, "MAX_TICKETS", 3)
    monkeypatch.setattr(tickets, "MAX_TICKETS_PER_CLIENT", 2)
    out = Tickets()
    for client in ("alice", "alice", "bob"):
        given_out(out, client)
    with pytest.raises(ServerLimitExceeded):
        given_out(out, "bob")
    given_out(out, "alice")
    assert len(out) == 3


def test_memory_that_is_made_free_counts_as_free(monkeypatch: pytest.MonkeyPatch):
    each = Issued("", NOW).memory
    monkeypatch.setattr(tickets, "MAX_MEMORY", 3 * each)
    monkeypatch.setattr(tickets, "MAX_MEMORY_PER_CLIENT", 2 * each)
    out = Tickets()
    for client in ("alice", "alice", "bob"):
        given_out(out, client)
    with pytest.raises(ServerLimitExceeded):
        given_out(out, "bob")
    given_out(out, "alice")
    assert len(out) == 3


@pytest.mark.parametrize(
    "seconds, absolute, end",
    [
        (None, False, NOW + tickets.LEASE_SECONDS),
        (0, False, NOW + tickets.LEASE_SECONDS),
        (0, True, NOW + tickets.LEASE_SECONDS),
        (5, False, NOW + 5),
        (NOW + 5, True, NOW + 5),
        (tickets.MAX_LEASE_SECONDS + 1, False, NOW + tickets.MAX_LEASE_SECONDS),
        (NOW + tickets.MAX_LEASE_SECONDS + 1, True, NOW + tickets.MAX_LEASE_SECONDS),
    ],
)
def test_a_lease_is_the_one_asked_for_and_not_too_long(seconds, absolute, end):
    assert tickets.until(seconds, NOW, absolute=absolute) == end
