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
from heapq import merge
from operator import attrgetter

from storage.backend import Backend, Tail
from storage.errors import Part, Reason, Tampered, Unavailable
from storage.header import Header, Unlocked
from storage.index import Row
from storage.keyring import LEAF_MODULUS, Sealed
from storage.ledger import Anchor, Entry, State, mark, open_entries
from storage.record import Content
from storage.table import Table
from storage.turns import Turns, no_full_collection, pieces, turn, work_of

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
        rows = await _scan(backend, table)
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
                await _overlay(table, rows, entry)
        await _check_digest(table, newest, rows)
        table.state, table.head = newest, tail.head
        table.rows = rows
        await _fill_index(table)
        return
    raise Unavailable("other servers write faster than this one can read the store")


async def _scan(backend: Backend, table: Table) -> dict[bytes, Row]:
    rows: dict[bytes, Row] = {}
    turns = Turns()
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        for handle, blob in page:
            plaintext = table.keyring.open(Sealed.META, handle, blob)
            if plaintext is None:
                raise Tampered(Part.RECORD, await _misplaced(backend, table, blob))
            content = Content.decode(plaintext)
            rows[content.name] = table.row(content, blob)
            await turns.count()
    return rows


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


async def _overlay(table: Table, rows: dict[bytes, Row], entry: Entry) -> None:
    turns = Turns()
    for change in entry.changes:
        name, row = table.logged(table.keyring, change)
        if row is None:
            rows.pop(name, None)
        else:
            rows[name] = row
        await turns.count()


async def _check_digest(table: Table, newest: State, rows: dict[bytes, Row]) -> None:
    if len(rows) < newest.count:
        raise Tampered(Part.RECORD, Reason.DROPPED)
    leaf = table.keyring.leaf
    digest = 0
    for piece in pieces(rows.values()):
        digest += sum(leaf(row.epoch, row.name, row.tag) for row in piece)
        await turn()
    digest %= LEAF_MODULUS
    if len(rows) > newest.count or digest != newest.digest:
        raise Tampered(Part.RECORD, Reason.REPLAYED)


async def _fill_index(table: Table) -> None:
    """Enter all rows, the oldest first."""
    by_age = attrgetter("serial")
    runs: list[list[Row]] = []
    for piece in pieces(table.rows.values()):
        runs.append(sorted(piece, key=by_age))
        await turn()
    for piece in pieces(merge(*runs, key=by_age)):
        table.index.extend(piece)
        await turn()
