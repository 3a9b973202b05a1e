"""How many refusals are written down: guesses by the thousand must not fill a disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from server.sessions.rate_limits import RateLimiter

BURST: Final = 20
"""Lines about one address at once: an operator sees what a wrongly configured client tries."""
PER_SECOND: Final = 0.2
"""Then one each five seconds, which tells how many others there were."""


@dataclass(slots=True)
class Refusals:
    """Which refusals get a line."""

    _lines: RateLimiter = field(default_factory=lambda: RateLimiter(BURST, PER_SECOND))
    _untold: int = 0

    def take(self, address: str, now: float) -> int | None:
        """Whether one more refusal gets a line.

        Args:
            address: where the refused message came from.
            now: seconds.

        Returns:
            None: it gets none; else how many had none since the last line.
        """
        if not self._lines.take(address, now):
            self._untold += 1
            return None
        untold, self._untold = self._untold, 0
        return untold
