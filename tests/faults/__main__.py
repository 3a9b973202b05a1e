"""Make each fault many times, and print what came of it as the table of docs/reliability.md.

For example::

    python -m tests.faults                                   # 10 rounds of each
    python -m tests.faults --rounds 200 'Redis is killed' 'a server is killed'
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import trio

from tests.faults.faults import FAULTS, Run, do
from tests.faults.places import Skipped

HEADINGS = ("fault", "rounds", "acknowledged", "lost", "gone and detected", "errors", "wrong")


def row(name: str, run: Run) -> str:
    """What came of a fault, as a row of the table."""
    errors = ", ".join(f"{count} {error}" for error, count in sorted(run.errors.items())) or "0"
    cells = (name, run.done, run.acknowledged, run.lost, run.detected, errors, len(run.wrong))
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """An exit code: 1 where anything acknowledged is lost, or anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("faults", nargs="*", metavar="fault", help="which (default: all)")
    parser.add_argument("--rounds", type=int, default=10, help="of each (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args()
    if unknown := set(args.faults) - set(FAULTS):
        parser.error(f"no such faults: {unknown}; there are: {', '.join(FAULTS)}")
    failed = 0
    print("| " + " | ".join(HEADINGS) + " |\n|" + " --- |" * len(HEADINGS))
    for name in args.faults or FAULTS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="f") as directory:
            try:
                run = trio.run(partial(do, name, Path(directory), args.rounds, args.seed))
            except Skipped as reason:
                print(f"| {name} | skipped: {reason} |", flush=True)
                continue
        failed += bool(run.lost or run.wrong)
        print(row(name, run), flush=True)
        for wrong in run.wrong[:10]:
            print("   ", wrong, flush=True)
        print(f"{name}: {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
