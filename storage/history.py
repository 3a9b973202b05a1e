"""The recent states of a store, as this server went through them.

Another server on the same back end tells what state it is in, outside the back end. Of the same
number both must have the same chain value; if not, the back end shows them two histories.
"""

from typing import Final

from storage.ledger import Anchor, State, mark

REMEMBERED: Final = 4096
"""States: as many as the log of a shared store keeps, some 500 KiB."""


class History:
    """The chain values of the newest states, by number."""

    def __init__(self) -> None:
        self._chains: dict[int, bytes] = {}

    def add(self, state: State) -> None:
        """Remember one more."""
        self._chains[state.number] = state.chain
        while len(self._chains) > REMEMBERED:
            del self._chains[next(iter(self._chains))]

    def has(self, anchor: Anchor) -> bool | None:
        """Whether the store was in a state; None: that is not remembered, or still to come."""
        chain = self._chains.get(anchor.number)
        return None if chain is None else mark(chain) == anchor.mark
