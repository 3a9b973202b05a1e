"""What every back end must pass, and back ends that fail or lie on purpose.

    async def test_back_end():
        space = MemorySpace()
        await check_backend(lambda: MemoryBackend(space))

Needs no test framework.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import trio

from storage.backend import Backend, BlobName, Commit, Kind, Position, Spread, Tail, Wanted, tag
from storage.errors import Damaged, InUse, Missing, StorageError, Unavailable

Make = Callable[[], Backend]


async def check_backend(make: Make) -> None:
    """Put a back end through everything the interface promises.

    Args:
        make: gives an unopened back end each time; all over one and the same place, which is empty
            at first.

    Raises:
        AssertionError: a promise is not kept.
    """
    for exercise in _EXERCISES:
        await exercise(make)


@asynccontextmanager
async def opened(backend: Backend) -> Any:
    """The back end, open for the length of a block."""
    await backend.open()
    try:
        yield backend
    finally:
        await backend.aclose()


class _Writer:
    """Makes commits that follow one another, and knows what should be there."""

    def __init__(
        self, backend: Backend, number: int, head: bytes, there: Mapping[Kind, dict[bytes, bytes]]
    ) -> None:
        self.backend = backend
        self.number = number
        self.head = head
        self._there = {kind: dict(tags) for kind, tags in there.items()}

    @classmethod
    async def at_end(cls, backend: Backend) -> "_Writer":
        """One that goes on; no exercise leaves a body behind."""
        _, head = await backend.load()
        assert head is not None, "the head is gone"
        tail = await backend.tail(0)
        tags = {handle: tag(blob) for handle, blob in (await _scanned(backend)).items()}
        there = {Kind.META: tags, Kind.BODY: {}}
        return cls(backend, tail.entries[-1][0] if tail.entries else 0, head, there)

    def beside(self) -> "_Writer":
        """Another one at the same commit, which does not see what this one does from now on."""
        return _Writer(self.backend, self.number, self.head, self._there)

    def draft(
        self,
        meta: Mapping[bytes, bytes | None] | None = None,
        body: Mapping[bytes, bytes | None] | None = None,
        oldest: int = 1,
        header: bytes | None = None,
    ) -> Commit:
        number, head = self.number + 1, b"head " + os.urandom(16)
        entry, meta, body = b"entry %d" % number, meta or {}, body or {}
        superseded = {
            Kind.META: self._before(Kind.META, meta),
            Kind.BODY: self._before(Kind.BODY, body),
        }
        return Commit(number, self.head, head, entry, oldest, meta, body, header, superseded)

    def _before(self, kind: Kind, blobs: Mapping[bytes, bytes | None]) -> dict[bytes, bytes]:
        """The tags of the blobs that are replaced or removed; those of real ones never repeat."""
        tags = self._there[kind]
        return {
            handle: tags[handle]
            for handle, blob in blobs.items()
            if handle in tags and (blob is None or tag(blob) != tags[handle])
        }

    async def commit(self, **changes: Any) -> Commit:
        commit = self.draft(**changes)
        assert await self.backend.commit(commit) is None, "a commit that follows was refused"
        self.follow(commit)
        return commit

    def follow(self, commit: Commit) -> None:
        """Know that a commit was applied."""
        self.number, self.head = commit.number, commit.head
        for kind in Kind:
            for handle, blob in commit.blobs(kind).items():
                self._there[kind].pop(handle, None)
                if blob is not None:
                    self._there[kind][handle] = tag(blob)

    async def get(self, kind: Kind, handles: Sequence[bytes]) -> list[bytes | None]:
        """What the back end gives for the blobs that should be there, and for their like."""
        tags = self._there[kind]
        return await self.backend.get(kind, [BlobName(one, tags.get(one, b"")) for one in handles])


_LOOKS: Final = 1000  # at marks that are on their way out, each a round trip


async def _scanned(backend: Backend) -> dict[bytes, bytes]:
    """All there is, once every attempt is settled that was made."""
    spread = backend.spread
    looks = 0
    while spread is not None and await spread.unsettled():
        looks += 1
        assert looks < _LOOKS, "what attempts have left is not settled"
    found: dict[bytes, bytes] = {}
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        found.update(page)
    return found


async def _is_not_made_unasked(make: Make) -> None:
    for _ in range(2):  # the second time it is as the first
        backend = make()
        try:
            await backend.open(create=False)
            assert await backend.load() == (None, None), "an empty place has a header or a head"
        except Missing:
            pass
        finally:
            await backend.aclose()


async def _is_empty_at_first(make: Make) -> None:
    async with opened(make()) as backend:
        assert await backend.load() == (None, None), "an empty place has a header or a head"
        assert await backend.get(Kind.META, [_ABSENT]) == [None], "an empty place has blobs"
        assert await _scanned(backend) == {}, "an empty place has records"
        try:
            await backend.tail(0)
        except Damaged:
            pass
        else:
            raise AssertionError("a tail was read where there is no head")


async def _is_made_once(make: Make) -> None:
    first = Commit(0, None, b"head 0", b"", 1, {}, {}, b"header")
    async with opened(make()) as backend:
        assert await backend.commit(first) is None, "no store can be made"
        other = Commit(0, None, b"head x", b"", 1, {_handle(1): b"x"}, {}, b"other")
        missed = await backend.commit(other)
        assert missed == Tail(b"head 0", []), "a second store was made over the first"
        assert await backend.load() == (b"header", b"head 0"), "a refused commit changed something"
        assert await backend.get(Kind.META, [_ABSENT]) == [None], "a refused commit wrote"
        assert await backend.tail(0) == Tail(b"head 0", []), "making a store is not a log entry"


async def _keeps_blobs(make: Make) -> None:
    every = bytes(range(256))
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        await writer.commit(
            meta={_handle(1): every, _handle(2): b"two"}, body={_handle(1): b"", _handle(3): b"b"}
        )
        handles = [_handle(3), _handle(2), _handle(1), _handle(2)]
        assert await writer.get(Kind.META, handles) == [None, b"two", every, b"two"]
        assert await writer.get(Kind.BODY, handles) == [b"b", None, b"", None]
        assert await writer.get(Kind.BODY, []) == []
        await writer.commit(
            meta={_handle(1): b"new", _handle(9): None}, body={_handle(1): None, _handle(3): b"c"}
        )
        assert await writer.get(Kind.META, handles) == [None, b"two", b"new", b"two"]
        assert await writer.get(Kind.BODY, handles) == [b"c", None, None, None]
        await writer.commit(meta={_handle(1): None, _handle(2): None}, body={_handle(3): None})
        assert await _scanned(backend) == {}, "removed records are still scanned"


async def _gives_blobs_with_the_tail(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        commit = await writer.commit(
            meta={_handle(1): b"one", _handle(2): b"two"}, body={_handle(1): b"body"}
        )
        wanted = [
            (Kind.BODY, BlobName(_handle(1), tag(b"body"))),
            (Kind.META, BlobName(_handle(3), b"x")),
            (Kind.META, BlobName(_handle(1), tag(b"one"))),
        ]
        tail = await backend.tail(commit.number - 1, wanted)
        assert tail.head == commit.head
        assert list(tail.entries) == [(commit.number, commit.entry)]
        assert list(tail.blobs) == [b"body", None, b"one"], "what was wanted with it is not there"
        assert not (await backend.tail(commit.number)).blobs, "blobs that nobody wanted"
        await writer.commit(meta={_handle(1): None, _handle(2): None}, body={_handle(1): None})


async def _is_filled_before_it_is_a_store(make: Make) -> None:
    """As a copy is: parts without a log entry, and at last a header and one entry of any number."""
    async with opened(make()) as backend:
        start = Commit(0, None, b"mark 0", b"", 1, {}, {})
        assert await backend.commit(start) is None, "no copy can be begun"
        part = Commit(0, b"mark 0", b"mark 1", b"", 1, {_handle(1): b"m"}, {_handle(2): b"b"})
        assert await backend.commit(part) is None, "a part of a copy was refused"
        assert await backend.commit(part) is not None, "a part was applied on another head"
        assert await backend.load() == (None, b"mark 1")
    async with opened(make()) as backend:
        assert await _scanned(backend) == {_handle(1): b"m"}, "a part of a copy is not there"
        old = {Kind.META: {_handle(1): tag(b"m")}, Kind.BODY: {_handle(2): tag(b"b")}}
        meta: dict[bytes, bytes | None] = {_handle(1): None}
        last = Commit(7, b"mark 1", b"head", b"entry", 7, meta, {_handle(2): None}, b"header", old)
        assert await backend.commit(last) is None, "a copy cannot be finished"
        assert await backend.load() == (b"header", b"head")
        assert await backend.tail(0) == Tail(b"head", [(7, b"entry")])
        assert await _scanned(backend) == {}, "what was superseded is still there"


async def check_filling(make: Make) -> None:
    """Put a back end through what a copy asks of it.

    Args:
        make: as for `check_backend`, over another empty place.

    Raises:
        AssertionError: a promise is not kept.
    """
    await _is_filled_before_it_is_a_store(make)


async def _compares_the_head(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        behind = writer.beside()
        commits = [await writer.commit(meta={_handle(1): b"%d" % n}) for n in range(3)]
        late = behind.draft(meta={_handle(1): b"late", _handle(2): b"late"}, header=b"late")
        missed = await backend.commit(late)
        assert missed is not None, "a commit on an old head was applied"
        assert missed.head == writer.head
        assert list(missed.entries) == [(one.number, one.entry) for one in commits]
        assert await writer.get(Kind.META, [_handle(1), _handle(2)]) == [b"2", None]
        assert await backend.load() == (b"header", writer.head), "a refused commit changed places"


async def _lets_one_of_many_win(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        won: list[Commit] = []

        async def attempt(n: int) -> None:
            draft = writer.draft(meta={_handle(n): b"%d" % n})
            commit = replace(draft, entry=draft.entry + b" of %d" % n)  # as no two are alike
            if await backend.commit(commit) is None:
                won.append(commit)

        async with trio.open_nursery() as nursery:
            for n in range(100, 110):
                nursery.start_soon(attempt, n)
        assert len(won) == 1, "of many commits on one head not exactly one was applied"
        assert (await backend.load())[1] == won[0].head
        writer = await _Writer.at_end(backend)
        there = await writer.get(Kind.META, [_handle(n) for n in range(100, 110)])
        assert [blob for blob in there if blob is not None] == list(won[0].meta.values())
        await writer.commit(meta=dict.fromkeys(won[0].meta))


async def _queues_writers(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        position = await backend.precedence(writer.number)
        assert position == Position(0, Tail(writer.head, [])), "there is nobody else who writes"
        await backend.cede()
        if not backend.exclusive:
            async with opened(make()) as second, opened(make()) as third:
                await _queue_three(backend, second, third)


async def _queue_three(first: Backend, second: Backend, third: Backend) -> None:
    """Each has precedence in the order of asking, and what it commits is told the next one."""
    writers = [await _Writer.at_end(one) for one in (first, second, third)]
    start = writers[0].number
    places = [(await one.precedence(start)).ahead for one in (first, second, third)]
    # Whoever is too slow for the lease is passed over; then the order is another, and still one.
    if places != [0, 1, 2]:
        for one in (first, second, third):
            await one.cede()
        return
    refused = await second.commit(writers[1].draft())
    if refused is not None:
        assert refused == Tail(writers[1].head, []), (
            "a commit was not refused for precedence's sake"
        )
    commit = writers[0].draft()
    if await first.commit(commit) is None and refused is not None:
        position = await first.precedence(start, again=True)
        assert position.ahead == 2, "who queues up again is not behind those who wait"
        position = await second.precedence(start)
        assert position == Position(0, Tail(commit.head, [(commit.number, commit.entry)]))
    for one in (first, second, third):
        await one.cede()
        await one.cede()
    await (await _Writer.at_end(third)).commit()


async def _keeps_the_log(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        start = writer.number
        for _ in range(10):
            await writer.commit()
        tail = await backend.tail(start + 4)
        expected = [(n, b"entry %d" % n) for n in range(start + 5, start + 11)]
        assert (tail.head, list(tail.entries)) == (writer.head, expected)
        assert list((await backend.tail(writer.number)).entries) == []
        await writer.commit(oldest=start + 8)
        kept = dict((await backend.tail(start + 7)).entries)
        assert sorted(kept) == list(range(start + 8, start + 12)), "kept log entries are gone"


async def _changes_the_header(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        await writer.commit(header=b"second header")
        await writer.commit()
        assert await backend.load() == (b"second header", writer.head)
        await writer.commit(header=b"header")


async def _scans_everything(make: Make) -> None:
    blobs: dict[bytes, bytes | None] = {_handle(n): b"%d" % n * (n % 50) for n in range(2500)}
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        await writer.commit(meta=blobs, body={_handle(5000): b"not a record"})
        assert await _scanned(backend) == blobs, "a scan does not give every record once"
        await writer.commit(meta=dict.fromkeys(blobs), body={_handle(5000): None})


async def _takes_large_blobs(make: Make) -> None:
    large = os.urandom(5 << 20)
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        await writer.commit(body={_handle(1): large})
        assert await writer.get(Kind.BODY, [_handle(1)]) == [large]
        await writer.commit(body={_handle(1): None})


async def _keeps_an_index(make: Make) -> None:
    names = [bytes([n]) * 16 for n in range(4)]
    large = os.urandom(1 << 20)
    async with opened(make()) as backend:
        assert list(await backend.index_names()) == [], "an index is there that nobody has saved"
        assert await backend.read_index(names[:1]) == [None]
        assert await backend.read_index([]) == []
        before = await backend.load(), await backend.tail(0)
        await backend.write_index({names[0]: b"zero", names[1]: large, names[2]: b"two"})
        await backend.write_index({names[2]: b"new", names[1]: None, names[3]: large})
        await backend.write_index({})
        found = await backend.read_index([names[3], names[1], names[2], names[0], names[2]])
        assert found == [large, None, b"new", b"zero", b"new"]
        assert sorted(await backend.index_names()) == [names[0], names[2], names[3]]
        assert (await backend.load(), await backend.tail(0)) == before, "a saved index is a commit"
        assert await _scanned(backend) == {}, "a saved index is a record"
    async with opened(make()) as backend:
        assert await backend.read_index([names[2]]) == [b"new"]
        await backend.write_index(dict.fromkeys(names))
        assert list(await backend.index_names()) == []


async def _is_there_again(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        await writer.commit(meta={_handle(1): b"kept"}, body={_handle(1): b"kept too"})
        expected = await backend.load(), await backend.tail(0)
        await backend.aclose()
        await backend.aclose()
    async with opened(make()) as backend:
        assert (await backend.load(), await backend.tail(0)) == expected
        writer.backend = backend
        assert await writer.get(Kind.META, [_handle(1)]) == [b"kept"]
        assert await writer.get(Kind.BODY, [_handle(1)]) == [b"kept too"]


async def _is_exclusive_or_shared(make: Make) -> None:
    async with opened(make()) as backend:
        second = make()
        if not backend.exclusive:
            async with opened(second):
                writer = await _Writer.at_end(backend)
                await writer.commit()
                assert (await second.load())[1] == writer.head, "a second one sees another head"
            return
        try:
            await second.open()
        except InUse:
            await second.aclose()
        else:
            raise AssertionError("an exclusive place was opened twice")
        assert (await backend.load())[1] is not None, "a refused second opening did harm"


async def _survives_cancelled_callers(make: Make) -> None:
    async with opened(make()) as backend:
        writer = await _Writer.at_end(backend)
        for _ in range(20):
            commit = writer.draft(meta={_handle(1): b"m"}, body={_handle(1): b"b"})
            with trio.move_on_after(0):
                await backend.commit(commit)
            following = writer.draft(meta={_handle(1): None}, body={_handle(1): None})
            missed = await backend.commit(following)  # settles which of the two was first
            if missed is None:
                writer.follow(following)
                continue
            assert missed == Tail(commit.head, [(commit.number, commit.entry)])
            writer.follow(commit)
            assert await writer.get(Kind.META, [_handle(1)]) == [b"m"], "half a commit"
            assert await writer.get(Kind.BODY, [_handle(1)]) == [b"b"], "half a commit"


_EXERCISES: Final = (
    _is_not_made_unasked,
    _is_empty_at_first,
    _is_made_once,
    _keeps_blobs,
    _gives_blobs_with_the_tail,
    _compares_the_head,
    _lets_one_of_many_win,
    _queues_writers,
    _keeps_the_log,
    _changes_the_header,
    _scans_everything,
    _takes_large_blobs,
    _keeps_an_index,
    _is_exclusive_or_shared,
    _survives_cancelled_callers,
    _is_there_again,
)


def _handle(n: int) -> bytes:
    return n.to_bytes(16, "little")


_ABSENT: Final = BlobName(_handle(1), b"x")


class FailingBackend:
    """A back end that fails when told to.

    Args:
        inner: does the work.

    Attributes:
        exclusive: of the inner one.
        fail_next: how many calls from now on fail without having done anything.
        lose_answers: how many commits from now on are applied and yet fail: the answer is lost.
        error: what they fail with.
        calls: names of the methods called.
    """

    def __init__(self, inner: Backend, error: StorageError | None = None) -> None:
        self._inner = inner
        self.fail_next = 0
        self.lose_answers = 0
        self.error = error or Unavailable("the back end was told to fail")
        self.calls: list[str] = []

    @property
    def exclusive(self) -> bool:
        """See `Backend`."""
        return self._inner.exclusive

    @property
    def label(self) -> bytes:
        """See `Backend`."""
        return self._inner.label

    @property
    def spread(self) -> Spread | None:
        """See `Backend`."""
        return self._inner.spread

    def _pass(self, call: str) -> None:
        self.calls.append(call)
        if self.fail_next:
            self.fail_next -= 1
            raise self.error

    async def open(self, *, create: bool = True) -> None:
        """See `Backend`."""
        self._pass("open")
        await self._inner.open(create=create)

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        self._pass("load")
        return await self._inner.load()

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        self._pass("tail")
        return await self._inner.tail(after, wanted)

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        self._pass("get")
        return await self._inner.get(kind, names)

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`."""
        self._pass("scan")
        return await self._inner.scan(cursor)

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`."""
        self._pass("precedence")
        return await self._inner.precedence(after, again=again)

    async def cede(self) -> None:
        """See `Backend`."""
        self._pass("cede")
        await self._inner.cede()

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        self._pass("commit")
        missed = await self._inner.commit(commit)
        if self.lose_answers:
            self.lose_answers -= 1
            raise self.error
        return missed

    async def confirm(self) -> None:
        """See `Backend`."""
        self._pass("confirm")
        await self._inner.confirm()

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        self._pass("read_index")
        return await self._inner.read_index(names)

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`."""
        self._pass("write_index")
        await self._inner.write_index(blobs)

    async def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        self._pass("index_names")
        return await self._inner.index_names()

    async def aclose(self) -> None:
        """See `Backend`."""
        await self._inner.aclose()


class SlowBackend(FailingBackend):
    """A back end whose commits wait for `go`.

    Attributes:
        go: set it, and they go on.
        waiting: set once one waits.
    """

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.go = trio.Event()
        self.waiting = trio.Event()

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        self.waiting.set()
        await self.go.wait()
        return await super().commit(commit)


class LyingBackend(FailingBackend):
    """A back end in the hands of an attacker, who can do anything but open seals.

    What it holds is left alone; its answers are changed. Lies apply to everything read after them.

    Attributes:
        blobs: for each kind, handle to the blob given instead; None: hidden.
        log: number to the entry given instead; None: hidden.
        places: the (header, head) given instead of the true ones; None for each that is true.
    """

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.blobs: dict[Kind, dict[bytes, bytes | None]] = {kind: {} for kind in Kind}
        self.log: dict[int, bytes | None] = {}
        self.places: tuple[bytes | None, bytes | None] = (None, None)
        self._tags: dict[Kind, dict[bytes, bytes]] = {kind: {} for kind in Kind}

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        header, head = await super().load()
        return self.places[0] or header, self.places[1] or head

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        return self._lie(await super().tail(after, wanted), after, wanted)

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`."""
        position = await super().precedence(after, again=again)
        return Position(position.ahead, self._lie(position.tail, after, ()))

    def _lie(self, tail: Tail, after: int, wanted: Sequence[Wanted]) -> Tail:
        lies = {number: entry for number, entry in self.log.items() if number > after}
        entries = sorted({**dict(tail.entries), **lies}.items())
        left = [(number, entry) for number, entry in entries if entry is not None]
        blobs = [
            self.blobs[kind].get(name.handle, blob)
            for (kind, name), blob in zip(wanted, tail.blobs, strict=True)
        ]
        return Tail(self.places[1] or tail.head, left, blobs)

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        true = await super().get(kind, names)
        lies = self.blobs[kind]
        return [lies.get(name.handle, blob) for name, blob in zip(names, true, strict=True)]

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        missed = await super().commit(commit)
        if missed is None:
            for kind in Kind:
                blobs = commit.blobs(kind)
                self._tags[kind].update((h, tag(blob)) for h, blob in blobs.items() if blob)
        return missed

    async def peek(self, kind: Kind, handle: bytes) -> bytes | None:
        """What is given for the blob that this back end has seen written last at a handle."""
        (blob,) = await self.get(kind, [BlobName(handle, self._tags[kind].get(handle, b""))])
        return blob

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`."""
        page, following = await super().scan(cursor)
        blobs = {**dict(page), **self.blobs[Kind.META]}
        return [(handle, blob) for handle, blob in blobs.items() if blob is not None], following

    async def edit(self, kind: Kind, handle: bytes, at: int = 30) -> None:
        """Flip one bit of a blob."""
        blob = await self.peek(kind, handle)
        assert blob is not None
        changed = bytearray(blob)
        changed[at] ^= 1
        self.blobs[kind][handle] = bytes(changed)

    async def swap(self, kind: Kind, one: bytes, other: bytes) -> None:
        """Give each of two blobs in the place of the other."""
        first, second = await self.peek(kind, one), await self.peek(kind, other)
        self.blobs[kind].update({one: second, other: first})

    async def freeze(self, kind: Kind, handle: bytes) -> None:
        """Go on giving what is there now, whatever is written: replay."""
        self.blobs[kind][handle] = await self.peek(kind, handle)

    def drop(self, kind: Kind, handle: bytes) -> None:
        """Hide a blob."""
        self.blobs[kind][handle] = None

    def truth(self) -> None:
        """Lie no more."""
        self.blobs = {kind: {} for kind in Kind}
        self.log, self.places = {}, (None, None)


_: tuple[type[Backend], ...] = (FailingBackend, SlowBackend, LyingBackend)
