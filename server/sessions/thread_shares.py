"""Each client's share of the threads: one client's slow requests leave room for others'."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class ThreadShares:
    """Limiters by client, which exist only while they are in use.

    Args:
        limit: how many slow calls of one client run at once; the others wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._limiters: dict[str, trio.CapacityLimiter] = {}

    @asynccontextmanager
    async def of(self, client: str) -> AsyncIterator[None]:
        """Wait for one of the client's places, and keep it for the length of the block."""
        limiter = self._limiters.setdefault(client, trio.CapacityLimiter(self._limit))
        try:
            async with limiter:
                yield
        finally:
            used = limiter.statistics()
            if not used.borrowed_tokens and not used.tasks_waiting:
                self._limiters.pop(client, None)
