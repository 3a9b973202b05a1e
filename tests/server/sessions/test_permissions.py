"""What a message that shows a ticket may do, and which of it is counted."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.errors import InvalidTicket, NotAuthorised, UsageLimitExceeded
from server.objects.managed_object import ManagedObject
from server.sessions.rights import Grant, Rights
from server.sessions.tickets import Issued, Permission
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
