"""Filling the resident table from the back end, and checking that it is all there.

Theory of operation: every meta blob is read and opened at its own handle; then the log is read,
from its oldest entry on, checked as a chain, and whatever was committed while the scan went on is
laid over the rows. The set digest of the result must be the one in the newest head. So a record
that was changed, moved, dropped, put back or added is noticed before anything is served.

Other servers may replace the key header meanwhile. One under the same master key is taken over at
the end; where a rotation has begun, what it sealed does not open, and all is read again.

A running server that fell behind the log does the same again, with a new table beside the one it
has. So all of it is done in pieces (`turns`), and nothing sees the new table before it is whole.
"""

from collections.abc import Sequence
from hashlib import sha256

from pyroaring import BitMap

from storage.backend import Backend, Tail
from storage.errors import Part, Reason, Tampered, Unavailable
from storage.header import Header, Unlocked
from storage.index import Index, Row
from storage.keyring import LEAF_MODULUS, Sealed
from storage.ledger import Anchor, Entry, State, mark, open_entries
from storage.record import Content
from storage.table import Table
from storage.turns import Turns, no_full_collection, turn, work_of

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
    for _ in range(_ATTEMPTS):
        table.use(Index())
        filling = _Filling(table)
        await filling.scan(backend)
        tail = await backend.tail(table.state.oldest - 1)
        newest = State.open(table.keyring, tail.head)
        if newest.number < table.state.number:
            raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
        if newest.oldest > table.state.number + 1:  # the ring turned while we scanned
            table.state, table.head = newest, tail.head
            continue
        entries = await _check_log(table, newest, tail)
        _check_anchor(anchor, newest, entries)
        for entry in entries:
            if entry.number > table.state.number:
                await filling.overlay(entry)
        filling.check(newest)
        table.state, table.head = newest, tail.head
        for _ in table.index.merge():
            await turn()
        return
    raise Unavailable("other servers write faster than this one can read the store")


class _Filling:
    """A table that is being filled, and the set digest of what is in it.

    A back end may give a record twice while others write, and Redis even where nobody does. So a
    serial counts once; if what was given first is not the record's last version, the log says so.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._digest = 0
        self._seen: dict[int, BitMap] = {}

    async def scan(self, backend: Backend) -> None:
        """Enter everything that the back end has."""
        rows: list[Row] = []
        turns = Turns()
        cursor: bytes | None = b""
        while cursor is not None:
            page, cursor = await backend.scan(cursor)
            for handle, blob in page:
                row = await self._open(backend, handle, blob)
                if self._is_new(row):
                    self._digest += self._table.keyring.epochs[row.epoch].leaf(handle, row.tag)
                    rows.append(row)
                await turns.count()
            if len(rows) >= self._table.index.sizes.most:
                await self._fill(rows)
        await self._fill(rows)

    async def _open(self, backend: Backend, handle: bytes, blob: bytes) -> Row:
        plaintext = self._table.keyring.open(Sealed.META, handle, blob)
        if plaintext is None:
            raise Tampered(Part.RECORD, await _misplaced(backend, self._table, blob))
        return self._table.row(Content.decode(plaintext), blob)

    def _is_new(self, row: Row) -> bool:
        base, number = self._table.index.place(row.serial)
        seen = self._seen.setdefault(base, BitMap())
        is_new = number not in seen
        seen.add(number)
        return is_new

    async def _fill(self, rows: list[Row]) -> None:
        for _ in self._table.index.fill(rows):
            await turn()
        rows.clear()

    async def overlay(self, entry: Entry) -> None:
        """Do what a log entry says was done since the scan began."""
        index, leaf = self._table.index, self._table.keyring.leaf
        turns = Turns()
        for change in entry.changes:
            name, row = self._table.logged(self._table.keyring, change)
            while (old := index.find(name)) is not None:
                index.remove(old)
                self._digest -= leaf(old.epoch, name, old.tag)
            if row is not None:
                index.add(row)
                self._digest += leaf(row.epoch, name, row.tag)
            await turns.count()

    def check(self, newest: State) -> None:
        """Compare with the head what is in the table.

        Raises:
            Tampered: it is not what the head says.
        """
        count = len(self._table.index)
        if count < newest.count:
            raise Tampered(Part.RECORD, Reason.DROPPED)
        if count > newest.count or self._digest % LEAF_MODULUS != newest.digest:
            raise Tampered(Part.RECORD, Reason.REPLAYED)


async def _misplaced(backend: Backend, table: Table, blob: bytes) -> Reason:
    """Why a record does not open: it belongs to another handle, or it was changed."""
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        if any(table.keyring.open(Sealed.META, handle, blob) is not None for handle, _ in page):
            return Reason.SWAPPED
    return Reason.EDITED


async def _check_log(table: Table, newest: State, tail: Tail) -> Sequence[Entry]:
    entries: list[Entry] = []
    turns = Turns()
    opening = open_entries(table.keyring, tail.entries)
    for (_, blob), entry in zip(tail.entries, opening, strict=True):
        entries.append(entry)
        await turns.count(work_of(len(blob)))
    first = entries[0].number if entries else 1
    last = entries[-1].number if entries else 0
    if first > newest.oldest or last < newest.number:
        raise Tampered(Part.LOG, Reason.DROPPED)
    if last > newest.number:
        raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
    if entries and entries[-1].after != newest.chain:
        raise Tampered(Part.LOG, Reason.FORKED)
    for entry in entries:
        if entry.number == table.state.number and entry.after != table.state.chain:
            raise Tampered(Part.LOG, Reason.FORKED)
    return entries


def _check_anchor(anchor: Anchor | None, newest: State, entries: Sequence[Entry]) -> None:
    if anchor is None:
        return
    if anchor.number > newest.number:
        raise Tampered(Part.STORE, Reason.ROLLED_BACK)
    chains = {entry.number - 1: entry.before for entry in entries}
    chains[newest.number] = newest.chain
    chain = chains.get(anchor.number)
    if chain is not None and mark(chain) != anchor.mark:
        raise Tampered(Part.STORE, Reason.FORKED)
