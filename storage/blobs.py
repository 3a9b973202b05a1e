"""All blobs of a store, as they are sealed, each proved: for whoever reads everything.

Theory of operation: as in `reader`, the table says which tags are due. Records are read many at a
time, two requests for all, and nothing of them is kept in memory. What does not fit is looked at
again after the table has caught up: a record that was changed meanwhile is read again, and only
what is still due, and still not there, is damaged.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.backend import Backend, BlobName, Kind, tag
from storage.errors import Part, Reason, Tampered
from storage.index import Row
from storage.keyring import Keyring, Sealed
from storage.replica import Replica


class Placed(NamedTuple):
    """A sealed blob, and where it is.

    Attributes:
        handle: 16 bytes.
        blob: sealed.
    """

    handle: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as the back end has it; both blobs were found to open.

    Attributes:
        name: of the record.
        meta: its meta blob.
        body: its body's, if it has one.
    """

    name: bytes
    meta: Placed = field(repr=False)
    body: Placed | None = field(repr=False)

    @property
    def tag(self) -> bytes:
        """Of the meta blob, which vouches for the body's."""
        return tag(self.meta.blob)

    @property
    def size(self) -> int:
        """Bytes of both blobs."""
        return len(self.meta.blob) + (0 if self.body is None else len(self.body.blob))


class Blobs:
    """Reads many sealed records at once.

    Args:
        backend: where the blobs are.
        replica: what they must be.
        settle: waits until every commit under way is in the table.
    """

    def __init__(
        self, backend: Backend, replica: Replica, settle: Callable[[], Awaitable[None]]
    ) -> None:
        self.backend = backend
        self.replica = replica
        self.settle = settle

    async def read(
        self, names: Sequence[bytes], damaged: dict[bytes, Tampered]
    ) -> list[SealedRecord]:
        """The records of these names, in no particular order, without those that are gone.

        Args:
            names: some tens; all their blobs are in memory at the same time.
            damaged: gets those that are not what was written, and why.

        Raises:
            Tampered: the back end tells another history.
            Unavailable: it does not answer.
        """
        found: list[SealedRecord] = []
        left: Sequence[bytes] = names
        while left:
            records, doubtful = await self._attempt(left)
            found += records
            if doubtful:
                await self.settle()
            left = []
            for name, (row, error) in doubtful.items():
                now = self.replica.table.rows.get(name)
                if now is None:
                    continue
                if (now.tag, now.body_tag) == (row.tag, row.body_tag):
                    damaged[name] = error
                else:
                    left.append(name)
        return found

    async def _attempt(
        self, names: Sequence[bytes]
    ) -> tuple[list[SealedRecord], Mapping[bytes, tuple[Row, Tampered]]]:
        """The records that are as is due, and the rows of the others with what is wrong."""
        self.replica.check_whole()
        table = self.replica.table
        keyring = table.keyring
        rows = [row for row in map(table.rows.get, names) if row is not None]
        bodies = [row for row in rows if row.body_epoch]
        metas = await self.backend.get(Kind.META, [_meta(keyring, row) for row in rows])
        sealed = await self.backend.get(Kind.BODY, [_body(keyring, row) for row in bodies])
        body_of = dict(zip((row.name for row in bodies), sealed, strict=True))
        records: list[SealedRecord] = []
        doubtful: dict[bytes, tuple[Row, Tampered]] = {}
        for row, blob in zip(rows, metas, strict=True):
            try:
                meta = _proved(keyring, Part.RECORD, _meta(keyring, row), blob)
                body = None
                if row.body_epoch:
                    body = _proved(keyring, Part.BODY, _body(keyring, row), body_of[row.name])
                records.append(SealedRecord(row.name, meta, body))
            except Tampered as error:
                doubtful[row.name] = row, error.with_traceback(None)
        return records, doubtful


def _meta(keyring: Keyring, row: Row) -> BlobName:
    return BlobName(keyring.epochs[row.epoch].handle(row.name), row.tag)


def _body(keyring: Keyring, row: Row) -> BlobName:
    return BlobName(keyring.epochs[row.body_epoch].handle(row.name), row.body_tag)


def _proved(keyring: Keyring, part: Part, name: BlobName, blob: bytes | None) -> Placed:
    """The blob that was given for a name.

    Raises:
        Tampered: it is not the one that is due, or does not open.
    """
    kind = Sealed.META if part is Part.RECORD else Sealed.BODY
    if blob is None:
        raise Tampered(part, Reason.DROPPED)
    opens = keyring.open(kind, name.handle, blob) is not None
    if tag(blob) != name.tag:
        raise Tampered(part, Reason.REPLAYED if opens else Reason.EDITED)
    if not opens:
        raise Tampered(part, Reason.EDITED)
    return Placed(name.handle, blob)
