"""Filling the resident table from the back end, and checking that it is all there.

Theory of operation: every meta blob is read and opened at its own handle; then the log is read,
from its oldest entry on, checked as a chain, and whatever was committed while the scan went on is
laid over the rows. The set digest of the result must be the one in the newest head. So a record
that was changed, moved, dropped, put back or added is noticed before anything is served.

Other servers may replace the key header meanwhile. One under the same master key is taken over at
the end; where a rotation has begun, what it sealed does not open, and all is read again.

A back end that is spread has blobs that count, and such as attempts at commits have left
(`storage.sweep`). A scan gives what an attempt would supersede, and not what it has put. So all of
the log is laid over the rows: it has what was put, if the attempt was the commit. Of an attempt
that is older than the log nobody tells, but the set digest: each is tried both ways.

A running server that fell behind the log does the same again, with a new table beside the one it
has. So all of it is done in pieces (`turns`), and nothing sees the new table before it is whole.
"""

from hashlib import sha256

from pyroaring import BitMap

from storage.backend import Backend
from storage.errors import Part, Reason, Tampered, Unavailable
from storage.filling import Filling, check_anchor, check_log
from storage.header import Header, Unlocked
from storage.index import Index, Row
from storage.keyring import Sealed
from storage.ledger import Anchor, State
from storage.old_attempts import is_whole
from storage.record import Content
from storage.resume import resume
from storage.table import Table
from storage.turns import Turns, no_full_collection, turn

_ATTEMPTS = 5  # scans overtaken by a whole turn of the log ring before we give up


async def restore(backend: Backend, table: Table, anchor: Anchor | None) -> bool:
    """Fill an empty table, whose state and head are those of `Backend.load`.

    Returns:
        False where the key header was replaced meanwhile by one that the table does not know: begin
        again with a new table.

    Raises:
        Tampered: anything is not as it was written, or older than `anchor`.
        Unavailable: other servers write so much that no scan keeps up with their log.
    """
    try:
        with no_full_collection():
            await _restore(backend, table, anchor)
    except Tampered:
        if await _is_replaced(backend, table):
            return False
        raise
    return table.state.header == table.unlocked.header.digest or await _follow(backend, table)


async def _is_replaced(backend: Backend, table: Table) -> bool:
    """Whether there is another key header than the one that the table was filled under."""
    header, _ = await backend.load()
    return header is not None and sha256(header).digest() != table.unlocked.header.digest


async def _follow(backend: Backend, table: Table) -> bool:
    """Take over a key header that was replaced meanwhile, if it is under the same master key."""
    data, _ = await backend.load()
    if data is None or sha256(data).digest() != table.state.header:
        return False
    known = table.unlocked
    try:
        table.unlocked = Unlocked.check(Header.parse(data), known.master, known.slot, known.label)
    except Tampered:
        return False
    table.keyring = table.unlocked.keyring()
    return True


async def _restore(backend: Backend, table: Table, anchor: Anchor | None) -> None:
    if await resume(backend, table, anchor):
        return
    is_first = backend.spread is not None
    for _ in range(_ATTEMPTS):
        table.use(Index())
        filling = _Scan(table)
        await filling.scan(backend)
        tail = await backend.tail(table.state.oldest - 1)
        newest = State.open(table.keyring, tail.head)
        if newest.number < table.state.number:
            raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
        if newest.oldest > table.state.number + 1:  # the ring turned while we scanned
            table.state, table.head = newest, tail.head
            continue
        entries = await check_log(table, newest, tail)
        check_anchor(anchor, newest, entries)
        is_spread = backend.spread is not None
        for entry in entries:
            if is_spread or entry.number > table.state.number:
                await filling.overlay(entry)
        if not await is_whole(backend, filling, newest, entries):
            if is_first:  # somebody may have settled meanwhile what was in doubt
                is_first = False
                continue
            filling.check(newest)
        table.state, table.head = newest, tail.head
        for _ in table.index.merge():
            await turn()
        return
    raise Unavailable("other servers write faster than this one can read the store")


class _Scan(Filling):
    """A table that is filled from the records themselves.

    A back end may give a record twice while others write, and Redis even where nobody does. So a
    serial counts once; if what was given first is not the record's last version, the log says so.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._seen: dict[int, BitMap] = {}

    async def scan(self, backend: Backend) -> None:
        """Enter everything that the back end has."""
        rows: list[Row] = []
        turns = Turns()
        epochs = self.table.keyring.epochs
        cursor: bytes | None = b""
        while cursor is not None:
            page, cursor = await backend.scan(cursor)
            for handle, blob in page:
                if backend.spread is not None and blob[1:2] and blob[1] not in epochs:
                    continue  # left from before a rotation; the digest tells if it was not that
                row = await self._open(backend, handle, blob)
                if self._is_new(row):
                    self.digest += self.table.keyring.epochs[row.epoch].leaf(handle, row.tag)
                    rows.append(row)
                await turns.count()
            if len(rows) >= self.table.index.sizes.most:
                await self._fill(rows)
        await self._fill(rows)

    async def _open(self, backend: Backend, handle: bytes, blob: bytes) -> Row:
        plaintext = self.table.keyring.open(Sealed.META, handle, blob)
        if plaintext is None:
            raise Tampered(Part.RECORD, await _misplaced(backend, self.table, blob))
        return self.table.row(Content.decode(plaintext), blob)

    def _is_new(self, row: Row) -> bool:
        base, number = self.table.index.place(row.serial)
        seen = self._seen.setdefault(base, BitMap())
        is_new = number not in seen
        seen.add(number)
        return is_new

    async def _fill(self, rows: list[Row]) -> None:
        for _ in self.table.index.fill(rows):
            await turn()
        rows.clear()


async def _misplaced(backend: Backend, table: Table, blob: bytes) -> Reason:
    """Why a record does not open: it belongs to another handle, or it was changed."""
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        if any(table.keyring.open(Sealed.META, handle, blob) is not None for handle, _ in page):
            return Reason.SWAPPED
    return Reason.EDITED
