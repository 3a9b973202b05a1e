"""The single changes of a module: what each turns, and where.

A comparison is turned or its bound moved, `and` becomes `or`, a `not` or a minus sign is dropped,
True becomes False, plus becomes minus, and a `raise` or a checking call is dropped.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
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
        place: the function or class that it is in, with dots; empty where it is in none.
        before: the changed lines of the module, with single spaces.
        after: the same lines as they are changed.
        source: the whole changed module.
        in_function: whether it runs when a function is called, and not while the module loads.
    """

    path: Path
    line: int
    what: str
    place: str
    before: str
    after: str
    source: str
    in_function: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.what}"

    @property
    def module(self) -> str:
        """The path from the root of the project."""
        return str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else "?"


def mutants(path: Path) -> Iterator[Mutant]:
    """All single changes of a module that compile."""
    source = path.read_text()
    tree = ast.parse(source)
    places = _places(tree)
    for node, start, end, new in _edits(tree, source):
        old = source[start:end]
        changed = source[:start] + new + source[end:]
        try:
            ast.parse(changed)
        except SyntaxError:
            continue
        begin = source.rfind("\n", 0, start) + 1
        stop = len(source) if (found := source.find("\n", end)) < 0 else found
        place, in_function = places[id(node)]
        yield Mutant(
            path=path,
            line=node.lineno,
            what=f"{_short(old)} -> {_short(new)}",
            place=place,
            before=_in_one_line(source[begin:stop]),
            after=_in_one_line(source[begin:start] + new + source[end:stop]),
            source=changed,
            in_function=in_function,
        )


def _places(tree: ast.Module) -> dict[int, tuple[str, bool]]:
    """By node, the function or class that it is in, and whether it is a part of a body that is
    called: not a decorator or a default."""
    found: dict[int, tuple[str, bool]] = {}

    def walk(node: ast.AST, place: str, called: bool) -> None:
        found[id(node)] = place, called
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{place}.{node.name}" if place else node.name
            body = {id(one) for one in node.body}
            function = not isinstance(node, ast.ClassDef)
            for child in ast.iter_child_nodes(node):
                if id(child) in body:
                    walk(child, inner, called or function)
                else:
                    walk(child, place, called)
            return
        for child in ast.iter_child_nodes(node):
            walk(child, place, called or (isinstance(node, ast.Lambda) and child is node.body))

    walk(tree, "", False)
    return found


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


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    words = _in_one_line(text) or "nothing"
    return words if len(words) <= 60 else words[:57] + "..."
