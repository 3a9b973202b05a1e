"""Source code of a function, as it is put together line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class Irregular(Exception):
    """Something that a compiled function leaves to the generic way; says nothing of it."""


class Source:
    """A function that is being written.

    Attributes:
        names: what the function refers to, by the names it has there.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._lines: list[str] = []
        self._known: dict[int, str] = {}

    def name(self, value: Any, stem: str = "c") -> str:
        """The name under which the function refers to an object."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = f"{stem}{len(self.names)}"
            self.names[known] = value
        return known

    def add(self, depth: int, lines: Iterable[str]) -> None:
        """Append lines, indented by so many steps."""
        self._lines += [f"{'    ' * depth}{line}" for line in lines]

    def function(self, name: str, described: str) -> Callable[..., Any]:
        """The function of this name that the lines define.

        Args:
            name: that the lines give it.
            described: what it is compiled from, for tracebacks.
        """
        code = compile("\n".join(self._lines), f"<compiled {described}>", "exec")
        exec(code, self.names)  # noqa: S102 - source made here, of declarations alone
        made: Callable[..., Any] = self.names[name]
        return made
