"""Attempts at commits that are older than the log, while a table is filled from the records.

Theory of operation: the head's set digest is over all records that count. An attempt that was left
unsettled in a back end that is spread was the commit, or was not: then its blobs, and those that it
would have superseded, are in the digest accordingly, all of them. So with few such attempts each
combination is tried. The marks need not be proved for that: a set of records with the digest of the
head is the right one, whatever made somebody try it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from storage.backend import Attempt, Backend, Kind
from storage.errors import Tampered
from storage.filling import Filling
from storage.index import Row
from storage.keyring import LEAF_MODULUS, Keyring, Sealed
from storage.ledger import Entry, State
from storage.record import Content
from storage.turns import turn

MOST: Final = 10  # attempts, so a thousand combinations; each is what a server left that ended

_Changes = dict[bytes, Row | None]


@dataclass(slots=True)
class _Old:
    """One attempt, in all buckets.

    Attributes:
        puts: the rows that it would have made.
        superseded: tags of the metas that it would have superseded.
    """

    puts: list[Row] = field(default_factory=list)
    superseded: set[bytes] = field(default_factory=set)


async def is_whole(
    backend: Backend, filling: Filling, newest: State, entries: Sequence[Entry]
) -> bool:
    """Whether a table is what the head says, or was made so by what old attempts have left.

    Args:
        backend: whose marks are looked at if it is not.
        filling: the table, with all of the log laid over it.
        newest: what the head says.
        entries: the log.
    """
    try:
        filling.check(newest)
    except Tampered:
        if backend.spread is None:
            return False
    else:
        return True
    first = entries[0].number if entries else newest.number + 1
    marks = [one for one in await backend.spread.unsettled() if 0 < one.number < first]
    numbers = {mark.name: mark.number for mark in marks}
    if not 0 < len(numbers) <= MOST:
        return False
    olds = await _olds(backend, filling, marks)
    in_order = [olds[name] for name in sorted(numbers, key=lambda name: (numbers[name], name))]
    rows = _rows_before(filling, in_order)
    for happened in product((False, True), repeat=len(in_order)):
        chosen = [old for old, is_one in zip(in_order, happened, strict=True) if is_one]
        changes = _changes(rows, chosen)
        if _leads_to(filling, rows, changes, newest):
            _take(filling, rows, changes)
            return True
        await turn()
    return False


async def _olds(
    backend: Backend, filling: Filling, marks: Sequence[Attempt]
) -> Mapping[bytes, _Old]:
    """The attempts by name, with the rows of what they have put and what opens."""
    keyring, table = filling.table.keyring, filling.table
    olds: dict[bytes, _Old] = {}
    for mark in marks:
        old = olds.setdefault(mark.name, _Old())
        old.superseded.update(name.tag for kind, name in mark.superseded if kind is Kind.META)
        names = [name for kind, name in mark.puts if kind is Kind.META]
        for name, blob in zip(names, await backend.get(Kind.META, names), strict=True):
            plaintext = None if blob is None else keyring.open(Sealed.META, name.handle, blob)
            if blob is not None and plaintext is not None:
                old.puts.append(table.row(Content.decode(plaintext), blob))
    return olds


def _rows_before(filling: Filling, olds: Sequence[_Old]) -> Mapping[bytes, Row | None]:
    """The rows in the table that attempts may have changed, by name."""
    superseded = set[bytes]().union(*(old.superseded for old in olds))
    index = filling.table.index
    rows: dict[bytes, Row | None] = {row.name: row for row in index.rows() if row.tag in superseded}
    for old in olds:
        for put in old.puts:
            rows.setdefault(put.name, index.find(put.name))
    return rows


def _changes(rows: Mapping[bytes, Row | None], chosen: Sequence[_Old]) -> _Changes:
    """The rows after some attempts, one after the other, where they are others than before."""
    after: _Changes = dict(rows)
    for old in chosen:
        for put in old.puts:
            after[put.name] = put
        for name, row in after.items():
            if row is not None and row.tag in old.superseded:
                after[name] = None
    return {name: row for name, row in after.items() if row != rows[name]}


def _leads_to(
    filling: Filling, rows: Mapping[bytes, Row | None], changes: _Changes, newest: State
) -> bool:
    keyring = filling.table.keyring
    digest, count = filling.digest, len(filling.table.index)
    for name, row in changes.items():
        digest += _leaf(keyring, row) - _leaf(keyring, rows[name])
        count += (row is not None) - (rows[name] is not None)
    return (digest % LEAF_MODULUS, count) == (newest.digest, newest.count)


def _leaf(keyring: Keyring, row: Row | None) -> int:
    return 0 if row is None else keyring.leaf(row.epoch, row.name, row.tag)


def _take(filling: Filling, rows: Mapping[bytes, Row | None], changes: _Changes) -> None:
    index = filling.table.index
    for name, row in changes.items():
        before = rows[name]
        filling.digest += _leaf(filling.table.keyring, row)
        filling.digest -= _leaf(filling.table.keyring, before)
        if before is not None:
            index.remove(before)
        if row is not None:
            index.add(row)
