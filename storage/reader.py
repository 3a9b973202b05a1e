"""Reading one record: fetch, compare with the resident table, open.

Theory of operation: the table says which tag is due, so an answer is right or wrong at once, with
one exception: a commit may land between the look at the table and the fetch. So on a mismatch the
reader lets the table catch up with everything that can have been visible, and only if the same tag
is still due is the answer a lie.

Whoever knows what they will read says so when they ask for news (`missing`), and what is not in
memory comes with the same round trip. It is only kept, and proved like anything else once it is
read: a commit that the news tell of may have made it useless.

Two things are kept in memory, each checked against the table before use: opened meta parts, and
bodies as they were sealed. Key material stays sealed until it is asked for.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import trio

from storage.backend import Backend, BlobName, Commit, Kind, Wanted, tag
from storage.cache import Cache
from storage.errors import Part, Reason, Tampered
from storage.index import Row
from storage.keyring import Sealed
from storage.record import Content, Record, decode_body
from storage.replica import Replica
from storage.table import Draft

_META_BYTES: Final = 4 << 20  # sealed meta parts that came with news and were not read yet
_OVERHEAD: Final = 1024  # bytes an opened record takes besides twice its meta part, about


@dataclass(frozen=True, slots=True)
class _Opened:
    tag: bytes
    content: Content = field(repr=False)
    record: Record = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Source:
    """What differs between reading a meta part and reading a body."""

    kind: Kind
    sealed: Sealed
    part: Part
    epoch: Callable[[Row], int]
    tag: Callable[[Row], bytes]


_META: Final = _Source(
    Kind.META, Sealed.META, Part.RECORD, lambda row: row.epoch, lambda row: row.tag
)
_BODY: Final = _Source(
    Kind.BODY, Sealed.BODY, Part.BODY, lambda row: row.body_epoch, lambda row: row.body_tag
)


class Reader:
    """Reads records of one store.

    Args:
        backend: where the blobs are.
        replica: what they must be.
        settle: waits until every commit under way is in the table.
        cache_bytes: of memory for each of the two caches, and at most 4 MiB more for what came with
            news.
    """

    def __init__(
        self,
        backend: Backend,
        replica: Replica,
        settle: Callable[[], Awaitable[None]],
        cache_bytes: int,
    ) -> None:
        self._backend = backend
        self._replica = replica
        self._settle = settle
        self._opened: Cache[_Opened] = Cache(cache_bytes)
        self._bodies: Cache[bytes] = Cache(cache_bytes)
        self._metas: Cache[bytes] = Cache(min(cache_bytes, _META_BYTES))

    async def record(self, name: bytes) -> Record | None:
        """The meta part of a record, or None where there is none."""
        opened = await self._open(name)
        return None if opened is None else opened.record

    async def content(self, name: bytes) -> Content | None:
        """All that the meta blob of a record holds, or None where there is none."""
        opened = await self._open(name)
        return None if opened is None else opened.content

    async def body(self, name: bytes) -> bytes | None:
        """The body of a record, or None where there is none."""
        fetched = await self._fetch(name, _BODY, self._bodies)
        return None if fetched is None else decode_body(fetched[1])

    def written(self, draft: Draft, commit: Commit) -> None:
        """Remember what a commit has just written."""
        for row, content in draft.contents():
            self._remember(row, content)
        for handle, blob in commit.body.items():
            if blob is None:
                self._bodies.drop(handle)
            else:
                self._bodies.put(handle, blob, len(blob))

    def missing(self, names: Iterable[bytes]) -> Iterator[Wanted]:
        """The blobs of these records that are not in memory, as far as the table knows them."""
        table = self._replica.table
        for name in names:
            row = table.rows.get(name)
            if row is None:
                continue
            opened = self._opened.get(name)
            if opened is None or opened.tag != row.tag:
                handle = table.keyring.epochs[row.epoch].handle(name)
                yield Kind.META, BlobName(handle, row.tag)
            if row.body_epoch:
                handle = table.keyring.epochs[row.body_epoch].handle(name)
                if tag(self._bodies.get(handle) or b"") != row.body_tag:
                    yield Kind.BODY, BlobName(handle, row.body_tag)

    def fetched(self, wanted: Wanted, blob: bytes | None) -> None:
        """Keep what came with the news, sealed, if it is what was wanted."""
        kind, (handle, due) = wanted
        if blob is not None and tag(blob) == due:
            cache = self._metas if kind is Kind.META else self._bodies
            cache.put(handle, blob, len(blob))

    async def _open(self, name: bytes) -> _Opened | None:
        self._replica.check_whole()
        row = self._replica.table.rows.get(name)
        opened = self._opened.get(name)
        if row is not None and opened is not None and opened.tag == row.tag:
            await trio.lowlevel.checkpoint_if_cancelled()
            return opened
        try:
            fetched = await self._fetch(name, _META, self._metas)
        except Tampered as error:
            self._replica.stop(error)
            raise
        return None if fetched is None else self._remember(fetched[0], Content.decode(fetched[1]))

    def _remember(self, row: Row, content: Content) -> _Opened:
        record = Record(content.name, content.version, content.meta, content.terms)
        opened = _Opened(row.tag, content, record)
        self._opened.put(row.name, opened, _OVERHEAD + 2 * len(content.meta))
        return opened

    async def _fetch(
        self, name: bytes, source: _Source, cache: Cache[bytes]
    ) -> tuple[Row, bytes] | None:
        """The row of a record and the plaintext of one of its blobs; None where there is none."""
        while True:
            self._replica.check_whole()
            table = self._replica.table
            keyring = table.keyring  # with the row's epoch, which a rotation may give up meanwhile
            row = table.rows.get(name)
            if row is None or not source.epoch(row):
                await trio.lowlevel.checkpoint()
                return None
            handle = keyring.epochs[source.epoch(row)].handle(name)
            due = source.tag(row)
            blob = cache.get(handle)
            if blob is None or tag(blob) != due:
                (blob,) = await self._backend.get(source.kind, [BlobName(handle, due)])
            if blob is not None and tag(blob) == due:
                plaintext = keyring.open(source.sealed, handle, blob)
                if plaintext is None:
                    cache.drop(handle)
                    raise Tampered(source.part, Reason.EDITED)
                if source is _BODY:
                    cache.put(handle, blob, len(blob))
                else:
                    cache.drop(handle)  # it is kept opened
                return row, plaintext
            await self._settle()
            now = self._replica.table.rows.get(name)
            if now is not None and source.tag(now) == due:
                raise Tampered(source.part, self._difference(source, handle, blob))

    def _difference(self, source: _Source, handle: bytes, blob: bytes | None) -> Reason:
        """How a blob came to be where another was due."""
        if blob is None:
            return Reason.DROPPED
        table = self._replica.table
        if table.keyring.open(source.sealed, handle, blob) is not None:
            return Reason.REPLAYED
        other = tag(blob)
        if table.index.knows(other, of_body=source is _BODY):
            return Reason.SWAPPED
        return Reason.EDITED
