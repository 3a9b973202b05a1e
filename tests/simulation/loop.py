"""A trio run that is the same each time: a virtual clock, a seeded scheduler, no threads.

Theory: trio goes through the tasks that are ready in an order of its own, which it draws from a
generator of its own where it is told to be deterministic, as pytest-trio has it be for Hypothesis.
So the generator is seeded for the length of the run. The clock stands still while anything is
ready, and then moves to the next deadline. What is not virtual time or chance is not there: no
socket, no thread; and the store is given these two (`storage.scheduling`).
"""

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

import trio
import trio.testing
from trio._core import _run

from storage import replica, resume, saver, sweep
from storage.scheduling import SCHEDULING
from tests.simulation.scenario import Scenario

T = TypeVar("T")
MAX_STEPS = 400_000  # of tasks, in one run: a hundred times what the longest takes


class Endless(Exception):
    """Tasks go round without time passing, or time passes without anything being done."""


class _Seeded:
    """Long work in the loop, and pauses from a generator."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"pauses {seed}")

    async def in_thread(self, job: Callable[..., T], *args: Any) -> T:
        await trio.sleep(self._chance.uniform(0, 0.01))
        return job(*args)

    def pause_s(self, limit_ms: int) -> float:
        return self._chance.randrange(limit_ms) / 1000


class _Steps(trio.abc.Instrument):
    """Counts the steps of tasks, and ends a run that has too many."""

    def __init__(self) -> None:
        self.count = 0
        self.scope = trio.CancelScope()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1
        if self.count == MAX_STEPS:
            self.scope.cancel()


@contextmanager
def _deterministic(seed: int, sizes: Mapping[tuple[ModuleType, str], float]) -> Iterator[None]:
    """A seeded scheduler, and the store's sizes as they are to be."""
    changes: dict[tuple[ModuleType, str], Any] = {
        (_run, "_ALLOW_DETERMINISTIC_SCHEDULING"): True, **sizes
    }  # fmt: skip
    before = {place: getattr(*place) for place in changes}
    order = _run._r.getstate()
    _run._r.seed(f"scheduler {seed}")
    for (module, name), value in changes.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        _run._r.setstate(order)
        for (module, name), value in before.items():
            setattr(module, name, value)


def _sizes(scenario: Scenario) -> Mapping[tuple[ModuleType, str], float]:
    """As small as a simulated store is; names that the store must have."""
    sizes: dict[tuple[ModuleType, str], float] = {
        (replica, "_KEPT_SHARED"): scenario.kept,
        (sweep, "SWEPT_AFTER"): 1,
        (sweep, "PAUSE_S"): 0.001,
    }
    if scenario.saves:
        sizes |= {(module, "SAVED_FROM"): 1 for module in (resume, saver)}
        sizes |= {(saver, name): scenario.saves for name in ("_COMMITS", "_CHANGES")}
    return sizes


def run(main: Callable[[], Awaitable[T]], scenario: Scenario) -> T:
    """Run `main` to its end, with the seed and the sizes of a scenario.

    Raises:
        Endless: it has none.
    """
    steps = _Steps()

    async def bounded() -> T:
        SCHEDULING.set(_Seeded(scenario.seed))
        with steps.scope:
            return await main()
        raise Endless(f"{MAX_STEPS} steps")

    clock = trio.testing.MockClock(autojump_threshold=0)
    with _deterministic(scenario.seed, _sizes(scenario)):
        return trio.run(bounded, clock=clock, instruments=[steps])
