"""Small records of the server's own: what all servers on one store must agree on.

Theory: what a server knows of tickets, of guesses or of users must hold at every server on the
store, at once, and after a restart. So it is kept where objects are: in records of the sealed
store, which each server follows. A message is answered after `SealedStore.refresh`, so that what is
read here is never stale, and reading costs no round trip where the record is in a cache.

Records of one kind are one `OwnRecords`. A record has a key of its kind, bytes that mean something
to its kind alone, perhaps a body that is written once and read seldom, and three things by which
the index finds it: whose it is, when it ends, and how long it is. So a kind can bound the number
and the bytes of its records, for one client and for all, by searches that are answered from memory.
Servers that write at the same moment may pass a bound by what each of them writes then.

What has ended is removed by `keep_swept`, some time later: a clock that is a little ahead must not
remove what others still take. Nobody relies on that; who reads a record compares its end with the
time. Every change names the version that it was made of, so that of two at once one is refused and
made anew (`change`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import trio

from server.objects.refreshing import refresh
from storage import (
    Body,
    Conflict,
    Put,
    Query,
    Range,
    Record,
    Remove,
    SealedStore,
    StorageError,
    Terms,
)

log: Final = logging.getLogger(__name__)

PREFIX: Final = b"server/"
ENDS: Final = b"server record ends"
"""The column of the times at which records end; no label of an attribute."""
SMALLEST_CLASS: Final = 10
"""Records up to 1 KiB count as that; longer ones as the next power of two."""
LARGEST_CLASS: Final = 20
MAX_BYTES: Final = 1 << LARGEST_CLASS
"""Of one record, with its body: 1 MiB, one message."""
MAX_ATTEMPTS: Final = 100
"""Times that a change is made anew because another server was first: each server makes one change
of a record at a time, so these are more than there are servers."""

SWEEP_SECONDS: Final = 60.0
SWEEP_GRACE: Final = 600
"""Seconds for which a record stays after its end, lest a clock that is ahead removes it early."""
SWEPT_AT_ONCE: Final = 128
"""Records removed in one commit: some 20 milliseconds, with turns for others in between."""


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """The records of one kind.

    Attributes:
        store: where they are kept.
        kind: what tells them from others; no `/` in it.
    """

    store: SealedStore
    kind: bytes
    _turns: Turns = field(default_factory=lambda: Turns(), repr=False, compare=False)

    def name(self, key: bytes) -> bytes:
        """The name of a record in the store; keys have at most 512 bytes."""
        return PREFIX + self.kind + b"/" + key

    def key(self, name: bytes) -> bytes:
        """The key of the record that has this name."""
        return name.removeprefix(PREFIX + self.kind + b"/")

    def put(
        self,
        key: bytes,
        content: bytes,
        expected: int,
        *,
        body: bytes | Body | None = None,
        length: int = 0,
        whose: str = "",
        ends: int | None = None,
    ) -> Put:
        """The change that makes or replaces a record, for `change` or a transaction.

        Args:
            key: of the record.
            content: the whole of what is read often.
            expected: the version that was read; 0: there is none.
            body: what is read seldom; KEEP leaves it as it is.
            length: bytes of a body that stays as it is.
            whose: the client that the record counts for.
            ends: when it may be removed, seconds since 1970; None: never.

        Raises:
            ValueError: it is longer than `MAX_BYTES`.
        """
        size = len(content) + (len(body) if isinstance(body, bytes) else length)
        if size > MAX_BYTES:
            raise ValueError("a record of the server's own has at most 1 MiB")
        place = _class(size)
        exact = {_term(self.kind), _term(self.kind, place=place)}
        if whose:
            exact |= {_term(self.kind, whose), _term(self.kind, whose, place)}
        ranged = {} if ends is None else {ENDS: ends}
        return Put(self.name(key), expected, content, body, Terms(frozenset(exact), ranged))

    def is_there(self, key: bytes) -> bool:
        """Whether there is a record, by what is known now."""
        return bool(self.store.version(self.name(key)))

    async def read(self, key: bytes) -> Record | None:
        """A record as it is now, or None.

        Raises:
            storage.StorageError: the store does not give it.
        """
        name = self.name(key)
        return await self.store.read(name) if self.store.version(name) else None

    async def change(
        self, key: bytes, decide: Callable[[Record | None], Put | Remove | None]
    ) -> None:
        """Change a record by what it is; durable when this returns.

        Args:
            key: of the record.
            decide: gives the change to what the record is now, or None: there is nothing to
                change. It is called again where another server was first, and what it raises is
                raised.

        Raises:
            storage.StorageError: the record cannot be read or changed. Of a change that ended in
                `Unavailable` nobody knows whether it was made.
        """

        async def decide_now() -> tuple[Put | Remove] | None:
            change = decide(await self.read(key))
            return None if change is None else (change,)

        async with self._turns.of(key):
            await self.commit_decided(decide_now)

    async def commit_decided(
        self, decide: Callable[[], Awaitable[Sequence[Put | Remove] | None]]
    ) -> None:
        """Make changes by what the records are now, all or none; durable when this returns.

        Args:
            decide: reads, and gives the changes, or None: there is nothing to do. It is called
                again where another server was first, and what it raises is raised.

        Raises:
            storage.StorageError: as `change`.
        """
        for attempt in range(MAX_ATTEMPTS):
            changes = await decide()
            if changes is None:
                return
            try:
                await self.commit(*changes)
            except Conflict:
                if attempt == MAX_ATTEMPTS - 1:
                    raise
                await self.refresh()
            else:
                return

    async def refresh(self) -> None:
        """Know what other servers have committed, also where nobody waits for that any more.

        Raises:
            storage.StorageError: the store does not answer.
        """
        await refresh(self.store)

    async def commit(self, *changes: Put | Remove) -> None:
        """Make changes durable, also where nobody waits for that any more.

        Raises:
            storage.StorageError: as `SealedStore.commit`.
        """
        with trio.CancelScope(shield=True):
            await self.store.commit(changes)

    async def remove(self, key: bytes) -> None:
        """Remove a record, if it is there.

        Raises:
            storage.StorageError: it cannot be removed.
        """

        def decide(record: Record | None) -> Remove | None:
            return None if record is None else Remove(record.name, record.version)

        await self.change(key, decide)

    def query(self, whose: str = "", *, now: int | None = None, limit: int | None = None) -> Query:
        """What finds records of this kind, the newest first.

        Args:
            whose: of this client only; "": of all.
            now: only those that have not ended by then, seconds since 1970; None: all.
            limit: how many at most.
        """
        ended = () if now is None else (Range(ENDS, high=now),)
        return Query(all_of=(frozenset({_term(self.kind, whose)}),), outside=ended, limit=limit)

    async def all(
        self, whose: str = "", *, now: int | None = None, limit: int | None = None
    ) -> list[Record]:
        """The records of this kind as they are now, the newest first; arguments as for `query`.

        Raises:
            storage.StorageError: the store does not give them.
        """
        found = await self.store.search(self.query(whose, now=now, limit=limit))
        read = [await self.store.read(name) for name in found.names]
        return [record for record in read if record is not None]

    async def count(self, whose: str = "", *, now: int | None = None) -> int:
        """How many there are; arguments as for `query`."""
        return (await self.store.search(self.query(whose, now=now, limit=0))).total

    async def size(self, whose: str = "", *, now: int | None = None) -> int:
        """Bytes that they have at most, each counted as the next power of two."""
        size = 0
        for each, query in self.queries_by_size(whose, now=now):
            size += each * (await self.store.search(replace(query, limit=0))).total
        return size

    def queries_by_size(
        self, whose: str = "", *, now: int | None = None
    ) -> Iterator[tuple[int, Query]]:
        """For each number of bytes that records count as, what finds those records.

        Arguments as for `query`.
        """
        for place in range(SMALLEST_CLASS, LARGEST_CLASS + 1):
            terms = frozenset({_term(self.kind, whose, place)})
            yield 1 << place, replace(self.query(whose, now=now), all_of=(terms,))


class Turns:
    """Turns by key: whoever works on the same thing at this server waits, and is in no conflict."""

    def __init__(self) -> None:
        self._turns: dict[bytes, _Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    @asynccontextmanager
    async def of(self, key: bytes) -> AsyncIterator[None]:
        """Have the turn of a key within an `async with` block."""
        turn = self._turns.setdefault(key, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[key]


@dataclass(slots=True)
class _Turn:
    """Whose turn it is."""

    lock: trio.Lock = field(default_factory=trio.Lock)
    waiting: int = 0


def counted(size: int) -> int:
    """The bytes for which a record of so many is counted."""
    return 1 << _class(size)


def _class(size: int) -> int:
    return max(SMALLEST_CLASS, (size - 1).bit_length())


def _term(kind: bytes, whose: str = "", place: int = 0) -> bytes:
    """The term of all records of a kind, of those of a client, or of one size."""
    owner = hashlib.sha256(whose.encode(errors="surrogatepass")).digest()[:16] if whose else b""
    return b"server record/%b/%d/%b" % (kind, place, owner)


async def sweep(store: SealedStore, now: float) -> int:
    """Remove some of the records that have ended a while ago; how many.

    Raises:
        storage.StorageError: they could not be removed; where another server was first, some of
            them are gone.
    """
    await refresh(store)
    ended = Range(ENDS, high=int(now) - SWEEP_GRACE)
    names = (await store.search(Query(ranges=(ended,), limit=SWEPT_AT_ONCE))).names
    with trio.CancelScope(shield=True):
        await store.commit([Remove(name, store.version(name)) for name in names])
    return len(names)


async def keep_swept(store: SealedStore, clock: Callable[[], float]) -> None:
    """Remove what has ended, again and again, until this is cancelled."""
    while True:
        await trio.sleep(SWEEP_SECONDS)
        try:
            while await sweep(store, clock()) == SWEPT_AT_ONCE:
                await trio.lowlevel.checkpoint()
        except Conflict:
            log.debug("another server removes what has ended")
        except StorageError as error:
            log.warning("what has ended is removed later: %s", error)
