"""Objects that were given to clients while the store could not be written.

Theory: an object is Fresh until it has been served to a client, which the server records (2.1
section 4.24: SHALL change it to False as soon as that has happened). That record is no reason to
withhold a key from its owner on the day that the disk is full. So the object is given, and the
server knows here that it was: it shows Fresh as False and finds the object among the fresh ones no
more, and it writes Fresh with the next change that the store takes. What is lost with the process
is this note alone: the object is then called Fresh again until it is given once more.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

MAX_SERVED: Final = 10_000
"""Objects noted, about 1 MiB; past it, an object that is still Fresh is not given."""
WRITTEN_AT_ONCE: Final = 32
"""Objects written along with one change of somebody's: a millisecond or two."""


@dataclass(slots=True)
class Served:
    """Identifiers of objects that were given, and are still Fresh in the store."""

    _identifiers: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._identifiers)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._identifiers

    def __iter__(self) -> Iterator[str]:
        return iter(self._identifiers)

    def has_room_for(self, identifiers: Set[str]) -> bool:
        """Whether all of these can be noted, or are."""
        return len(self._identifiers.keys() | identifiers) <= MAX_SERVED

    def add(self, identifier: str) -> None:
        """Note an object that was given."""
        self._identifiers[identifier] = None

    def drop(self, identifier: str) -> None:
        """Forget an object, which has been written or removed."""
        self._identifiers.pop(identifier, None)

    def next(self) -> list[str]:
        """Some of them, to be written now."""
        return list(islice(self._identifiers, WRITTEN_AT_ONCE))
