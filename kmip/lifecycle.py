"""The life cycle of managed objects (2.1 section 4.57 and its figure; 1.4 section 3.22).

Theory: an object is in one of six states, and events move it. Which event leads from which state to
which is the table `TRANSITIONS`, with the numbers of the specification's figure; what has no row is
not permitted. The diagram in docs/lifecycle.md is drawn from it.

No state is kept. Each event leaves a date among the object's attributes (`DATES`), and the state is
a function of these dates and the time:

    Activation Date     comes by the Activate operation, or by time when it was set ahead
    Deactivation Date   comes by Revoke and Deactivate, or by time when it was set ahead
    Compromise Date     is set by Revoke
    Destroy Date        is set by Destroy

The first two count once they are reached, so that no write is needed at that time. The other two
are never set ahead and count as soon as they are set: a clock that is set back does not make a
destroyed object usable. A Deactivation Date that is reached while an object is
still Pre-Active waits, since no transition leads from there to Deactivated.

Dates have an order, the table `ORDER`: whoever sets one, in whatever operation, keeps it. An object
that is deactivated before its Protect Stop Date stops protecting then, and the date says so.

What a state permits is the table `PERMITTED`. A use either protects (encrypts, signs, wraps, MACs,
derives) or processes what was protected (decrypts, verifies, unwraps). The specification lets a
Deactivated or Compromised object process under special permission; its owner has it, since a key
that no longer protects must still give back what it has protected.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from kmip.attributes import AttributeName, Attributes, name_of
from kmip.enums import RevocationReasonCode, State
from kmip.errors import InvalidField, WrongKeyLifecycleState
from kmip.tags import Tag


class Event(Enum):
    """What can happen to an object."""

    CREATE = "create"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    COMPROMISE = "compromise"
    DESTROY = "destroy"


class Transition(NamedTuple):
    """A row of the table.

    Attributes:
        state: where it leads.
        number: of the arrow in the specification's figure.
    """

    state: State
    number: int


TRANSITIONS: Final[dict[tuple[State | None, Event], Transition]] = {
    (None, Event.CREATE): Transition(State.PRE_ACTIVE, 1),
    (State.PRE_ACTIVE, Event.DESTROY): Transition(State.DESTROYED, 2),
    (State.PRE_ACTIVE, Event.COMPROMISE): Transition(State.COMPROMISED, 3),
    (State.PRE_ACTIVE, Event.ACTIVATE): Transition(State.ACTIVE, 4),
    (State.ACTIVE, Event.COMPROMISE): Transition(State.COMPROMISED, 5),
    (State.ACTIVE, Event.DEACTIVATE): Transition(State.DEACTIVATED, 6),
    (State.DEACTIVATED, Event.DESTROY): Transition(State.DESTROYED, 7),
    (State.DEACTIVATED, Event.COMPROMISE): Transition(State.COMPROMISED, 8),
    (State.COMPROMISED, Event.DESTROY): Transition(State.DESTROYED_COMPROMISED, 9),
    (State.DESTROYED, Event.COMPROMISE): Transition(State.DESTROYED_COMPROMISED, 10),
}
"""(state, event) to the next state; None: there is no object yet."""

DATES: Final[dict[Event, Tag]] = {
    Event.ACTIVATE: Tag.ACTIVATION_DATE,
    Event.DEACTIVATE: Tag.DEACTIVATION_DATE,
    Event.COMPROMISE: Tag.COMPROMISE_DATE,
    Event.DESTROY: Tag.DESTROY_DATE,
}
"""The attribute with the time at which an event happened, or is to happen."""

ORDER: Final = (
    (Tag.ACTIVATION_DATE, Tag.PROCESS_START_DATE),
    (Tag.PROTECT_STOP_DATE, Tag.DEACTIVATION_DATE),
    (Tag.ACTIVATION_DATE, Tag.DEACTIVATION_DATE),
)
"""Pairs of dates of which the second is not before the first (2.1 sections 4.40 and 4.41; 1.4
sections 3.25 and 3.26). The last pair follows from the states: none comes before Active but
Pre-Active. Processing may begin after protecting has ended."""

TIMED: Final = (Event.ACTIVATE, Event.DEACTIVATE)
"""The events that time alone brings about."""


class Schedule(NamedTuple):
    """When an object is in a state that time alone leads to or out of.

    Attributes:
        reached: dates that are there and not in the future.
        ahead: dates that are in the future or not there.
    """

    reached: tuple[Tag, ...]
    ahead: tuple[Tag, ...]


SCHEDULES: Final[dict[State, Schedule]] = {
    State.PRE_ACTIVE: Schedule((), (Tag.ACTIVATION_DATE,)),
    State.ACTIVE: Schedule((Tag.ACTIVATION_DATE,), (Tag.DEACTIVATION_DATE,)),
    State.DEACTIVATED: Schedule((Tag.ACTIVATION_DATE, Tag.DEACTIVATION_DATE), ()),
}
"""The states of objects without a `lasting_state`. `state_of` says the same of one object; this is
for whoever searches many."""

EVENTS: Final[dict[RevocationReasonCode, Event]] = {
    RevocationReasonCode.UNSPECIFIED: Event.DEACTIVATE,
    RevocationReasonCode.KEY_COMPROMISE: Event.COMPROMISE,
    RevocationReasonCode.CA_COMPROMISE: Event.COMPROMISE,
    RevocationReasonCode.AFFILIATION_CHANGED: Event.DEACTIVATE,
    RevocationReasonCode.SUPERSEDED: Event.DEACTIVATE,
    RevocationReasonCode.CESSATION_OF_OPERATION: Event.DEACTIVATE,
    RevocationReasonCode.PRIVILEGE_WITHDRAWN: Event.DEACTIVATE,
}
"""What Revoke does for each reason (2.1 section 6.1.44)."""


class Usage(Enum):
    """The two kinds of use: to apply protection, or to process what is protected."""

    PROTECT = "protect"
    PROCESS = "process what was protected"


PERMITTED: Final[dict[State, frozenset[Usage]]] = {
    State.PRE_ACTIVE: frozenset(),
    State.ACTIVE: frozenset({Usage.PROTECT, Usage.PROCESS}),
    State.DEACTIVATED: frozenset({Usage.PROCESS}),
    State.COMPROMISED: frozenset({Usage.PROCESS}),
    State.DESTROYED: frozenset(),
    State.DESTROYED_COMPROMISED: frozenset(),
}
"""The uses that each state permits."""


def next_state(state: State | None, event: Event) -> State:
    """The state after the event.

    Raises:
        WrongKeyLifecycleState: the event is not permitted in this state.
    """
    transition = TRANSITIONS.get((state, event))
    if transition is None:
        name = "object that does not exist" if state is None else f"object in state {_words(state)}"
        raise WrongKeyLifecycleState(f"{event.value} is not permitted for an {name}")
    return transition.state


def state_of(attributes: Attributes, now: int) -> State:
    """The state that an object's dates give it at `now`, seconds since 1970."""
    lasting = lasting_state(attributes)
    if lasting is not None:
        return lasting
    if not _is_reached(attributes, Tag.ACTIVATION_DATE, now):
        return State.PRE_ACTIVE
    if _is_reached(attributes, Tag.DEACTIVATION_DATE, now):
        return State.DEACTIVATED
    return State.ACTIVE


