"""So many at once, and so many a second after that, for each of many askers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MAX_ASKERS: Final = 4096
"""Who has not asked for longest is forgotten first, and then has his whole burst again."""


@dataclass(slots=True)
class Rates:
    """A bucket of tokens for each asker (a *token bucket*).

    Attributes:
        burst: how many one asker has at once.
        per_second: how many he gets back each second.
    """

    burst: float
    per_second: float
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, init=False)

    def take(self, asker: str, now: float) -> bool:
        """Take one; whether there was one.

        Args:
            asker: who asks.
            now: seconds of a clock that never goes back.
        """
        left, since = self._left.pop(asker, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        taken = left >= 1
        self._left[asker] = (left - 1 if taken else left, now)
        while len(self._left) > MAX_ASKERS:
            self._left.popitem(last=False)
        return taken
