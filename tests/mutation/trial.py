"""Tries a change: in functions that are already loaded, or in a module that is loaded from it.

Tests are collected once. A change in a function is then tried in a fork, in which the function
gets its changed code. What runs while modules load is tried in a process of its own, which finds
the changed module in place of the true one.
"""

import gc
import importlib.abc
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from tests.mutation.changes import ROOT, Mutant
from tests.mutation.child import run_child, run_pytest
from tests.mutation.coverage_map import HOUR, CoverageMap, Limit

MANY: Final = 100
"""Tests named one by one; where more run a line, their files are named."""


def survivors(changes: Sequence[Mutant], words: Sequence[str], tests: CoverageMap) -> Iterator[int]:
    """Which of the changes all tests pass, by their places in `changes`, as they are found.

    Args:
        changes: to be tried.
        words: files and directories of tests.
        tests: which run which line.
    """
    loaded = [at for at, one in enumerate(changes) if not one.in_function]
    for at, answer in _in_functions(changes, words, tests):
        if answer == "apart" or (
            answer == "lives" and tests.loads(changes[at].path, changes[at].line)
        ):
            loaded.append(at)
        elif answer == "lives":
            yield at
    for at in loaded:
        if _lives_apart(changes[at], tests):
            yield at


# Functions that are loaded


def _in_functions(
    changes: Sequence[Mutant], words: Sequence[str], tests: CoverageMap
) -> Iterator[tuple[int, str]]:
    """By change in a function: "dies", "lives", or "apart" if it must be tried otherwise."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            with tempfile.TemporaryDirectory() as directory:
                plugins = [_Trials(changes, tests, writing), Limit(tests)]
                run_pytest([*words, f"--basetemp={directory}"], 10 * HOUR, plugins=plugins)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        for line in answers:
            at, answer = json.loads(line)
            yield at, answer
    os.waitpid(child, 0)


class _Trials:
    """In place of one run of the tests that are collected: one for each change, in a fork."""

    def __init__(self, changes: Sequence[Mutant], tests: CoverageMap, writing: int) -> None:
        self._changes = changes
        self._tests = tests
        self._writing = writing

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = [one for one in gc.get_objects() if type(one) is FunctionType]
        gc.freeze()
        for at, change in enumerate(self._changes):
            if change.in_function:
                answer = json.dumps([at, self._try(change, session, items, functions)])
                os.write(self._writing, answer.encode() + b"\n")
        return True

    def _try(
        self,
        change: Mutant,
        session: Any,
        items: dict[str, Any],
        functions: Sequence[FunctionType],
    ) -> str:
        found = self._tests.of(change.path, change.line)
        chosen = _quick_files_first(
            _quick(found & items.keys(), change, self._tests), items, self._tests
        )
        if not chosen:
            return "lives"

        def work() -> int:
            from _pytest.main import pytest_runtestloop

            if not _change_code(change, functions):
                return 77
            session.items = [items[one] for one in chosen]
            session.testscollected = len(chosen)
            try:
                pytest_runtestloop(session)
            except session.Failed:
                return 1
            return int(session.testsfailed > 0)

        status = run_child(work, HOUR)
        return {0: "lives", 77: "apart"}.get(70 if status is None else status, "dies")


def _quick(found: Iterable[str], change: Mutant, tests: CoverageMap) -> set[str]:
    """As many tests as the budget allows: the module's own, then the quick ones; at least one."""

    def own_then_quick(test: str) -> tuple[bool, float]:
        file = test.partition("::")[0].rpartition("/")[2]
        return change.path.stem not in file, tests.duration(test)

    chosen: set[str] = set()
    spent = 0.0
    for one in sorted(found, key=own_then_quick):
        spent += tests.duration(one)
        if chosen and spent > tests.budget:
            break
        chosen.add(one)
    return chosen


def _quick_files_first(found: set[str], items: dict[str, Any], tests: CoverageMap) -> list[str]:
    """Tests in their files' order, which shares what a file sets up once."""
    files: dict[str, list[str]] = {}
    for one in items:
        if one in found:
            files.setdefault(one.partition("::")[0], []).append(one)
    by_time = sorted(files.values(), key=lambda names: sum(map(tests.duration, names)))
    return [one for names in by_time for one in names]


def _change_code(change: Mutant, functions: Sequence[FunctionType]) -> bool:
    """Gives the functions of a module their changed code; whether any has such."""
    path = str(change.path)
    old = compile(change.path.read_text(), path, "exec", dont_inherit=True)
    new = compile(change.source, path, "exec", dont_inherit=True)
    codes = dict(zip(_codes(old), _codes(new), strict=False))
    changed = False
    for function in functions:
        if function.__code__.co_filename != path:
            continue
        code = codes.get(function.__code__)
        if code is None or code == function.__code__:
            continue
        if (code.co_qualname, code.co_freevars) != (
            function.__code__.co_qualname,
            function.__code__.co_freevars,
        ):
            return False
        function.__code__ = code
        changed = True
    return changed


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


# Modules that are loaded changed


class _Loader(SourceFileLoader):
    """Loads one module from other source."""

    def __init__(self, name: str, change: Mutant) -> None:
        super().__init__(name, str(change.path))
        self._change = change

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._change.source, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module in place of the true one."""

    def __init__(self, change: Mutant) -> None:
        self._change = change
        parts = change.path.relative_to(ROOT).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._change)
        return importlib.util.spec_from_file_location(fullname, self._change.path, loader=loader)


def _lives_apart(change: Mutant, tests: CoverageMap) -> bool:
    """Whether the tests of a module pass that is loaded changed; if none runs it, all tests."""
    chosen = sorted(_quick(tests.of_module(change.path) or tests.seconds, change, tests))
    files: dict[str, float] = {}
    for one in chosen:
        file = one.partition("::")[0]
        files[file] = files.get(file, 0.0) + tests.duration(one)
    ordered = sorted(files, key=files.__getitem__)

    def first() -> None:
        sys.meta_path.insert(0, _Finder(change))

    with tempfile.TemporaryDirectory() as directory:
        arguments = [*(chosen if len(chosen) < MANY else ordered), f"--basetemp={directory}"]
        return run_pytest(arguments, HOUR, first=first, plugins=[Limit(tests)]) == 0
