"""New keys for everything: what to do when a secret, or an old copy with it, may have leaked.

Theory of operation: changing a secret rewrites its slot, which is enough as long as nobody holds
an old copy of the header: whoever does, and knows the old secret, has the master key. A rotation
draws a new master key and a new epoch root, and leaves one slot: that is one commit, and the moment
from which on everything new is sealed under new keys. Then every record is sealed again under the
new epoch, by ordinary commits of some records each, while the store goes on serving. Versions do
not change. When no record is left under an older epoch, the header forgets the older roots and the
log entries sealed under them go.

Other servers go on serving: the new master key is sealed for each that is a recipient
(`recipient`). One that is not refuses to go on until it is opened anew.

Nothing but the header and the records says how far a rotation is. So whoever has the store open may
go on with one that was interrupted, and several may at once: each seals what is still old, and a
record that another was quicker with is left as it is. No record goes back to an older epoch, since
every commit after the first is drafted under the new header; so once a server has found none that
is old, there is none.

Two rotations never overlap: one that begins while another is not finished is refused, and so is the
later one of two that begin at once.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from storage.blobs import Blobs, SealedRecord
from storage.errors import Conflict, Part, RotationUnderway, Tampered
from storage.group_commit import Stage, Work
from storage.header import MAX_EPOCH, Unlocked
from storage.keyring import Keyring, Sealed
from storage.progress import Tell
from storage.record import Content, decode_body
from storage.replica import Replica
from storage.secret import Secret
from storage.table import Draft, is_old
from storage.turns import pieces, turn, work_of

_CHUNK: Final = 64  # records sealed again in one commit; others wait that long, milliseconds


@dataclass(frozen=True, slots=True)
class _Opened:
    """A record as it was when it was read: its meta part, body, and the tag of its meta blob."""

    content: Content = field(repr=False)
    body: bytes | None = field(repr=False)
    tag: bytes

    @classmethod
    def of(cls, record: SealedRecord, keyring: Keyring) -> "_Opened | None":
        """The record opened; None where its keys were given up meanwhile, by another server."""
        meta = keyring.open(Sealed.META, *record.meta)
        body = None if record.body is None else keyring.open(Sealed.BODY, *record.body)
        if meta is None or (body is None) != (record.body is None):
            return None
        return cls(Content.decode(meta), None if body is None else decode_body(body), record.tag)

    @property
    def size(self) -> int:
        return len(self.content.meta) + len(self.body or b"")


def begin(base: Unlocked, secret: Secret) -> Unlocked:
    """A header with a new master key behind one slot, and one more epoch. Stretches.

    Raises:
        RotationUnderway: another rotation is not finished.
    """
    if len(base.header.roots) > 1:
        raise RotationUnderway
    return base.with_master(secret).with_epoch(base.header.current % MAX_EPOCH + 1)


async def old(replica: Replica) -> list[bytes]:
    """The names of the records that are under older epochs, all of them at the end of the call.

    Rows move within the index when they are written, and one may move past the look at it. Of those
    that are written, only such as leave a body under an older epoch are still old, and the table
    knows these.
    """
    while True:
        table = replica.table
        keyring = table.keyring
        names: set[bytes] = set()
        for piece in pieces(table.index.rows(besides=keyring.current)):
            names.update(row.name for row in piece if is_old(row, keyring))
            await turn()
        if replica.table is not table or table.keyring.current != keyring.current:
            continue  # the store was read anew, or another rotation has begun
        rows = [table.rows.get(name) for name in sorted(names | table.kept)]
        return [row.name for row in rows if row is not None and is_old(row, table.keyring)]


@dataclass(frozen=True, slots=True)
class Resealing:
    """What it takes to seal records again.

    Attributes:
        blobs: reads the records.
        submit: commits.
    """

    blobs: Blobs
    submit: Callable[[Work], Awaitable[int]]

    @property
    def _replica(self) -> Replica:
        return self.blobs.replica

    async def run(self, tell: Tell) -> None:
        """Seal everything under the current epoch, and give up the older ones.

        Others may read and commit meanwhile, and do the same.

        Args:
            tell: is told how many records are done, of those that were left.

        Raises:
            Tampered: some body does not open, and so cannot be sealed again; all others are, and
                the older epoch stays.
            Unavailable: the back end failed; what is done is done.
        """
        names = await old(self._replica)
        total = len(names)
        damaged: dict[bytes, Tampered] = {}
        while names:
            for start in range(0, len(names), _CHUNK):
                tell(total - len(names) + start, total)
                await self._chunk(names[start : start + _CHUNK], damaged)
            names = [name for name in await old(self._replica) if name not in damaged]
            total = max(total, len(names))
        tell(total, total)
        for error in damaged.values():
            raise error
        if len(self._replica.table.keyring.epochs) > 1:
            await self.submit(Work(_finish(self._replica.table.unlocked), 0))

    async def _chunk(self, names: Sequence[bytes], damaged: dict[bytes, Tampered]) -> None:
        table = self._replica.table
        rows = [row for row in map(table.rows.get, names) if row is not None]
        left = [row.name for row in rows if is_old(row, table.keyring)]
        records = await self.blobs.read(left, damaged)
        for error in damaged.values():
            if error.part is not Part.BODY:  # without a body the store goes on
                self._replica.stop(error)
                raise error
        keyring = self._replica.table.keyring
        opened = [one for each in records if (one := _Opened.of(each, keyring)) is not None]
        if opened:
            stage = partial(_reseal, opened)
            await self.submit(Work(stage, sum(one.size for one in opened)))


def _reseal(opened: Sequence[_Opened], draft: Draft) -> Iterator[int]:
    for one in opened:
        name = one.content.name
        row = draft.row(name)
        if row is None or row.tag != one.tag or row.version != one.content.version:
            continue  # it was changed or sealed again meanwhile; if it is still old it comes round
        if is_old(row, draft.keyring):
            draft.reseal(one.content, one.body)
            yield work_of(one.size)


def _finish(base: Unlocked) -> Stage:
    """Drafts the header without the older epochs, once no record is under one of them.

    Refused where another server has finished, or has begun another rotation since.
    """

    def draft_header(draft: Draft) -> Iterator[int]:
        now, then = draft.unlocked.header, base.header
        if (now.current, now.roots.keys()) != (then.current, then.roots.keys()):
            raise Conflict(b"")
        draft.use(draft.unlocked.without_old_epochs())
        yield 1

    return draft_header
