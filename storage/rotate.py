"""New keys for everything: what to do when a secret, or an old copy with it, may have leaked.

Theory of operation: changing a secret rewrites its slot, which is enough as long as nobody holds
an old copy of the header: whoever does, and knows the old secret, has the master key. A rotation
draws a new master key and a new epoch root, leaves one slot, and seals every record again under
the new epoch, by ordinary commits of some records each, while the store goes on serving. Versions
do not change. When no record is left under an older epoch, the header forgets the older roots and
the log entries sealed under them go. A rotation that is interrupted is taken up by `reseal`.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from storage.errors import Conflict
from storage.group_commit import Stage, Work
from storage.header import MAX_EPOCH, Unlocked
from storage.index import Row
from storage.keyring import Keyring
from storage.reader import Reader
from storage.record import Content
from storage.replica import Replica
from storage.secret import Secret
from storage.table import Draft, Table
from storage.turns import PIECE, pieces, work_of

_CHUNK: Final = 64  # records sealed again in one commit; others wait that long, milliseconds

Resealed = tuple[Content, bytes | None, bytes]


def begin(base: Unlocked, secret: Secret) -> Unlocked:
    """A header with a new master key behind one slot, and one more epoch. Stretches."""
    taken = base.header.roots
    numbers = (*range(base.header.current + 1, MAX_EPOCH + 1), *range(1, base.header.current))
    free = next((number for number in numbers if number not in taken), None)
    if free is None:
        raise ValueError("255 rotations are unfinished: reseal first")
    return base.with_master(secret).with_epoch(free)


def is_old(row: Row, keyring: Keyring) -> bool:
    """Whether anything of a record is sealed under an epoch before the current one."""
    return row.epoch != keyring.current or row.body_epoch not in (0, keyring.current)


def old(table: Table) -> Iterable[bytes]:
    """The names of the records still under older epochs."""
    return (name for name, row in table.rows.items() if is_old(row, table.keyring))


async def reseal(
    replica: Replica, reader: Reader, submit: Callable[[Work], Awaitable[int]]
) -> None:
    """Seal everything under the current epoch. Others may read and commit meanwhile."""
    while names := list(islice(old(replica.table), _CHUNK)):
        resealed: list[Resealed] = []
        for name in names:
            content, body = await reader.content(name), await reader.body(name)
            row = replica.table.rows.get(name)
            if content is not None and row is not None:
                resealed.append((content, body, row.tag))
        await submit(Work(_stage(resealed), sum(len(body or b"") for _, body, _ in resealed)))


def _stage(resealed: Sequence[Resealed]) -> Stage:
    def draft_all(draft: Draft) -> Iterator[int]:
        for content, body, tag in resealed:
            row = draft.row(content.name)
            if row is not None and row.tag == tag and row.version == content.version:
                draft.reseal(content, body)  # one that was changed meanwhile comes round again
                yield work_of(len(body or b"") + len(content.meta))

    return draft_all


def finish(base: Unlocked) -> Stage:
    """Drafts the header without the older epochs, once nothing needs them."""

    def draft_header(draft: Draft) -> Iterator[int]:
        for names in pieces(chain(draft.table.rows, draft.rows)):
            rows = (draft.row(name) for name in names)
            if any(row is not None and is_old(row, draft.keyring) for row in rows):
                raise Conflict(b"")
            yield PIECE
        if draft.unlocked.header.digest != base.header.digest:
            raise Conflict(b"")
        draft.use(base.without_old_epochs())

    return draft_header
