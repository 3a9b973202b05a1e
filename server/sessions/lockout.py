"""Failed-login counters per client and user name.

A client that has failed too often at a name is refused for that name until the minute is over, even
with the right password: otherwise each guess would still be judged. Other clients are not affected,
so nobody can lock another out. Names that do not exist are counted like those that do: otherwise
the time of a refusal would tell which do. Clients without a certificate count by their address, and
that is limited besides (`server.sessions.address_guesses`).
"""

import hashlib
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
        self._failures: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def failures(self, key: bytes, now: float) -> int:
        """How many there were in the present minute, of a `pair`."""
        since, count = self._failures.get(key, (now, 0))
        return count if 0 <= now - since < FAILURE_WINDOW_SECONDS else 0

    def add(self, key: bytes, now: float) -> int:
        """Count a failure of a `pair`; how many there are with it."""
        since, count = self._failures.pop(key, (now, 0))
        if not 0 <= now - since < FAILURE_WINDOW_SECONDS:  # below 0: the clock was set back
            since, count = now, 0
        self._failures[key] = (since, count + 1)
        if len(self._failures) > MAX_PAIRS:
            self._failures.popitem(last=False)
        return count + 1

    def drop(self, key: bytes) -> None:
        """Forget those of a `pair`."""
        self._failures.pop(key, None)

    def is_locked_out(self, client: str, name: str, now: float) -> bool:
        """Whether passwords are refused without being looked at."""
        return self.failures(pair(client, name), now) >= MAX_FAILURES

    def count(self, client: str, name: str, now: float) -> bool:
        """Count a failure; True where it is the one that locks the client out."""
        return self.add(pair(client, name), now) == MAX_FAILURES

    def forget(self, client: str, name: str) -> None:
        """Forget the failures of a client that has sent the right password."""
        self.drop(pair(client, name))


def pair(client: str, name: str) -> bytes:
    """Stands for a client and a name, in 32 bytes however long a name was sent."""
    return hashlib.sha256(f"{len(client)}:{client}{name}".encode(errors="surrogatepass")).digest()
