"""Servers over a simulated database: nothing that must not be, whatever goes wrong.

STRONGROOM_SEEDS: how many seeds are run; `python -m tests.simulation` runs as many as one likes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.history import History
from tests.simulation.mistakes import MISTAKES
from tests.simulation.run import simulate
from tests.simulation.scenario import LIES, Scenario
from tests.simulation.shrink import shrink

SEEDS = int(os.environ.get("STRONGROOM_SEEDS", "200"))
PARTS = 4  # for workers that run at once
FOUND_WITHIN = 120  # seeds
OF_SPREAD = {
    "commits before it puts", "sweeps what is under way", "sweeps what is due",
    "forgets the marks alone",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_clients_see_one_store_and_lose_nothing(part):
    failed = {}
    for seed in range(part, SEEDS, PARTS):
        outcome = simulate(Scenario.of(seed))
        if outcome.violations:
            failed[seed] = outcome.violations
    assert not failed, "python -m tests.simulation --trace --seeds 1 --first one of these"


@pytest.mark.slow
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_or_does_no_harm(lie):
    lies = 0
    for seed in range(20):
        scenario = Scenario(
            seed, servers=2, clients=3, steps=8, names=2, page=2, cache=0, crashes=3, slots=2,
            lies=(lie,), lying=0.2, by_tag=seed > 0, kept=4 if seed > 1 else 4096, saves=2,
            spread=seed % 2 == 1 or lie.endswith("marks"),
        )  # fmt: skip
        outcome = simulate(scenario)
        assert not outcome.violations, scenario
        lies += outcome.lies.get(lie, 0)
        if lies and seed >= 2:
            return
    pytest.fail("no seed had it")


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_a_store_is_found(mistake):
    of = spread_and_slow if mistake in OF_SPREAD else Scenario.of
    assert any(simulate(of(seed), MISTAKES[mistake]).violations for seed in range(FOUND_WITHIN))


def spread_and_slow(seed):
    return Scenario(
        seed, servers=2, clients=4, steps=25, names=4, cache=0, slow=0.1, lost_requests=0.05,
        crashes=2, spread=True,
    )  # fmt: skip


@pytest.mark.slow
def test_a_store_that_is_spread_and_slow_is_one_store_and_loses_nothing():
    assert not any(simulate(spread_and_slow(seed)).violations for seed in range(10))


def test_a_seed_is_the_same_run_each_time_in_every_process():
    program = (
        "from tests.simulation.run import simulate, Scenario\n"
        "for seed in (3, 24, 31): print('\\n'.join(simulate(Scenario.of(seed)).trace))"
    )
    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hashing},
            cwd=Path(__file__).parents[2], capture_output=True, check=True,
        ).stdout
        for hashing in ("1", "2")
    ]  # fmt: skip
    here = "\n".join("\n".join(simulate(Scenario.of(seed)).trace) for seed in (3, 24, 31))
    assert traces[0].decode() == traces[1].decode() == here + "\n"
    assert here.count("\n") > 300


def test_another_seed_is_another_run():
    scenario = Scenario(1, clients=2, servers=2)
    other = Scenario(2, clients=2, servers=2)
    assert simulate(scenario).trace != simulate(other).trace


@pytest.mark.slow
def test_a_failing_scenario_is_made_smaller_and_still_fails():
    def fails(scenario):
        return bool(simulate(scenario, MISTAKES["does not refresh"]).violations)

    large = Scenario(
        0, servers=3, clients=5, steps=10, names=3, slow=0.1, lost_requests=0.1, crashes=2,
        restarts=2, slots=2,
    )  # fmt: skip
    assert fails(large)
    small = shrink(large, fails, attempts=60)
    assert fails(small)
    assert small.slow == small.lost_requests == small.crashes == small.restarts == 0
    assert small.clients * small.steps < large.clients * large.steps


def test_a_scenario_is_read_as_it_was_written():
    for seed in range(20):
        scenario = Scenario.of(seed)
        assert Scenario.parse(str(scenario)) == scenario


# The check itself


@pytest.fixture
def history():
    return History()


def test_a_write_and_what_follows_it_are_explained(history):
    begun = history.begin("one")
    history.wrote(b"a", begun, None, 1, is_known=True)
    history.read(b"a", history.begin("other"), 1)
    history.located(b"a", history.begin("one"), lambda value: value == 1, True)
    history.check()
    assert history.violations == []


def test_what_was_acknowledged_and_is_not_read_afterwards_is_lost(history):
    history.wrote(b"a", history.begin("one"), None, 1, is_known=True)
    history.read(b"a", history.begin("other"), None)
    history.check()
    assert len(history.violations) == 1


def test_what_overlaps_a_write_may_come_before_it_or_after_it(history):
    early, late, begun = history.begin("x"), history.begin("y"), history.begin("z")
    history.wrote(b"a", begun, None, 1, is_known=True)
    history.read(b"a", early, None)
    history.read(b"a", late, 1)
    history.check()
    assert history.violations == []


def test_a_value_that_was_seen_is_not_gone_again(history):
    begun = history.begin("z")
    history.read(b"a", history.begin("x"), 1)
    history.read(b"a", history.begin("x"), None)
    history.wrote(b"a", begun, None, 1, is_known=True)
    history.check()
    assert len(history.violations) == 1


def test_a_write_of_unknown_outcome_may_come_at_any_time_or_never(history):
    history.wrote(b"a", history.begin("one"), None, 1, is_known=False)
    history.read(b"a", history.begin("one"), None)
    history.check()
    history.read(b"a", history.begin("one"), 1)
    history.check()
    assert history.violations == []
    history.read(b"a", history.begin("one"), None)
    history.check()
    assert len(history.violations) == 1


def test_a_conflict_needs_another_value(history):
    history.wrote(b"a", history.begin("one"), None, 1, is_known=True)
    history.conflicted(b"a", history.begin("one"), None)
    history.check()
    assert history.violations == []
    history.conflicted(b"a", history.begin("one"), 1)
    history.check()
    assert len(history.violations) == 1


def test_a_locate_that_misses_what_was_there_before_it_is_stale(history):
    history.wrote(b"a", history.begin("one"), None, 1, is_known=True)
    history.located(b"a", history.begin("other"), lambda value: True, False)
    history.check()
    assert len(history.violations) == 1
    history.violations.clear()
    history.check_each_view()  # of the other, from which it may have been hidden
    assert history.violations == []


def test_a_view_does_not_forget_what_it_has_acknowledged_itself(history):
    history.wrote(b"a", history.begin("one"), None, 1, is_known=True)
    history.read(b"a", history.begin("one"), None)
    history.check_each_view()
    assert len(history.violations) == 1
