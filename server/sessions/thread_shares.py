"""Each client's share of the threads: one client's slow requests leave room for others'.

A call that has begun cannot be stopped. Where nobody waits for its result any more, the caller goes
on at once; the call keeps its place, the client's and the thread's, until it ends, so that nobody
gets more threads by leaving.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, TypeVarTuple, cast

import trio

from kmip.errors import ServerLimitExceeded

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_WAITING_PER_CLIENT: Final = 256
"""Calls of one client that wait for a thread: about as many as it may have connections from one
address. Whoever waits behind so many has no answer before its own time is over."""
MAX_WAITING_BYTES_PER_CLIENT: Final = 4 << 20
"""Bytes of the requests whose calls wait. Decoded, a request of many small attributes takes twenty
five times its bytes."""


@dataclass(slots=True)
class _Share:
    """One client's calls.

    Attributes:
        running: limits those that run.
        waiting: how many wait for a thread.
        waiting_bytes: of their requests.
    """

    running: trio.CapacityLimiter
    waiting: int = 0
    waiting_bytes: int = 0

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.running.borrowed_tokens


class ThreadShares:
    """Shares by client, which exist only while they are in use.

    Args:
        limit: how many slow calls of one client run at once; the others wait.
        threads: limits those of all clients; None: it is not limited.
    """

    def __init__(self, limit: int, threads: trio.CapacityLimiter | None = None) -> None:
        self._limit = limit
        self._threads = threads
        self._shares: dict[str, _Share] = {}

    async def run(self, client: str, length: int, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """The result of a call in a thread, once it has its place there.

        A caller that is cancelled goes on at once; if the call has begun, its result is dropped.

        Args:
            client: whose call it is.
            length: bytes of the request.
            call: does not touch what others use while it may be abandoned.
            arguments: of the call.

        Raises:
            ServerLimitExceeded: too many calls of this client wait already.
        """
        share = self._shares.setdefault(client, _Share(trio.CapacityLimiter(self._limit)))
        if share.waiting and (
            share.waiting >= MAX_WAITING_PER_CLIENT
            or share.waiting_bytes + length > MAX_WAITING_BYTES_PER_CLIENT
        ):
            raise ServerLimitExceeded("too many requests of this client wait; try again")
        place = _Place(self, client, share, length)
        # Typed as trio's own limiter; what is asked for is the two methods of it.
        limiter = cast("trio.CapacityLimiter", place)
        return await run_abandonable(call, *arguments, limiter=limiter)

    @property
    def waiting(self) -> int:
        """Calls of all clients that wait for a thread."""
        return sum(share.waiting for share in self._shares.values())

    def forget_idle(self, client: str, share: _Share) -> None:
        """Drop a share that is not in use."""
        if share.is_idle and self._shares.get(client) is share:
            del self._shares[client]


class _Place:
    """The place of one call, among its client's and among all."""

    def __init__(self, shares: ThreadShares, client: str, share: _Share, length: int) -> None:
        self._shares = shares
        self._client = client
        self._share = share
        self._length = length

    async def acquire_on_behalf_of(self, borrower: Any) -> None:
        """Wait for the place; see `trio.CapacityLimiter`."""
        share, threads = self._share, self._shares._threads  # noqa: SLF001 - one concept, two classes
        share.waiting += 1
        share.waiting_bytes += self._length
        try:
            await share.running.acquire_on_behalf_of(borrower)
            try:
                if threads is not None:
                    await threads.acquire_on_behalf_of(borrower)
            except BaseException:
                share.running.release_on_behalf_of(borrower)
                raise
        finally:
            share.waiting -= 1
            share.waiting_bytes -= self._length
            self._shares.forget_idle(self._client, share)

    def release_on_behalf_of(self, borrower: Any) -> None:
        """Give the place back; see `trio.CapacityLimiter`."""
        threads = self._shares._threads  # noqa: SLF001 - one concept, two classes
        if threads is not None:
            threads.release_on_behalf_of(borrower)
        self._share.running.release_on_behalf_of(borrower)
        self._shares.forget_idle(self._client, self._share)


class _UnderWay:
    """Counts calls in threads, of which some may outlive the event loop."""

    lock: Final = threading.Lock()
    count = 0


async def run_abandonable(
    call: Callable[[*Ts], T], *arguments: *Ts, limiter: trio.CapacityLimiter
) -> T:
    """The result of a call in a thread; a caller that is cancelled goes on without it."""
    return await trio.to_thread.run_sync(
        _counted, call, arguments, limiter=limiter, abandon_on_cancel=True
    )


def _counted(call: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    with _UnderWay.lock:
        _UnderWay.count += 1
    try:
        return call(*arguments)
    finally:
        with _UnderWay.lock:
            _UnderWay.count -= 1


def under_way() -> int:
    """How many calls run in threads now, those whose result is dropped included."""
    return _UnderWay.count