def lasting_state(attributes: Attributes) -> State | None:
    """The state of an object that is compromised or destroyed, which time does not change."""
    if Tag.DESTROY_DATE in attributes:
        compromised = Tag.COMPROMISE_DATE in attributes
        return State.DESTROYED_COMPROMISED if compromised else State.DESTROYED
    return State.COMPROMISED if Tag.COMPROMISE_DATE in attributes else None


def happen(attributes: Attributes, event: Event, now: int, date: int | None = None) -> State:
    """Let an event happen to an object: its date is set.

    Args:
        attributes: the object's, which are changed.
        event: any but `CREATE`.
        now: seconds since 1970.
        date: when it happens; None: now.

    Returns:
        The state after it.

    Raises:
        WrongKeyLifecycleState: the event is not permitted in the object's state, or not any more:
            a date that it comes before has passed.
        InvalidField: another date forbids the one that is given.
    """
    next_state(state_of(attributes, now), event)
    attributes.set(DATES[event], now if date is None else date)
    stop = attributes.get(Tag.PROTECT_STOP_DATE)
    if event == Event.DEACTIVATE and stop is not None and stop > now:
        attributes.set(Tag.PROTECT_STOP_DATE, min(stop, attributes.get(Tag.DEACTIVATION_DATE)))
    try:
        check_order(attributes, DATES[event])
    except InvalidField as error:
        if date is not None:
            raise
        raise WrongKeyLifecycleState(str(error)) from None
    return state_of(attributes, now)


def check_order(attributes: Attributes, changed: AttributeName | None = None) -> None:
    """Refuse dates that are not in their order.

    Args:
        attributes: the object's, as they are to become.
        changed: the one that is set; None: all of them are.

    Raises:
        InvalidField: one date precedes another that comes first.
    """
    for first, second in ORDER:
        dates = attributes.get(first), attributes.get(second)
        if changed in (None, first, second) and None not in dates and dates[0] > dates[1]:
            raise InvalidField(f"{name_of(second)} would precede {name_of(first)}")


def permits(state: State, use: Usage) -> bool:
    """Whether an object in this state may be used so."""
    return use in PERMITTED[state]


def may_use(attributes: Attributes, now: int, *, protects: bool) -> bool:
    """Whether an object's state and dates let it be used now.

    Args:
        attributes: the object's.
        now: seconds since 1970.
        protects: whether the use protects, or processes what was protected. An object protects
            until its Protect Stop Date and processes from its Process Start Date on (2.1 sections
            4.40 and 4.41).
    """
    if not permits(state_of(attributes, now), Usage.PROTECT if protects else Usage.PROCESS):
        return False
    if protects:
        return not _is_reached(attributes, Tag.PROTECT_STOP_DATE, now)
    return Tag.PROCESS_START_DATE not in attributes or (
        _is_reached(attributes, Tag.PROCESS_START_DATE, now)
    )


def _is_reached(attributes: Attributes, tag: Tag, now: int) -> bool:
    date = attributes.get(tag)
    return date is not None and date <= now


def _words(state: State) -> str:
    return state.name.replace("_", " ").title()
