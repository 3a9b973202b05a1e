"""Run many seeds, or one scenario, and say what fails and how little of it is needed.

For example::

    python -m tests.simulation --seeds 20000              # from 0 on
    python -m tests.simulation --first 733 --seeds 1 --trace
    python -m tests.simulation --scenario '{"seed": 733, "servers": 2}' --trace
    python -m tests.simulation --mistake 'ignores the head' --seeds 50
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.mistakes import MISTAKES
from tests.simulation.run import Outcome, simulate
from tests.simulation.scenario import Scenario
from tests.simulation.shrink import shrink


def run_seed(mistake: str | None, seed: int) -> Outcome:
    """What comes of a seed."""
    return simulate(Scenario.of(seed), MISTAKES[mistake] if mistake else None)


def report(scenario: Scenario, outcome: Outcome, *, with_trace: bool) -> None:
    """Print what came of one scenario."""
    if with_trace:
        print("\n".join(outcome.trace))
    for violation in outcome.violations:
        print(" ", violation)
    print(f"  python -m tests.simulation --trace --scenario '{scenario}'")


def main() -> int:
    """The number of seeds that fail, as an exit code of 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--scenario", type=Scenario.parse, help="one scenario, as it was printed")
    parser.add_argument("--mistake", choices=MISTAKES, help="that the servers are to make")
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    args = parser.parse_args()
    mistake = MISTAKES[args.mistake] if args.mistake else None
    if args.scenario:
        outcome = simulate(args.scenario, mistake)
        report(args.scenario, outcome, with_trace=args.trace)
        return 1 if outcome.violations else 0
    begun, failed = time.monotonic(), 0
    totals: Counter[str] = Counter()
    seeds = range(args.first, args.first + args.seeds)
    with ProcessPoolExecutor(args.jobs) as pool:
        outcomes = pool.map(partial(run_seed, args.mistake), seeds, chunksize=20)
        for seed, outcome in zip(seeds, outcomes, strict=True):
            totals.update(outcome.lies)
            totals["acknowledged writes"] += outcome.acknowledged
            totals["alarms"] += len(outcome.alarms)
            if args.trace:
                print("\n".join(outcome.trace))
            if outcome.violations:
                failed += 1
                print(f"seed {seed} fails: {Scenario.of(seed)}")
                small = shrink(
                    Scenario.of(seed), lambda one: bool(simulate(one, mistake).violations)
                )
                report(small, simulate(small, mistake), with_trace=args.trace)
    print(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - begun:.0f} s")
    print(", ".join(f"{count} {name}" for name, count in totals.most_common()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
