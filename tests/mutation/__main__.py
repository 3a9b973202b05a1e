"""The command line of `python -m tests.mutation`: see the package."""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests import mutation
from tests.mutation.changes import ROOT, Mutant, mutants
from tests.mutation.child import preload
from tests.mutation.coverage_map import CoverageMap, coverage_map
from tests.mutation.known import entry, find, known
from tests.mutation.trial import survivors


def _modules(words: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for word in words:
        path = (ROOT / word).resolve()
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def _stale(changes: Sequence[Mutant]) -> list[str]:
    """Entries for the modules of these changes that no longer name any."""
    modules = {change.module for change in changes}
    return [
        f"{one.module}: {one.before}"
        for one in known()
        if one.module in modules and not any(one.names(change) for change in changes)
    ]


def main() -> int:
    """What the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=(mutation.__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="modules or packages, and tests")
    parser.add_argument("--sample", type=int, help="so many changes, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing")
    parser.add_argument("--list", action="store_true", help="print the changes, and try none")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests for a change")
    parser.add_argument("--only", type=Path, help="try the changes that have an entry here")
    parser.add_argument("--entries", type=Path, help="write survivors here as entries to fill in")
    parser.add_argument("--map", type=Path, help="keep here which tests run which line")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    words = [word for word in arguments.paths if Path(word).parts[0] == "tests"]
    modules = _modules([word for word in arguments.paths if word not in words])
    every = [mutant for path in modules for mutant in mutants(path)]
    for line in _stale(every):
        print(f"no longer there: {line}")
    if arguments.only is not None:
        chosen = known(arguments.only)
        every = [change for change in every if find(change, chosen)]
    if arguments.sample is not None and arguments.sample < len(every):
        every = random.Random(arguments.seed).sample(every, arguments.sample)
    if arguments.list:
        print(*every, sep="\n")
        return 0
    os.nice(5)
    preload()
    packages = sorted({change.path.relative_to(ROOT).parts[0] for change in every})
    tests = coverage_map(words or ["tests"], packages, arguments.map)
    tests.budget = arguments.budget
    return _try(every, words or ["tests"], tests, arguments.entries)


def _try(
    every: Sequence[Mutant], words: Sequence[str], tests: CoverageMap, entries: Path | None
) -> int:
    began = time.monotonic()
    kinds: Counter[str] = Counter()
    for at in survivors(every, words, tests):
        one = find(every[at], known())
        kinds[one.kind if one else "survived"] += 1
        if one is None:
            print(every[at], f"   [{every[at].before}]", flush=True)
            if entries is not None:
                with entries.open("a") as file:
                    file.write(entry(every[at]) + "\n\n")
    killed = len(every) - kinds.total()
    parts = [f"{len(every)} changes", f"{killed} noticed", f"{kinds.pop('survived', 0)} not"]
    parts += [f"{number} {kind}" for kind, number in sorted(kinds.items())]
    print(f"{', '.join(parts)}; {time.monotonic() - began:.0f} s")
    return int(killed + kinds.total() < len(every))


if __name__ == "__main__":
    sys.exit(main())
