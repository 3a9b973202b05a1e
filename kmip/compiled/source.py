"""Source code of a function, as it is put together line by line, and what all of them know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from kmip.encodings.ttlv import HEADER_BYTES, MAX_DEPTH, TTLV, encode
from kmip.messages import ProtocolVersionForm
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion

DECLARED_DEPTH: Final = 12
"""Structures within structures that the declarations have together, at most."""
ITEMS: Final = TTLV(max_depth=MAX_DEPTH - DECLARED_DEPTH)
"""For what goes through items, wherever it is: what is nested deeper is irregular."""


def _version_item(version: ProtocolVersion) -> bytes:
    return encode(ProtocolVersionForm().write(Tag.PROTOCOL_VERSION, version, version))


VERSION_ITEMS: Final = {version: _version_item(version) for version in SUPPORTED}
"""The Protocol Version structure of each version, as bytes."""
VERSION_BYTES: Final = HEADER_BYTES + 32
"""Of each: a header, and two numbers."""


class Irregular(Exception):
    """Something that a compiled function leaves to the generic way; says nothing of it."""


ZEROS: Final = tuple(b"\0" * n for n in range(8))
"""Padding by its length."""


K = TypeVar("K")
V = TypeVar("V")


class OnDemand(dict[K, V]):
    """What is made when it is first asked for.

    Args:
        make: gives the value of a key.
    """

    def __init__(self, make: Callable[[K], V]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> V:
        value = self[key] = self._make(key)
        return value


class Source:
    """A function that is being written.

    Attributes:
        names: what the function refers to, by the names it has there.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"Irregular": Irregular, "zeros": ZEROS}
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
