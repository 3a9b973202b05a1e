"""A clock that goes ahead and is set back leaves no wrong state: dates tell the state."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import Operation, State
from kmip.tags import Tag
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES, FailedLogins
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import ACTIVE, create, state


async def states(ask: InProcessClient, key: str) -> set[State]:
    """The state by Get Attributes, and those by which Locate finds the key."""
    found = {await state(ask, key)}
    for one in State:
        located = await ask(Operation.LOCATE, attributes=Attributes([(Tag.STATE, one)]))
        found |= {one} if key in located.unique_identifier else set()
    return found


@pytest.mark.parametrize(
    "dates, before, ahead",
    [
        ([(Tag.ACTIVATION_DATE, NOW + 1000)], State.PRE_ACTIVE, State.ACTIVE),
        ([ACTIVE, (Tag.DEACTIVATION_DATE, NOW + 1000)], State.ACTIVE, State.DEACTIVATED),
    ],
)
async def test_locate_and_get_attributes_tell_the_state_of_the_time_that_it_is(
    ask: InProcessClient, clock: Clock, dates, before: State, ahead: State
):
    key = await create(ask, *dates)
    for now, expected in ((0, before), (9000, ahead), (0, before), (1000, ahead), (999, before)):
        clock.now = NOW + now
        assert await states(ask, key) == {expected}


async def test_what_was_changed_meanwhile_keeps_to_its_dates(ask: InProcessClient, clock: Clock):
    key = await create(ask, (Tag.ACTIVATION_DATE, NOW + 1000))
    clock.now = NOW + 9000
    await ask(Operation.GET, unique_identifier=key)  # which writes the object
    clock.now = NOW
    assert await states(ask, key) == {State.PRE_ACTIVE}


async def test_a_destroyed_object_stays_destroyed(ask: InProcessClient, clock: Clock):
    clock.now = NOW + 9000
    key = await create(ask)
    await ask(Operation.DESTROY, unique_identifier=key)
    clock.now = NOW
    assert await states(ask, key) == {State.DESTROYED}


def test_nobody_is_locked_out_until_the_clock_gets_there_again():
    logins = FailedLogins()
    for _ in range(MAX_FAILURES):
        logins.count("client", "user", 9000.0)
    assert logins.is_locked_out("client", "user", 9000.0)
    assert not logins.is_locked_out("client", "user", 0.0)
    for _ in range(MAX_FAILURES):
        logins.count("client", "user", 0.0)
    assert logins.is_locked_out("client", "user", FAILURE_WINDOW_SECONDS - 1)
    assert not logins.is_locked_out("client", "user", FAILURE_WINDOW_SECONDS)
