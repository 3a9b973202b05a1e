"""Token-bucket rate limiter: each client has a burst, and then so many a second."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MAX_CLIENTS: Final = 4096
"""The client that has been quiet longest is forgotten first, and gets a full bucket again."""


@dataclass(slots=True)
class RateLimiter:
    """A bucket of tokens for each client.

    Attributes:
        burst: the tokens of a full bucket.
        per_second: the tokens that come back each second.
    """

    burst: float
    per_second: float
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, init=False)

    def take(self, client: str, now: float) -> bool:
        """Take one; whether there was one.

        Args:
            client: whose bucket.
            now: seconds; a clock that is set back gives nothing back until it goes on.
        """
        left, since = self._left.pop(client, (self.burst, now))
        left = min(self.burst, left + max(0.0, now - since) * self.per_second)
        taken = left >= 1
        self._left[client] = (left - 1 if taken else left, now)
        while len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return taken
