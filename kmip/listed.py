"""Lists of things of which each version has some: enumeration values, operations."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from kmip.versions import ProtocolVersion, Spanned

S = TypeVar("S", bound=Spanned)


class Listed(Generic[S]):
    """A list of such things, which are looked through once for each version.

    Args:
        things: the list.
    """

    def __init__(self, things: Iterable[S]) -> None:
        self._things = tuple(things)
        self._of: dict[ProtocolVersion, tuple[S, ...]] = {}

    def of(self, version: ProtocolVersion) -> tuple[S, ...]:
        """Those that a version has."""
        if version not in self._of:
            self._of[version] = tuple(each for each in self._things if each.span.covers(version))
        return self._of[version]
