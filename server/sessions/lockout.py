"""Failed-login counters per client and user name.

A client that has failed too often at a name is refused for that name until the minute is over, even
with the right password: otherwise each guess would still be judged. Other clients are not affected,
so nobody can lock another out. Clients without a certificate, which only an insecure setting lets
in, count as one client together.
"""

from collections import OrderedDict
from typing import Final

MAX_FAILURES: Final = 10
"""For each minute, client and name: 14 400 guesses a day, none of a good password."""
FAILURE_WINDOW_SECONDS: Final = 60.0
MAX_PAIRS: Final = 10_000
"""Pairs of client and name whose failures are remembered; the oldest are forgotten first."""


class FailedLogins:
    """Recent failures by client and user name."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def is_locked_out(self, client: str, name: str, now: float) -> bool:
        """Whether passwords are refused without being looked at."""
        since, count = self._failures.get((client, name), (now, 0))
        return count >= MAX_FAILURES and now - since < FAILURE_WINDOW_SECONDS

    def count(self, client: str, name: str, now: float) -> bool:
        """Count a failure; True where it is the one that locks the client out."""
        since, count = self._failures.pop((client, name), (now, 0))
        if now - since >= FAILURE_WINDOW_SECONDS:
            since, count = now, 0
        self._failures[client, name] = (since, count + 1)
        if len(self._failures) > MAX_PAIRS:
            self._failures.popitem(last=False)
        return count + 1 == MAX_FAILURES

    def forget(self, client: str, name: str) -> None:
        """Forget the failures of a client that has sent the right password."""
        self._failures.pop((client, name), None)

    def clear(self) -> None:
        """Forget all."""
        self._failures.clear()
