import pytest

from kmip.attributes import Attributes
from kmip.enums import RevocationReasonCode, State
from kmip.errors import WrongKeyLifecycleState
from kmip.lifecycle import (
    DATES,
    EVENTS,
    PERMITTED,
    TRANSITIONS,
    Event,
    Usage,
    happen,
    may_use,
    next_state,
    permits,
    state_of,
)
from kmip.tags import Tag

NOW = 1_700_000_000
BEFORE, AFTER = NOW - 1, NOW + 1

ARROWS = """
    1  -                     create      Pre-Active
    2  Pre-Active            destroy     Destroyed
    3  Pre-Active            compromise  Compromised
    4  Pre-Active            activate    Active
    5  Active                compromise  Compromised
    6  Active                deactivate  Deactivated
    7  Deactivated           destroy     Destroyed
    8  Deactivated           compromise  Compromised
    9  Compromised           destroy     Destroyed-Compromised
    10 Destroyed             compromise  Destroyed-Compromised
"""
"""The figure of 2.1 section 4.57."""


def state(words):
    return None if words == "-" else State[words.upper().replace("-", "_")]


FIGURE = {
    (state(origin), Event(event)): (state(target), int(number))
    for number, origin, event, target in map(str.split, ARROWS.strip().splitlines())
}


def dated(**dates):
    """Attributes with these dates: `dated(activation=NOW)`."""
    return Attributes((Tag[f"{name.upper()}_DATE"], date) for name, date in dates.items())


PATHS = {
    State.PRE_ACTIVE: [],
    State.ACTIVE: [Event.ACTIVATE],
    State.DEACTIVATED: [Event.ACTIVATE, Event.DEACTIVATE],
    State.COMPROMISED: [Event.COMPROMISE],
    State.DESTROYED: [Event.DESTROY],
    State.DESTROYED_COMPROMISED: [Event.COMPROMISE, Event.DESTROY],
}


def in_state(wanted, now=NOW):
    """An object that has come into a state by events."""
    attributes = Attributes()
    for event in PATHS[wanted]:
        happen(attributes, event, now)
    assert state_of(attributes, now) == wanted
    return attributes


def test_the_table_is_the_figure():
    assert TRANSITIONS == FIGURE


@pytest.mark.parametrize("origin", [None, *State])
@pytest.mark.parametrize("event", Event)
def test_every_event_in_every_state_leads_where_the_figure_says_or_is_refused(origin, event):
    if (origin, event) in FIGURE:
        assert next_state(origin, event) == FIGURE[origin, event][0]
    else:
        with pytest.raises(WrongKeyLifecycleState, match=event.value):
            next_state(origin, event)


@pytest.mark.parametrize("origin", State)
@pytest.mark.parametrize("event", DATES)
def test_what_happens_to_an_object_is_read_from_its_dates_afterwards(origin, event):
    attributes = in_state(origin)
    if (origin, event) in FIGURE:
        target = FIGURE[origin, event][0]
        assert happen(attributes, event, AFTER) == target
        assert state_of(attributes, AFTER) == target
        assert attributes.get(DATES[event]) == AFTER
    else:
        before = attributes.copy()
        with pytest.raises(WrongKeyLifecycleState):
            happen(attributes, event, AFTER)
        assert attributes == before


def test_a_refusal_names_event_and_state():
    with pytest.raises(WrongKeyLifecycleState, match=r"^destroy is not permitted .* state Active$"):
        next_state(State.ACTIVE, Event.DESTROY)
    with pytest.raises(WrongKeyLifecycleState, match="does not exist"):
        next_state(None, Event.DESTROY)


@pytest.mark.parametrize(
    "dates,expected",
    [
        ({}, State.PRE_ACTIVE),
        ({"activation": AFTER}, State.PRE_ACTIVE),
        ({"activation": NOW}, State.ACTIVE),
        ({"activation": BEFORE}, State.ACTIVE),
        ({"activation": BEFORE, "deactivation": AFTER}, State.ACTIVE),
        ({"activation": BEFORE, "deactivation": NOW}, State.DEACTIVATED),
        ({"activation": NOW, "deactivation": BEFORE}, State.DEACTIVATED),
        ({"activation": AFTER, "deactivation": BEFORE}, State.PRE_ACTIVE),
        ({"deactivation": BEFORE}, State.PRE_ACTIVE),
        ({"compromise": BEFORE}, State.COMPROMISED),
        ({"activation": BEFORE, "deactivation": BEFORE, "compromise": NOW}, State.COMPROMISED),
        ({"destroy": NOW}, State.DESTROYED),
        ({"activation": BEFORE, "destroy": NOW}, State.DESTROYED),
        ({"compromise": BEFORE, "destroy": NOW}, State.DESTROYED_COMPROMISED),
        ({"compromise": AFTER}, State.COMPROMISED),
        ({"destroy": AFTER}, State.DESTROYED),
    ],
)
def test_the_state_follows_from_the_dates(dates, expected):
    assert state_of(dated(**dates), NOW) == expected


@pytest.mark.parametrize("passed", ["deactivation", "process_start"])
def test_what_a_date_comes_before_does_not_happen_after_it(passed: str):
    with pytest.raises(WrongKeyLifecycleState):
        happen(dated(**{passed: BEFORE}), Event.ACTIVATE, NOW)
    assert happen(dated(**{passed: AFTER}), Event.ACTIVATE, NOW) == State.ACTIVE


def test_every_reason_of_a_revocation_has_its_event():
    assert EVENTS.keys() == set(RevocationReasonCode)
    compromises = {code for code, event in EVENTS.items() if event == Event.COMPROMISE}
    assert compromises == {RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE}
    assert set(EVENTS.values()) == {Event.COMPROMISE, Event.DEACTIVATE}


@pytest.mark.parametrize(
    "name,protect,process",
    [
        ("PRE_ACTIVE", False, False),
        ("ACTIVE", True, True),
        ("DEACTIVATED", False, True),
        ("COMPROMISED", False, True),
        ("DESTROYED", False, False),
        ("DESTROYED_COMPROMISED", False, False),
    ],
)
def test_a_state_permits_uses(name, protect, process):
    assert permits(State[name], Usage.PROTECT) == protect
    assert permits(State[name], Usage.PROCESS) == process
    attributes = in_state(State[name])
    assert may_use(attributes, NOW, protects=True) == protect
    assert may_use(attributes, NOW, protects=False) == process


def test_every_state_says_what_it_permits():
    assert PERMITTED.keys() == set(State)


@pytest.mark.parametrize("date,protect,process", [(BEFORE, 0, 1), (NOW, 0, 1), (AFTER, 1, 0)])
def test_an_active_object_keeps_to_its_start_and_stop_dates(date, protect, process):
    stopping = dated(activation=BEFORE, protect_stop=date)
    assert may_use(stopping, NOW, protects=True) == bool(protect)
    assert may_use(stopping, NOW, protects=False)
    starting = dated(activation=BEFORE, process_start=date)
    assert may_use(starting, NOW, protects=True)
    assert may_use(starting, NOW, protects=False) == bool(process)
