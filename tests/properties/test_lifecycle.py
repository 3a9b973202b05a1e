"""An object whose state follows from dates, against a plain model that keeps the state itself."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kmip.attributes import Attributes
from kmip.enums import State
from kmip.errors import WrongKeyLifecycleState
from kmip.lifecycle import SCHEDULES, Event, happen, lasting_state, may_use, state_of
from kmip.tags import Tag

OPERATIONS = st.sampled_from(
    [Event.ACTIVATE, Event.DEACTIVATE, Event.COMPROMISE, Event.DESTROY],
)
SPANS = st.integers(1, 5)


class LifeCycle(RuleBasedStateMachine):
    """The model knows a state and two alarms, and moves at the events and as time passes."""

    def __init__(self):
        super().__init__()
        self.attributes = Attributes()
        self.now = 1_700_000_000
        self.state = "pre-active"
        self.start = self.end = None

    def tick(self):
        """The model's alarms ring; the end waits for the start."""
        if self.state == "pre-active" and self.start is not None and self.start <= self.now:
            self.state = "active"
        if self.state == "active" and self.end is not None and self.end <= self.now:
            self.state = "deactivated"

    def moved(self, event):
        """The model's state after an event; None where it is not allowed."""
        if event == Event.COMPROMISE:
            alive = self.state in ("pre-active", "active", "deactivated")
            return "compromised" if alive else "lost" if self.state == "destroyed" else None
        if event == Event.DESTROY:
            ended = {"pre-active": "destroyed", "deactivated": "destroyed", "compromised": "lost"}
            return ended.get(self.state)
        if event == Event.ACTIVATE:
            return "active" if self.state == "pre-active" else None
        return "deactivated" if self.state == "active" else None

    @rule(event=OPERATIONS)
    def operate(self, event):
        after = self.moved(event)
        if after is None:
            with pytest.raises(WrongKeyLifecycleState):
                happen(self.attributes, event, self.now)
            return
        happen(self.attributes, event, self.now)
        self.state = after
        self.tick()

    @precondition(lambda self: self.state == "pre-active")
    @rule(span=SPANS)
    def plan_the_start(self, span):
        self.start = self.now + span
        self.attributes.set(Tag.ACTIVATION_DATE, self.start)

    @precondition(lambda self: self.state in ("pre-active", "active"))
    @rule(span=SPANS)
    def plan_the_end(self, span):
        self.end = self.now + span
        self.attributes.set(Tag.DEACTIVATION_DATE, self.end)

    @rule(span=SPANS)
    def wait(self, span):
        """Time passes."""
        for _ in range(span):
            self.now += 1
            self.tick()

    @invariant()
    def the_dates_tell_the_state(self):
        name = self.state if self.state != "lost" else "destroyed-compromised"
        assert state_of(self.attributes, self.now) == State[name.upper().replace("-", "_")]

    @invariant()
    def the_schedules_tell_the_same(self):
        """Exactly one of them holds where the state is not one that lasts."""
        dates = {tag for tag, value in self.attributes if value <= self.now}
        scheduled = [
            state
            for state, (reached, ahead) in SCHEDULES.items()
            if dates.issuperset(reached) and dates.isdisjoint(ahead)
        ]
        lasting = lasting_state(self.attributes)
        states = scheduled if lasting is None else [lasting]
        assert states == [state_of(self.attributes, self.now)]

    @invariant()
    def only_an_active_object_protects(self):
        assert may_use(self.attributes, self.now, protects=True) == (self.state == "active")


TestLifeCycle = LifeCycle.TestCase
TestLifeCycle.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
