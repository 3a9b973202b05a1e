"""A bounded memory of what was used last."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """Values by key, the longest unused forgotten first.

    Args:
        limit: bytes of all values together, as their costs say.
    """

    def __init__(self, limit: int) -> None:
        self._entries: OrderedDict[bytes, tuple[V, int]] = OrderedDict()
        self._limit = limit
        self._cost = 0

    def get(self, key: bytes) -> V | None:
        """The value of a key, if it is still remembered."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: bytes, value: V, cost: int) -> None:
        """Remember a value that takes `cost` bytes."""
        self.drop(key)
        self._entries[key] = (value, cost)
        self._cost += cost
        while self._cost > self._limit:
            _, (_, forgotten) = self._entries.popitem(last=False)
            self._cost -= forgotten

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._cost -= entry[1]
