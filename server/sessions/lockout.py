"""Wrong passwords of late, counted by who guessed at whom.

Who failed too often at a name is not listened to about that name for the rest of the minute, with
the right password either: otherwise each guess would still be judged. Others are, so that nobody
locks another out. Clients without a certificate, which only an insecure setting lets in, are one
guesser together.
"""

from collections import OrderedDict
from typing import Final

MAX_FAILURES: Final = 10
"""For each minute, guesser and name: 14 400 guesses a day, none of a good password."""
FAILURE_WINDOW_SECONDS: Final = 60.0
MAX_GUESSERS: Final = 10_000
"""Pairs of guesser and name whose failures are remembered; the longest ago are forgotten first."""


class Guesses:
    """Failures of late, by who guessed at whom."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def are_too_many(self, guesser: str, name: str, now: float) -> bool:
        """Whether a password is not even looked at any more."""
        since, count = self._failures.get((guesser, name), (now, 0))
        return count >= MAX_FAILURES and now - since < FAILURE_WINDOW_SECONDS

    def count(self, guesser: str, name: str, now: float) -> bool:
        """Count a failure; True where it is the one too many."""
        since, count = self._failures.pop((guesser, name), (now, 0))
        if now - since >= FAILURE_WINDOW_SECONDS:
            since, count = now, 0
        self._failures[guesser, name] = (since, count + 1)
        if len(self._failures) > MAX_GUESSERS:
            self._failures.popitem(last=False)
        return count + 1 == MAX_FAILURES

    def forget(self, guesser: str, name: str) -> None:
        """The right password was given."""
        self._failures.pop((guesser, name), None)

    def clear(self) -> None:
        """Forget all."""
        self._failures.clear()
