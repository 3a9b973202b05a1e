"""Group commit: many callers, one commit at a time.

Theory of operation: callers leave work in a queue and wait. One task, the committer, takes all
that is waiting, drafts it as one commit, and gives every caller their own outcome once the back end
has answered. Work that conflicts with the table, or with work drafted before it, fails alone. When
the back end says that another server was first, what was missed is taken over and the rest is
drafted again.

A caller that is cancelled while their work is still queued takes it back: nothing happened. After
that, the work is committed or refused as if they had waited.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

import trio

from storage.errors import StorageError, Unavailable
from storage.record import Change, Put, Remove
from storage.table import Draft
from storage.turns import work_of

MAX_BATCH: Final = 256  # works in one commit: past this, latency grows and the rate does not
MAX_BATCH_BYTES: Final = 4 << 20  # plaintext in one commit, unless a single work has more
_TURNS: Final = 2  # of the loop, until those who were answered have come back
_RETRY_S: Final = 0.02  # until those who were refused have come back, who first ask what is new
_REST_S: Final = 1.0  # to tell the others at the end; they wait otherwise, and no longer
_CHANGE_BYTES: Final = 1 << 11  # as much plaintext as a change is work, whatever its size

Stage = Callable[[Draft], Iterator[int]]
"""Drafts one caller's part piece by piece: each step gives how much work it was, in records, so
that others have their turn in between. Raises `Conflict` without having drafted anything."""


class Work:
    """One caller's part of a commit.

    Args:
        stage: drafts it.
        size: bytes of plaintext, about.
    """

    __slots__ = ("_error", "_number", "done", "size", "stage")

    def __init__(self, stage: Stage, size: int) -> None:
        self.stage = stage
        self.size = size
        self.done = trio.Event()
        self._error: BaseException | None = None
        self._number = 0

    def succeed(self, number: int) -> None:
        """Tell the caller that it is durable, with the commit of this number."""
        self._number = number
        self.done.set()

    def fail(self, error: BaseException) -> None:
        """Tell the caller why it is not."""
        self._error = error
        self.done.set()

    def result(self) -> int:
        """The number of the commit; raises what it failed with, if it did."""
        if self._error is not None:
            raise self._error
        return self._number


class Commits(Protocol):
    """Whoever makes the commits of a batch: the store."""

    async def make(self, works: Sequence[Work]) -> None:
        """Commit the works together; each ends in `succeed` or `fail`."""
        ...

    @property
    def waits_for_refused(self) -> bool:
        """Whether somebody whose work was refused may come again before others commit."""
        ...

    async def rest(self) -> None:
        """There is nothing more to be committed now."""
        ...


class Committer:
    """The queue, and the task that empties it."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._queue: deque[Work] = deque()
        self._wake = trio.Event()
        self._idle = trio.Event()
        self._idle.set()
        self._closed = False

    async def submit(self, work: Work) -> int:
        """Wait until the work is durable; the number of its commit.

        Raises:
            Conflict: it was refused by the table.
            Unavailable: the back end failed, or the store is closing.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        self._queue.append(work)
        self._wake.set()
        try:
            await work.done.wait()
        except trio.Cancelled:
            if work in self._queue:
                self._queue.remove(work)
            raise
        return work.result()

    async def settled(self) -> None:
        """Wait until no commit is under way that was when this was called."""
        await self._idle.wait()

    async def run(self) -> None:
        """Make commits until cancelled; one that has begun is finished first."""
        try:
            while True:
                await self._wake.wait()
                works = self._take()
                self._idle = trio.Event()
                with trio.CancelScope(shield=True):
                    await self._attempt(works)
                self._idle.set()
                # Whoever was answered may have more to commit.
                for _ in range(_TURNS):
                    await trio.lowlevel.checkpoint()
                if not self._queue and self._commits.waits_for_refused:
                    with trio.move_on_after(_RETRY_S):
                        await self._wake.wait()
                if not self._queue:
                    await self._rest()
        finally:
            self._closed = True
            while self._queue:
                self._queue.popleft().fail(Unavailable("the store is closing"))
            with trio.move_on_after(_REST_S, shield=True):
                await self._rest()

    async def _rest(self) -> None:
        with suppress(StorageError):  # whoever commits next finds out
            await self._commits.rest()

    async def _attempt(self, works: list[Work]) -> None:
        try:
            await self._commits.make(works)
        except Exception as error:  # noqa: BLE001 - every caller must hear of it, whatever it is
            for work in works:
                if not work.done.is_set():
                    work.fail(error)

    def _take(self) -> list[Work]:
        works: list[Work] = []
        size = 0
        while self._queue and len(works) < MAX_BATCH:
            size += self._queue[0].size
            if works and size > MAX_BATCH_BYTES:
                break
            works.append(self._queue.popleft())
        if not self._queue:
            self._wake = trio.Event()
        return works


def stage(changes: Sequence[Change]) -> Stage:
    """Drafts the changes of one caller: all, or none and `Conflict`."""

    def draft_all(draft: Draft) -> Iterator[int]:
        for change in changes:
            draft.expect(change.name, change.expected)
        for change in changes:
            draft.change(change)
            yield work_of(size(change))

    return draft_all


def size(change: Put | Remove) -> int:
    """Bytes of plaintext in a change, about, and what it costs apart from them."""
    if isinstance(change, Remove):
        return _CHANGE_BYTES
    body = len(change.body) if isinstance(change.body, bytes) else 0
    return _CHANGE_BYTES + len(change.meta) + body + sum(map(len, change.terms.exact))
