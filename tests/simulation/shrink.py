"""A failing scenario made small: fewer servers, clients, steps and faults, while it still fails."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.simulation.scenario import Scenario

_SEEDS = 4  # other orders of events that a smaller scenario is tried with
_PLAIN: Mapping[str, Any] = {
    "slow": 0.0, "lost_requests": 0.0, "lost_replies": 0.0, "restarts": 0, "crashes": 0,
    "failovers": 0, "slots": 0, "rotations": 0, "saves": 0, "by_tag": True, "kept": 4096,
    "page": 1000, "cache": 1 << 20,
}  # fmt: skip


def shrink(
    scenario: Scenario, fails: Callable[[Scenario], bool], *, attempts: int = 300
) -> Scenario:
    """The smallest that is found to fail.

    Args:
        scenario: fails.
        fails: whether another one does.
        attempts: how many are tried at most.
    """
    tried = 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(scenario):
            for number in range(_SEEDS):
                if tried == attempts:
                    return scenario
                tried += 1
                candidate = replace(smaller, seed=scenario.seed + number * 1_000_003)
                if fails(candidate):
                    scenario, is_smaller = candidate, True
                    break
            if is_smaller:
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Each is smaller in one way; the largest leaps first."""
    for name, plain in _PLAIN.items():
        if getattr(scenario, name) != plain:
            yield replace(scenario, **{name: plain})
    if len(scenario.lies) > 1:
        for lie in scenario.lies:
            yield replace(scenario, lies=tuple(one for one in scenario.lies if one != lie))
    for name in (
        "clients",
        "steps",
        "servers",
        "names",
        "crashes",
        "restarts",
        "failovers",
        "rotations",
    ):
        value = getattr(scenario, name)
        for fewer in sorted({value // 2, value - 1}):
            if fewer >= (0 if name in _PLAIN else 1) and fewer < value:
                yield replace(scenario, **{name: fewer})
