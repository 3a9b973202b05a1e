"""Which changes of the code would no test notice?

    .venv/bin/python tests/mutation.py storage/header.py storage/reader.py tests/storage
    .venv/bin/python tests/mutation.py enclave/verify.py tests/enclave --sample 40
    .venv/bin/python tests/mutation.py storage tests/storage --list

Names modules or packages to change, and the tests that should notice. Each change is a single one:
a comparison turned or its bound moved, `and` for `or`, a `not` dropped, True for False, plus for
minus, a `raise` or a checking call dropped. For each, the tests that run the changed line are run
in a process of its own, which is given the changed module in place of the true one; nothing is
written. It prints the changes that all tests passed, and ends with status 1 if there are any.

A survivor is a question, not a fault: a test is missing, or the change makes no difference that a
caller could see. Not a part of ./check: it takes about a second for each change, and more for one
whose tests are many.
"""

import argparse
import ast
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
OPTIONS: Final = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist")
PRELOADED: Final = ("pytest", "coverage", "trio", "cryptography")
"""What every child would load first; not pytest's plugins, which it loads in its own way."""
LEAST_SECONDS: Final = 20.0
"""Any test run has so long, and three times what the true module takes: a change may loop."""
MANY: Final = 60
"""Tests named one by one; where more run a line, their whole files are run."""
COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
SIGNS: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        path: of the module.
        line: where, from 1.
        what: the change, for people.
        source: the whole changed module.
    """

    path: Path
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def mutants(path: Path) -> Iterator[Mutant]:
    """All single changes of a module that compile."""
    source = path.read_text()
    for node, start, end, new in _edits(ast.parse(source), source):
        old = source[start:end]
        changed = source[:start] + new + source[end:]
        try:
            ast.parse(changed)
        except SyntaxError:
            continue
        line = node.lineno
        yield Mutant(path, line, f"{_short(old)} -> {_short(new)}", changed)


Edit = tuple[ast.expr | ast.stmt, int, int, str]


def _edits(tree: ast.Module, source: str) -> Iterator[Edit]:
    """(node, start, end, replacement) of each change; places are characters of `source`."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))

    def place(line: int, column: int) -> int:
        begin = source[lines[line - 1] : lines[line]]
        return lines[line - 1] + len(begin.encode()[:column].decode())

    def start(node: ast.AST) -> int:
        return place(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(node: ast.AST) -> int:
        return place(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def between(left: ast.expr, right: ast.expr, old: str, new: str) -> Iterator[Edit]:
        at = source.find(old, end(left), start(right))
        if at >= 0:
            yield left, at, at + len(old), new

    passed_over = {id(inner) for one in _without_effect(tree) for inner in ast.walk(one)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, right, one in zip(operands, operands[1:], node.ops, strict=False):
                yield from between(left, right, *COMPARISONS[type(one)])
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from between(left, right, old, new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
            yield node, start(node), start(node.operand), ""
        elif isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            yield from between(node.left, node.right, *SIGNS[type(node.op)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, start(node), end(node), str(not node.value)
        elif isinstance(node, ast.Raise) or _is_check(node):
            assert isinstance(node, ast.stmt)
            yield node, start(node), end(node), "pass"


def _without_effect(tree: ast.Module) -> Iterator[ast.AST]:
    """Annotations and decorators: what they say is the type checker's to notice."""
    for node in ast.walk(tree):
        yield from getattr(node, "decorator_list", ())
        for name in ("annotation", "returns"):
            annotation = getattr(node, name, None)
            if annotation is not None:
                yield annotation


def _is_check(node: ast.AST) -> bool:
    """Whether a statement is a call for its own sake: it checks something, or changes it."""
    if not isinstance(node, ast.Expr):
        return False
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    return isinstance(call, ast.Call)


def _short(text: str) -> str:
    words = " ".join(text.split()) or "nothing"
    return words if len(words) <= 60 else words[:57] + "..."


class _Loader(SourceFileLoader):
    """Loads one module from other source."""

    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(mutant.path))
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._mutant.source, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module in place of the true one."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        parts = mutant.path.relative_to(ROOT).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._mutant)
        return importlib.util.spec_from_file_location(fullname, self._mutant.path, loader=loader)


def run_tests(words: Sequence[str], seconds: float, mutant: Mutant | None = None) -> int | None:
    """The exit status of pytest in a child of this process; None: it had to be ended."""
    child = os.fork()
    if child == 0:
        _as_child(words, mutant)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)  # with whatever it has started
    os.waitpid(child, 0)
    return None


def _as_child(words: Sequence[str], mutant: Mutant | None) -> None:
    status = 70
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant))
        import pytest

        status = int(pytest.main([*OPTIONS, *words]))
    finally:
        os._exit(status)


class Tests:
    """The tests, and which of them run a line.

    Args:
        words: files and directories of tests.
    """

    def __init__(self, words: Sequence[str], packages: Sequence[str]) -> None:
        self._words = tuple(words)
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "coverage"
            os.environ["COVERAGE_FILE"] = str(file)
            began = time.monotonic()
            coverage = [f"--cov={package}" for package in packages]
            options = [
                "-m",
                "not slow",
                *coverage,
                "--cov-context=test",
                "--cov-report=",
                "--cov-fail-under=0",
            ]
            if run_tests([*self._words, *options], 3600):
                raise SystemExit("The tests must pass before anything is changed.")
            self.seconds = time.monotonic() - began
            self._contexts = _contexts(file)

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that run a line; of a line that is run while modules load, all."""
        found = self._contexts.get(str(mutant.path), {}).get(mutant.line, set())
        if "" in found:
            return ["-m", "not slow", "--no-cov", *self._words]
        tests = sorted(found)
        if len(tests) > MANY:
            tests = sorted({test.partition("::")[0] for test in tests})
        return [*(["-m", "not slow", "--no-cov"] if tests else []), *tests]


def _contexts(file: Path) -> dict[str, dict[int, set[str]]]:
    """By file and line, the tests that ran it."""
    import coverage

    data = coverage.CoverageData(str(file))
    data.read()
    return {
        name: {
            line: {context.partition("|")[0] for context in contexts}
            for line, contexts in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }


def survives(mutant: Mutant, tests: Tests) -> bool:
    """Whether all tests pass that run the changed line."""
    chosen = tests.of(mutant)
    if not chosen:
        return True
    return run_tests(chosen, LEAST_SECONDS + 3 * tests.seconds, mutant) == 0


def _modules(words: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for word in words:
        path = (ROOT / word).resolve()
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def main() -> int:
    """What the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="modules or packages, and tests")
    parser.add_argument("--sample", type=int, help="so many changes, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing")
    parser.add_argument("--jobs", type=int, default=2, help="changes tried at once")
    parser.add_argument("--list", action="store_true", help="print the changes, and try none")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    words = [word for word in arguments.paths if Path(word).parts[0] == "tests"]
    modules = _modules([word for word in arguments.paths if word not in words])
    every = [mutant for path in modules for mutant in mutants(path)]
    if arguments.sample is not None and arguments.sample < len(every):
        every = random.Random(arguments.seed).sample(every, arguments.sample)
    if arguments.list:
        print(*every, sep="\n")
        return 0
    for module in PRELOADED:
        importlib.import_module(module)
    packages = sorted({path.relative_to(ROOT).parts[0] for path in modules})
    tests = Tests(words or ["tests"], packages)
    print(f"{len(every)} changes; the tests take {tests.seconds:.0f} s", flush=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        lived = []
        for mutant, lives in zip(
            every, pool.map(lambda one: survives(one, tests), every), strict=True
        ):
            if lives:
                lived.append(mutant)
                print(mutant, flush=True)
    print(f"{len(lived)} of {len(every)} survive")
    return int(bool(lived))


if __name__ == "__main__":
    sys.exit(main())
