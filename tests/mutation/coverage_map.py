"""Which tests run a line, and how long they take: one run of all of them, with coverage."""

import hashlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.mutation.child import run_pytest

HOUR: Final = 3600.0
LEAST: Final = 8.0
"""Seconds that any test has, and TIMES what it took."""
TIMES: Final = 5


@dataclass
class CoverageMap:
    """Which tests run a line.

    Attributes:
        seconds: by test, how long it takes.
        tests: by file and line, the tests that run it; "" among them where it is run while
            modules load or tests are collected.
        budget: seconds of tests for one change, the quick ones first.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    budget: float = 20.0

    def duration(self, test: str) -> float:
        """How long a test takes."""
        return self.seconds.get(test, 0.0)

    def of(self, path: Path, line: int) -> set[str]:
        """The tests that run a line."""
        return self.tests.get(str(path), {}).get(line, set()) - {""}

    def loads(self, path: Path, line: int) -> bool:
        """Whether a line is run while modules load."""
        return "" in self.tests.get(str(path), {}).get(line, set())

    def of_module(self, path: Path) -> set[str]:
        """The tests that run any line of a module."""
        return set().union(*self.tests.get(str(path), {}).values()) - {""}


class Limit:
    """Ends the process when a test takes far longer than it did: a change may wait for ever."""

    def __init__(self, tests: CoverageMap) -> None:
        self._tests = tests

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, LEAST + TIMES * self._tests.duration(nodeid))


class _Seconds:
    """Notes how long each test takes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        so_far = self._seconds.get(report.nodeid, 0.0)
        self._seconds[report.nodeid] = so_far + report.duration

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps(self._seconds))


def coverage_map(
    words: Sequence[str], packages: Sequence[str], kept: Path | None = None
) -> CoverageMap:
    """Runs the tests, which must pass.

    Args:
        words: files and directories of tests.
        packages: whose lines are looked at.
        kept: a file that a map is kept in for as long as neither tests nor packages change.
    """
    digest = _digest([*words, *packages])
    if kept is not None and kept.exists():
        stored, seconds, tests = json.loads(kept.read_text())
        if stored == digest:
            return CoverageMap(
                seconds,
                {
                    path: {int(line): set(names) for line, names in lines.items()}
                    for path, lines in tests.items()
                },
            )
    found = _mapped(words, packages)
    if kept is not None:
        lists = {
            path: {line: sorted(names) for line, names in lines.items()}
            for path, lines in found.tests.items()
        }
        kept.write_text(json.dumps([digest, found.seconds, lists]))
    return found


def _digest(words: Sequence[str]) -> str:
    """Of all modules in these files and directories."""
    digest = hashlib.sha256()
    for word in words:
        path = Path(word)
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _mapped(words: Sequence[str], packages: Sequence[str]) -> CoverageMap:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        data, seconds = Path(directory) / "coverage", Path(directory) / "seconds"
        output = Path(directory) / "output"
        options = [*(f"--cov={package}" for package in packages), "--cov-context=test"]
        options += ["--cov-report=", "--cov-fail-under=0", f"--basetemp={directory}/tests"]
        status = run_pytest(
            [*words, *options],
            HOUR,
            environment={"COVERAGE_FILE": str(data)},
            plugins=[_Seconds(seconds)],
            output=output,
        )
        if status != 0:
            sys.stderr.write(output.read_text(errors="replace"))
            raise SystemExit("The tests must pass before anything is changed.")
        found = CoverageMap(json.loads(seconds.read_text()), _tests_of_lines(data))
    print(
        f"{len(found.seconds)} tests, mapped in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return found


def _tests_of_lines(file: Path) -> dict[str, dict[int, set[str]]]:
    import coverage

    data = coverage.CoverageData(str(file))
    data.read()
    return {
        name: {
            line: {context.rpartition("|")[0] for context in contexts}
            for line, contexts in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }
