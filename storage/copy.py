"""Copying a store to another place, sealed as it is: a backup, or a migration.

Theory of operation: the blobs go over unopened under their handles, some records in each commit of
the target. Until the last one there is no header, and a mark in the place of the head, so a copy
that was interrupted is no store (`copy_mark`); who copies again finds out what is there already,
and goes on. The last commit puts header, head and the newest log entry, of one state of the source,
which other servers may write to meanwhile: what they change is copied again before.

The copy has the master key, the data keys and the history of its source. So it opens with the same
secret, and has the same anchor; and where source and copy both go on, each is a fork of the other,
of which only an anchor of a later state tells. The key slots go over where the labels of both
places are equal; else the slots do not open there, and one is made for the secret that is given.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from storage.backend import Backend, Commit, Kind, tag
from storage.blobs import Blobs, SealedRecord
from storage.copy_mark import fresh_mark, is_mark
from storage.errors import Occupied, Tampered, Unavailable
from storage.header import Unlocked
from storage.keyring import Sealed
from storage.progress import Tell
from storage.record import Content
from storage.scheduling import in_thread
from storage.secret import Secret
from storage.slot import Slot
from storage.table import Table
from storage.turns import turn
from storage.verify import CHUNK

_ATTEMPTS: Final = 100  # at a state of the source that holds while its last changes are copied


@dataclass(frozen=True, slots=True)
class _Copied:
    """What the target has of a record: handle and tag of its blobs."""

    meta: tuple[bytes, bytes]
    body: tuple[bytes, bytes] | None

    @classmethod
    def of(cls, record: SealedRecord) -> "_Copied":
        body = record.body
        return cls(
            (record.meta.handle, record.tag),
            None if body is None else (body.handle, tag(body.blob)),
        )

    def blobs(self) -> Iterator[tuple[Kind, bytes, bytes]]:
        yield Kind.META, *self.meta
        if self.body is not None:
            yield Kind.BODY, *self.body


class Copying:
    """One copy in the making.

    Args:
        source: what is copied.
        target: open; empty, or an unfinished copy of the same store.
        secret: opens the source, and the copy.
    """

    def __init__(self, source: Blobs, target: Backend, secret: Secret) -> None:
        self._source = source
        self._target = target
        self._secret = secret
        self._mark = b""
        self._there: dict[bytes, _Copied] = {}
        self._twice: list[_Copied] = []

    @property
    def _table(self) -> Table:
        return self._source.replica.table

    async def run(self, tell: Tell) -> None:
        """Make the copy, or finish it.

        Raises:
            Occupied: there is something else at the target, or another copy is under way there.
            Tampered: a record of the source is not what was written there.
            Unavailable: one of the two does not answer; copy again to go on.
        """
        await self._begin()
        base = self._table.unlocked
        header = await in_thread(self._header, base)
        for _ in range(_ATTEMPTS):
            await self._copy_changed(tell)
            await self._source.settle()
            if self._table.unlocked is not base:  # the header of the copy is made of it
                base = self._table.unlocked
                header = await in_thread(self._header, base)
            is_near = self._table.unlocked is base and len(self._changed()) <= CHUNK
            if is_near and await self._finish(header):
                return
        raise Unavailable("other servers write faster than the store can be copied")

    async def _begin(self) -> None:
        header, head = await self._target.load()
        store = self._table.keyring.store
        if header is not None or (head is not None and not is_mark(head)):
            raise Occupied("there is a store already")
        if head is None:
            if (await self._target.scan(b""))[0]:
                raise Occupied("there is something that is no store")
            self._mark = fresh_mark(store)
            await self._commit(Commit(0, None, self._mark, b"", 1, {}, {}))
            return
        if not is_mark(head, store):
            raise Occupied("there is an unfinished copy of another store")
        self._mark = head
        await self._look_what_is_there()
        for copied in self._twice:
            await self._drop(copied)

    async def _drop(self, copied: _Copied) -> None:
        """Drop a record of which there is another version, as a part that was cut short leaves."""
        old: dict[Kind, dict[bytes, bytes]] = {kind: {} for kind in Kind}
        for kind, handle, due in copied.blobs():
            old[kind][handle] = due
        mark = fresh_mark(self._table.keyring.store)
        await self._commit(Commit(0, self._mark, mark, b"", 1, {}, {}, None, old))

    async def _look_what_is_there(self) -> None:
        """Know what an interrupted copy has left; it is proved at the end, like all else."""
        keyring = self._table.keyring
        cursor: bytes | None = b""
        while cursor is not None:
            page, cursor = await self._target.scan(cursor)
            for handle, blob in page:
                plaintext = keyring.open(Sealed.META, handle, blob)
                if plaintext is None:
                    raise Occupied("there is an unfinished copy that cannot be gone on with")
                content = Content.decode(plaintext)
                body = None
                if content.body_epoch:
                    epoch = keyring.epochs.get(content.body_epoch)
                    if epoch is None:
                        raise Occupied("there is an unfinished copy that cannot be gone on with")
                    body = (epoch.handle(content.name), content.body_tag)
                self._enter(content.name, _Copied((handle, tag(blob)), body))
            await turn()

    def _enter(self, name: bytes, copied: _Copied) -> None:
        """Know that a record is there; of two versions of it the one that is due is kept.

        Only a back end that names its blobs by their tags can have two.
        """
        other = self._there.get(name, copied)
        row = self._table.rows.get(name)
        is_due = row is not None and copied.meta[1] == row.tag
        kept, dropped = (copied, other) if is_due else (other, copied)
        self._there[name] = kept
        if dropped.meta != kept.meta:
            shares_body = dropped.body == kept.body
            self._twice.append(replace(dropped, body=None) if shares_body else dropped)

    def _changed(self) -> list[bytes]:
        """The names of the records that the target has not, or not as they are now."""
        there, live = self._there, set[bytes]()
        changed: list[bytes] = []
        for row in self._table.index.rows():
            live.add(row.name)
            copied = there.get(row.name)
            if copied is None or copied.meta[1] != row.tag:
                changed.append(row.name)
        return changed + [name for name in there if name not in live]

    async def _copy_changed(self, tell: Tell) -> None:
        names = self._changed()
        already = max(0, len(self._table.rows) - len(names))
        total = already + len(names)
        for start in range(0, len(names), CHUNK):
            tell(already + start, total)
            records = await self._read(names[start : start + CHUNK])
            gone = self._gone(names[start : start + CHUNK])
            await self._commit(self._part(records, gone))
        tell(total, total)

    async def _read(self, names: Sequence[bytes]) -> list[SealedRecord]:
        damaged: dict[bytes, Tampered] = {}
        records = await self._source.read(names, damaged)
        for error in damaged.values():
            raise error
        return records

    def _gone(self, names: Iterable[bytes]) -> list[bytes]:
        rows, there = self._table.rows, self._there
        return [name for name in names if name in there and name not in rows]

    def _part(self, records: Sequence[SealedRecord], gone: Sequence[bytes]) -> Commit:
        """A commit of the target that puts these records, and drops those."""
        blobs: dict[Kind, dict[bytes, bytes | None]] = {kind: {} for kind in Kind}
        old: dict[Kind, dict[bytes, bytes]] = {kind: {} for kind in Kind}
        new = {record.name: _Copied.of(record) for record in records}
        for name in (*new, *gone):
            for kind, handle, due in self._there[name].blobs() if name in self._there else ():
                blobs[kind][handle] = None
                old[kind][handle] = due
        for record in records:
            blobs[Kind.META][record.meta.handle] = record.meta.blob
            if record.body is not None:
                blobs[Kind.BODY][record.body.handle] = record.body.blob
            for kind, handle, due in new[record.name].blobs():
                if old[kind].get(handle) == due:
                    del old[kind][handle]  # it is put again, and so not superseded
        for name in gone:
            del self._there[name]
        self._there |= new
        mark = fresh_mark(self._table.keyring.store)
        return Commit(0, self._mark, mark, b"", 1, blobs[Kind.META], blobs[Kind.BODY], None, old)

    async def _finish(self, header: Unlocked) -> bool:
        """Whether the target has become the copy of one state of the source."""
        names, state = self._changed(), self._table.state
        records = await self._read(names)
        last = dict((await self._source.backend.tail(state.number - 1)).entries)
        entry = last.get(state.number, b"")
        if self._table.state is not state or (state.number and not entry):
            return False  # it has gone on meanwhile
        if names:
            # Before the last commit, which has a number: the log tells nothing of these records.
            await self._commit(self._part(records, self._gone(names)))
            await self._source.settle()
            if self._table.state is not state:
                return False
        state = replace(state, oldest=max(1, state.number), header=header.header.digest)
        head = state.seal(header.keyring())
        await self._commit(
            Commit(state.number, self._mark, head, entry, state.oldest, {}, {}, header.build())
        )
        return True

    def _header(self, unlocked: Unlocked) -> Unlocked:
        """The source's key header for the place of the copy. Stretches."""
        header, label = unlocked.header, self._target.label
        slots = header.slots
        if label != unlocked.label:
            slots = (Slot.make(1, header.store, unlocked.master, self._secret, label),)
        moved = replace(unlocked, label=label, slot=slots[0].number)
        return moved.remade(replace(header, slots=slots, recipients=()))

    async def _commit(self, commit: Commit) -> None:
        if await self._target.commit(commit) is not None:
            raise Occupied("another copy is under way, or was first")
        self._mark = commit.head
