"""Saving the index, so that the next opening need not read all records.

Theory of operation: what is saved is the index as of one commit. At a moment at which the table is
at a commit, the rows that were written recently are frozen, and what each part has is noted. The
frozen ones become segments; each segment that is not in the back end yet is sealed there piece by
piece, beside all else that goes on; and the manifest comes last. What the manifest does not name
is then dropped. Most segments are there already: only what was written or merged since is written
again.

Nothing depends on it: what fails, or is interrupted, is tried again later. The log is kept back to
the commit of the manifest, as far as its limits allow (`Replica.kept_from`).

Where a store is shared, one server saves for all: another one begins only when the manifest has
become twice as old as the first would have let it. Should two save at once, the last manifest
counts, and each looks whether what it names is still there.
"""

import secrets
import struct
from contextlib import suppress
from typing import Final

import trio
from pyroaring import BitMap

from storage.backend import Backend, tag
from storage.errors import StorageError
from storage.index import Index
from storage.keyring import Keyring
from storage.manifest import IDENTIFIER_BYTES, MANIFEST_NAME, Manifest, seal_pieces
from storage.replica import NO_HEAD, Replica
from storage.resume import SAVED_FROM
from storage.segments.era import Era
from storage.segments.layout import IS_USABLE, parts
from storage.segments.recent import Recent
from storage.segments.segment import SavedSegment, Segment
from storage.table import Table
from storage.turns import pieces, turn

_ATTEMPTS: Final = 3  # at saving while another server saves
_LOOKS: Final = 200
_LOOK_S: Final = 0.02
_COMMITS: Final = 1 << 10
_CHANGES: Final = 1 << 12
"""After so many commits, or rows that came, changed or went, the index is saved again: it takes a
quarter of a second to replay them at an opening."""


class Saver:
    """Saves the index of one store.

    Args:
        backend: where to.
        replica: has the table.
    """

    def __init__(self, backend: Backend, replica: Replica) -> None:
        self._backend = backend
        self._replica = replica
        self._is_mine = replica.is_exclusive
        self._written: bytes | None = None
        self._look()

    def _look(self) -> None:
        """Begin with a table that was filled just now."""
        self._table = self._replica.table
        saved = self._table.resumed_from
        self._tried = None if saved is None else (saved, 0)
        self._epochs = self._table.keyring.epochs.keys()
        self._replica.kept_from = saved

    @property
    def is_due(self) -> bool:
        """Whether enough has changed since the index was saved, or was to be saved."""
        if self._replica.table is not self._table:
            self._look()
        table = self._table
        if table.state.count < SAVED_FROM or not IS_USABLE:
            return False
        if self._tried is None:
            return True
        patience = 1 if self._is_mine else 2
        commits = table.state.number - self._tried[0]
        changes = table.index.changes - self._tried[1]
        if table.keyring.epochs.keys() != self._epochs:
            return True  # what is saved is under keys that are given up, or has rows that are
        return commits >= _COMMITS * patience or changes >= _CHANGES * patience

    async def save(self) -> None:
        """Save the index; what fails is tried again when enough has changed once more."""
        table = self._replica.table
        if table.state.count < SAVED_FROM or not IS_USABLE:
            return
        self._tried = (table.state.number, table.index.changes)
        self._epochs = table.keyring.epochs.keys()
        with suppress(StorageError):
            if not await self._is_saved_by_another(table):
                await self._save(table)

    async def _is_saved_by_another(self, table: Table) -> bool:
        if self._replica.is_exclusive:
            return False
        (blob,) = await self._backend.read_index([MANIFEST_NAME])
        with suppress(ValueError, struct.error):
            manifest = Manifest.open(table.keyring, blob or b"")
            if table.state.number - manifest.number < _COMMITS and blob != self._written:
                self._is_mine = False
                return True
        return False

    async def _save(self, table: Table) -> None:
        self._replica.check_writable()
        if not await self._is_at_a_commit(table):
            return
        state, keyring, index = table.state, table.keyring, table.index
        noted = _freeze(index)  # all of it at this commit: nothing is awaited up to here
        self._tried = (state.number, index.changes)
        if self._replica.kept_from is None:
            self._replica.kept_from = state.number
        segments = [(await _segment(era, part), live) for era, part, live in noted]
        for _ in range(_ATTEMPTS):
            saved = [
                (await self._saved(keyring, segment), _serialized(segment, live))
                for segment, live in segments
            ]
            manifest = Manifest.of(state, index.key, saved)
            self._written = manifest.seal(keyring)
            await self._backend.write_index({MANIFEST_NAME: self._written})
            self._is_mine, self._replica.kept_from = True, state.number
            dropped = await self._sweep(manifest)
            if not dropped:
                return
            for segment, _ in segments:
                if segment.saved is not None and not dropped.isdisjoint(segment.saved.tags):
                    segment.saved = None

    async def _is_at_a_commit(self, table: Table) -> bool:
        """Wait some seconds until the table is at a commit, which it may never be."""
        for _ in range(_LOOKS):
            if self._replica.table is not table:
                return False
            if not table.is_applying and table.head != NO_HEAD:
                return True
            await trio.sleep(_LOOK_S)
        return False

    async def _saved(self, keyring: Keyring, segment: Segment) -> SavedSegment:
        """Where a segment is; it is written if it is not there, or under another epoch."""
        if segment.saved is None or segment.saved.epoch != keyring.current:
            segment.saved = await self._write(keyring, segment)
        return segment.saved

    async def _write(self, keyring: Keyring, segment: Segment) -> SavedSegment:
        identifier = secrets.token_bytes(IDENTIFIER_BYTES)
        length, tags = 0, []
        for part in parts(segment.arrays):
            length += len(part)
        for blob in seal_pieces(keyring, identifier, parts(segment.arrays)):
            await self._backend.write_index({tag(blob): blob})
            tags.append(tag(blob))
            await turn()
        base = segment.arrays.base
        return SavedSegment(identifier, base, length, keyring.current, tuple(tags))

    async def _sweep(self, manifest: Manifest) -> set[bytes]:
        """Drop what the manifest does not name, if it is the one that counts.

        Returns:
            What it names and is not there: another server that saves has swept too.
        """
        (blob,) = await self._backend.read_index([MANIFEST_NAME])
        if blob != self._written:
            self._is_mine = False
            return set()
        there = frozenset(await self._backend.index_names())
        for names in pieces(there - manifest.names - {MANIFEST_NAME}):
            await self._backend.write_index(dict.fromkeys(names))
        return manifest.names - there


def _serialized(segment: Segment, live: BitMap) -> bytes:
    """The rows that a segment has, for the manifest."""
    return b"" if len(live) == len(segment.arrays.numbers) else live.serialize()


def _freeze(index: Index) -> list[tuple[Era, Recent | Segment, BitMap]]:
    """All parts that have rows, none of which will get more; and which rows they have now."""
    noted: list[tuple[Era, Recent | Segment, BitMap]] = []
    for era in index.eras.values():
        era.freeze()
        noted += ((era, part, part.live.copy()) for part in era.parts() if part.live)
    return noted


async def _segment(era: Era, part: Recent | Segment) -> Segment:
    """The segment that a part is, or that is made of it."""
    if isinstance(part, Segment):
        return part
    making = era.build(part)
    while True:
        try:
            next(making)
        except StopIteration as end:
            made: Segment = end.value
            return made
        await turn()
