"""Filling the resident table from the back end, and checking that it is all there.

Theory of operation: every meta blob is read and opened at its own handle; then the log is read,
from its oldest entry on, checked as a chain, and whatever was committed while the scan went on is
laid over the rows. The set digest of the result must be the one in the newest head. So a record
that was changed, moved, dropped, put back or added is noticed before anything is served.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import trio

from storage.backend import Backend, Tail
from storage.errors import Part, Reason, Tampered, Unavailable
from storage.index import Row
from storage.keyring import LEAF_MODULUS, Sealed
from storage.ledger import Anchor, Entry, PutMeta, State, mark, open_entries
from storage.record import Content
from storage.table import Table

_ATTEMPTS = 5  # scans overtaken by a whole turn of the log ring before we give up


async def restore(backend: Backend, table: Table, anchor: Anchor | None) -> None:
    """Fill an empty table, whose state and head are those of `Backend.load`.

    Raises:
        Tampered: anything is not as it was written, or older than `anchor`.
        Unavailable: other servers write so much that no scan keeps up with their log.
    """
    with _no_collection():
        await _restore(backend, table, anchor)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without garbage collection, which would look at all rows again and again: a fifth of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
        entries = _check_log(table, newest, tail)
        _check_anchor(anchor, newest, entries)
        for entry in entries:
            if entry.number > table.state.number:
                _overlay(table, rows, entry)
        _check_digest(table, newest, rows)
        table.state, table.head = newest, tail.head
        table.rows = rows
        table.index.extend(sorted(rows.values(), key=lambda row: row.serial))
        return
    raise Unavailable("other servers write faster than this one can read the store")


async def _scan(backend: Backend, table: Table) -> dict[bytes, Row]:
    rows: dict[bytes, Row] = {}
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        for handle, blob in page:
            plaintext = table.keyring.open(Sealed.META, handle, blob)
            if plaintext is None:
                raise Tampered(Part.RECORD, await _misplaced(backend, table, blob))
            content = Content.decode(plaintext)
            rows[content.name] = table.row(content, blob)
        await trio.lowlevel.checkpoint()
    return rows


async def _misplaced(backend: Backend, table: Table, blob: bytes) -> Reason:
    """Why a record does not open: it belongs to another handle, or it was changed."""
    cursor: bytes | None = b""
    while cursor is not None:
        page, cursor = await backend.scan(cursor)
        if any(table.keyring.open(Sealed.META, handle, blob) is not None for handle, _ in page):
            return Reason.SWAPPED
    return Reason.EDITED


def _check_log(table: Table, newest: State, tail: Tail) -> Sequence[Entry]:
    entries = open_entries(table.keyring, tail.entries)
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


def _overlay(table: Table, rows: dict[bytes, Row], entry: Entry) -> None:
    for change in entry.changes:
        if not isinstance(change, PutMeta):
            rows.pop(change.name, None)
            continue
        plaintext = table.keyring.open(Sealed.META, change.handle, change.blob)
        if plaintext is None:
            raise Tampered(Part.LOG, Reason.EDITED)
        content = Content.decode(plaintext)
        rows[content.name] = table.row(content, change.blob)


def _check_digest(table: Table, newest: State, rows: dict[bytes, Row]) -> None:
    if len(rows) < newest.count:
        raise Tampered(Part.RECORD, Reason.DROPPED)
    leaf = table.keyring.leaf
    digest = sum(leaf(row.epoch, row.name, row.tag) for row in rows.values()) % LEAF_MODULUS
    if len(rows) > newest.count or digest != newest.digest:
        raise Tampered(Part.RECORD, Reason.REPLAYED)
