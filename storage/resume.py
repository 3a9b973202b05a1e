"""Filling the resident table from a saved index, and the log's tail.

Theory of operation: the manifest says of which commit the index is the state, and that commit's
chain value and set digest (`manifest`). From there on the log is replayed, and chain and digest
must come out as the newest head has them. So a saved index that is old is caught up with, and one
of another history, or with other rows than there are, is found out.

A saved index that cannot be used, for whatever reason, costs time only: all records are read, as
if there were none, and whoever opened the store is told (`Table.index_fault`). One that is *newer*
than the head is another matter: it proves that the head was put back. Whoever knows why, as after a
failover that lost commits, drops the index (`drop_index`), and goes on with what is left.

Records are not read here, so one that was changed or hidden is noticed when it is fetched.
"""

import struct
from collections.abc import Sequence
from typing import Final

from pyroaring import BitMap

from storage.backend import Backend, Tail
from storage.errors import OlderThanIndex, Part, Reason, Tampered
from storage.filling import Filling, check_anchor, check_log
from storage.index import Index
from storage.ledger import Anchor, Entry, State
from storage.manifest import MANIFEST_NAME, Manifest, open_piece
from storage.record import size_class
from storage.segments.layout import IS_USABLE, arrays_of
from storage.segments.segment import SavedSegment, Segment
from storage.table import Table
from storage.turns import pieces, turn

SAVED_FROM: Final = 1 << 13
"""Records from which on an index is saved: fewer are read and opened in less than half a second,
which also proves each of them."""
_AT_ONCE: Final = 8  # pieces read together


async def resume(backend: Backend, table: Table, anchor: Anchor | None) -> bool:
    """Fill an empty table, whose state and head are those of `Backend.load`, if that can be done.

    Returns:
        Whether it was; if not, `Table.index_fault` says why, where there is a saved index.

    Raises:
        Tampered: the log or the head is not as it was written, or is older than `anchor` or than
            the saved index.
        Unavailable: the back end does not answer.
    """
    table.resumed_from, table.index_fault = None, ""
    if table.state.count < SAVED_FROM or not IS_USABLE:
        return False
    (blob,) = await backend.read_index([MANIFEST_NAME])
    if blob is None:
        return False
    try:
        manifest = Manifest.open(table.keyring, blob)
        await _take_segments(backend, table, manifest)
        tail = await backend.tail(table.state.oldest - 1)
        await _catch_up(table, manifest, tail, anchor)
    except (ValueError, struct.error) as error:
        table.index_fault = str(error)
        return False
    table.resumed_from = manifest.number
    return True


async def drop_index(backend: Backend) -> None:
    """Drop the saved index: the next opening reads all records, and proves them by the head alone.

    Args:
        backend: open.

    Raises:
        Unavailable: the back end does not answer; some of the index may be left, which is of no
            use, and dropped when an index is saved again.
    """
    await backend.write_index({MANIFEST_NAME: None})
    for names in pieces(await backend.index_names()):
        await backend.write_index(dict.fromkeys(names))


async def _take_segments(backend: Backend, table: Table, manifest: Manifest) -> None:
    index = Index(manifest.key)
    for saved, live in manifest.segments:
        arrays = arrays_of(await _read(backend, table, saved))
        if arrays.base != saved.base:
            raise ValueError("a segment is not where the manifest says")
        segment = Segment(arrays, BitMap.deserialize(live) if live else None)
        segment.saved = saved
        index.take(segment)
        await turn()
    if len(index) != manifest.count:
        raise ValueError("the segments do not have as many rows as the manifest says")
    table.use(index)


async def _read(backend: Backend, table: Table, saved: SavedSegment) -> bytearray:
    """The bytes of a segment, without padding."""
    data = bytearray(size_class(saved.length))
    at = 0
    for start in range(0, len(saved.tags), _AT_ONCE):
        names = saved.tags[start : start + _AT_ONCE]
        for number, blob in enumerate(await backend.read_index(names), start):
            piece = open_piece(table.keyring, saved, number, blob)
            data[at : at + len(piece)] = piece
            at += len(piece)
            await turn()
    if at != size_class(saved.length):
        raise ValueError("a segment is not as long as the manifest says")
    del data[saved.length :]
    return data


async def _catch_up(table: Table, manifest: Manifest, tail: Tail, anchor: Anchor | None) -> None:
    """Replay the log from the manifest's commit on, and compare with the head."""
    newest = State.open(table.keyring, tail.head)
    if newest.number < table.state.number:
        raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
    if newest.number < manifest.number:
        raise OlderThanIndex
    if newest.oldest > manifest.number + 1:
        raise ValueError("the log does not reach back to the saved index")
    entries = await check_log(table, newest, tail)
    check_anchor(anchor, newest, entries)
    if _chain_at(manifest.number, newest, entries) != manifest.chain:
        raise ValueError("the saved index is of another history")
    filling = Filling(table, manifest.digest)
    for entry in entries:
        if entry.number > manifest.number:
            await filling.overlay(entry)
    try:
        filling.check(newest)
    except Tampered:
        raise ValueError("the saved index does not have the rows that it should") from None
    table.state, table.head = newest, tail.head


def _chain_at(number: int, newest: State, entries: Sequence[Entry]) -> bytes:
    """The chain value after a commit that is in the log, or is the one before it."""
    if number == newest.number:
        return newest.chain
    return next(entry.before for entry in entries if entry.number == number + 1)
