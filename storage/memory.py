"""A back end in memory: for tests, and for stores that need not outlive the process."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import trio

from storage.backend import LEASE_S, Backend, BlobName, Commit, Kind, Position, Tail, Wanted
from storage.errors import Damaged, InUse

_PAGE: Final = 1000  # blobs per page of a scan


class WriterQueue:
    """Those who write at once, in the order in which they have asked for precedence.

    Attributes:
        writers: the first one has precedence until its lease ends, by trio's clock.
        moved: set, and another one put in its place, each time somebody leaves the queue.
    """

    def __init__(self) -> None:
        self.writers: list[object] = []
        self.moved = trio.Event()
        self._since = 0.0

    def gives_way(self, writer: object) -> bool:
        """Whether a commit of this writer is not refused for another's sake."""
        return not self.writers or self.writers[0] is writer or self._is_late

    @property
    def _is_late(self) -> bool:
        return trio.current_time() - self._since >= LEASE_S

    def join(self, writer: object) -> int:
        """How many are before a writer, who is put at the end if they were not in the queue."""
        if self.writers and self._is_late:
            self.leave(self.writers[0])
        if writer not in self.writers:
            self.writers.append(writer)
            if self.writers[0] is writer:
                self._since = trio.current_time()
        return self.writers.index(writer)

    def leave(self, writer: object) -> None:
        """Take a writer out, if they are in it."""
        if writer in self.writers:
            if self.writers[0] is writer:
                self._since = trio.current_time()
            self.writers.remove(writer)
            self.moved.set()
            self.moved = trio.Event()

    async def wait(self, writer: object) -> None:
        """Wait until somebody has left it, or for a lease, if a writer waits in it."""
        if writer in self.writers[1:]:
            with trio.move_on_after(LEASE_S):
                await self.moved.wait()


class MemorySpace:
    """The bytes of one store; stays while back ends over it come and go.

    Attributes:
        header: as in `Commit`.
        head: as in `Commit`.
        log: entry by number.
        blobs: the two maps.
        index: what was saved of the index.
        holder: the exclusive back end that has it open, if any.
        queue: of those who write at once.
    """

    def __init__(self) -> None:
        self.header: bytes | None = None
        self.head: bytes | None = None
        self.log: dict[int, bytes] = {}
        self.blobs: dict[Kind, dict[bytes, bytes]] = {kind: {} for kind in Kind}
        self.index: dict[bytes, bytes] = {}
        self.holder: object | None = None
        self.queue = WriterQueue()

    def tail(self, after: int) -> Tail:
        """The head and the log entries above `after`."""
        entries = [(number, entry) for number, entry in sorted(self.log.items()) if number > after]
        return Tail(self.head or b"", entries)

    def apply(self, commit: Commit) -> None:
        """Do what a commit says, without asking whether it may."""
        for kind in Kind:
            for handle, blob in commit.blobs(kind).items():
                if blob is None:
                    self.blobs[kind].pop(handle, None)
                else:
                    self.blobs[kind][handle] = blob
        if commit.number:
            self.log[commit.number] = commit.entry
        for number in [number for number in self.log if number < commit.oldest]:
            del self.log[number]
        self.head = commit.head
        self.header = self.header if commit.header is None else commit.header


class MemoryBackend:
    """A back end over a `MemorySpace`.

    Args:
        space: the bytes; None: fresh ones.
        shared: whether several back ends may have the space open at once, as several servers have
            one Redis. One that is not shared is exclusive.
    """

    label = b""
    spread = None

    def __init__(self, space: MemorySpace | None = None, *, shared: bool = False) -> None:
        self.space = MemorySpace() if space is None else space
        self._shared = shared

    @property
    def exclusive(self) -> bool:
        """See `Backend`."""
        return not self._shared

    async def open(self, *, create: bool = True) -> None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        if self._shared:
            return
        if self.space.holder is not None:
            raise InUse("another store has this memory open")
        self.space.holder = self

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        return self.space.header, self.space.head

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        if self.space.head is None:
            raise Damaged
        blobs = [self.space.blobs[kind].get(name.handle) for kind, name in wanted]
        return replace(self.space.tail(after), blobs=blobs) if wanted else self.space.tail(after)

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        return [self.space.blobs[kind].get(name.handle) for name in names]

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        blobs = self.space.blobs[Kind.META]
        handles = sorted(blobs)
        start = bisect_right(handles, cursor)
        page = handles[start : start + _PAGE]
        following = page[-1] if start + _PAGE < len(handles) else None
        return [(handle, blobs[handle]) for handle in page], following

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        if self.space.head is None:
            raise Damaged
        if again:
            self.space.queue.leave(self)
        else:
            await self.space.queue.wait(self)
        return Position(self.space.queue.join(self), self.space.tail(after))

    async def cede(self) -> None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        self.space.queue.leave(self)

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        if self.space.head != commit.expected or not self.space.queue.gives_way(self):
            return self.space.tail(commit.number - 1)
        self.space.apply(commit)
        return None

    async def confirm(self) -> None:
        """See `Backend`; there is nothing to wait for."""
        await trio.lowlevel.checkpoint()

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        return [self.space.index.get(name) for name in names]

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        for name, blob in blobs.items():
            if blob is None:
                self.space.index.pop(name, None)
            else:
                self.space.index[name] = blob

    async def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()
        return list(self.space.index)

    async def aclose(self) -> None:
        """See `Backend`."""
        self.space.queue.leave(self)
        if self.space.holder is self:
            self.space.holder = None


_: type[Backend] = MemoryBackend
