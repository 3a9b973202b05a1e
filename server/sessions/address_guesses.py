"""Guesses at credentials, counted by the address they come from.

`server.sessions.lockout` counts the failures of a client at a name. Who has shown no certificate is
known by an address alone, and could try one password at one name after the other. So failures are
counted for the address too, whatever the names, and an address that has failed too often is refused
without its credential being looked at. Whoever shares an address with one who guesses waits with
them; a client that has shown a certificate or a token does not.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

BURST: Final = 30
"""Failures at once: three users behind one address may each have mistyped to their limit."""
SECONDS: Final = 4.0
"""Then one in so many seconds: 21 600 guesses a day, at all names together."""
MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered; who has not failed for longest is forgotten first."""


@dataclass(slots=True)
class AddressGuesses:
    """How many failures of each address count now; they wear off with time."""

    _failures: OrderedDict[str, tuple[float, float]] = field(
        default_factory=OrderedDict, init=False, repr=False
    )

    def are_spent(self, address: str, now: float) -> bool:
        """Whether the address has failed too often.

        Args:
            address: as `server.sessions.networks.network_of` gives it.
            now: seconds of a clock; one that is set back forgives nothing and adds nothing.
        """
        return self._counting(address, now) > BURST - 1

    def count(self, address: str, now: float) -> bool:
        """Count a failure; True where it is the one after which the address is refused."""
        before = self._counting(address, now)
        self._failures.pop(address, None)
        self._failures[address] = (before + 1, now)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return before <= BURST - 1 < before + 1

    def _counting(self, address: str, now: float) -> float:
        count, since = self._failures.get(address, (0.0, now))
        return max(0.0, count - max(0.0, now - since) / SECONDS)
