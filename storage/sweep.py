"""What attempts at commits have left in a back end that is spread, and when it may be dropped.

Theory of operation: a blob that was put counts from the commit on that its attempt was for, and an
attempt was for one number: that after the head it was drafted on. So once the head has passed that
number, the attempt was the commit or can not happen any more; sealed bytes are never used for a
second attempt. Whoever has a table at that number or a later one can then tell what is dead,
whatever became of the attempt: what is due to no row of the table, and will be to none. It takes no
clock, and no knowledge of who is alive. An attempt that is under way is for the number after the
head, and left alone.

Three things are minded. A commit may be undone by a failover before the replicas have confirmed it,
and what it has superseded is due again: so the table's commits are confirmed, and then the head is
looked at again, before anything is dropped that they have made dead. Rows may move while they are
gone through: what is in a row that was written meanwhile is left for the next time. And most marks
that are there at any moment are about to be settled by whoever has just committed: only those are
looked at that are there after a while still.
"""

from collections.abc import Collection, Sequence
from typing import Final

import trio

from storage.backend import Attempt, Backend, Kind, Spread, Wanted
from storage.replica import Replica
from storage.table import Table
from storage.turns import pieces, turn

SWEPT_AFTER: Final = 512  # commits: long before the log is trimmed that tells what has happened
PAUSE_S: Final = 1.0  # for whoever has just committed to settle that


class Sweeper:
    """Drops what attempts have left.

    Args:
        backend: where it is.
        replica: what is due.
    """

    def __init__(self, backend: Backend, replica: Replica) -> None:
        self._backend = backend
        self._replica = replica
        self._swept = -1

    @property
    def is_due(self) -> bool:
        """Whether there may be something, and it was not looked for a short while ago."""
        if self._backend.spread is None:
            return False
        state = self._replica.table.state
        if self._swept < 0:
            return True
        return state.number >= self._swept + SWEPT_AFTER or state.oldest > self._swept + 1

    async def sweep(self) -> int:
        """Drop what is dead; how many attempts were settled.

        Raises:
            Tampered: the back end has gone back, or tells another history.
            Unavailable: it does not answer.
        """
        spread = self._backend.spread
        if spread is None:
            return 0
        self._swept = self._replica.table.state.number
        doubtful = await self._past(spread)
        if not doubtful:
            return 0
        await trio.sleep(PAUSE_S)
        names = {(attempt.name, attempt.bucket) for attempt in doubtful}
        left = [one for one in await self._past(spread) if (one.name, one.bucket) in names]
        return await self._settle(spread, left) if left else 0

    async def _past(self, spread: Spread) -> list[Attempt]:
        """The attempts that have happened, or can not happen any more, and are not settled."""
        attempts = await spread.unsettled()
        if not attempts:
            return []
        await self._replica.refresh()
        number = self._replica.table.state.number
        return [attempt for attempt in attempts if 0 < attempt.number <= number]

    async def _settle(self, spread: Spread, attempts: Sequence[Attempt]) -> int:
        table = self._replica.table
        number = table.state.number
        blobs = {one for attempt in attempts for one in (*attempt.puts, *attempt.superseded)}
        due = await _due(table, blobs)
        if due is None or self._replica.table is not table:
            return 0
        live, moving = due
        settled = [one for one in attempts if moving.isdisjoint((*one.puts, *one.superseded))]
        dead = {
            blob
            for attempt in settled
            for blob in (*attempt.puts, *attempt.superseded)
            if blob not in live
        }
        await self._backend.confirm()
        await self._replica.refresh()  # refuses a head that has gone back
        await spread.settle(number, settled, dead)
        return len(settled)


async def _due(
    table: Table, blobs: Collection[Wanted]
) -> tuple[Collection[Wanted], set[Wanted]] | None:
    """Which of these blobs rows have, and which are in rows that are written meanwhile.

    None where somebody else goes through the table for the same.
    """
    tags = {(kind, name.tag) for kind, name in blobs}
    seen: set[tuple[Kind, bytes]] = set()
    with table.watching() as moved:
        if moved is None:
            return None
        for piece in pieces(table.index.rows()):
            for row in piece:
                seen.update(tags & {(Kind.META, row.tag), (Kind.BODY, row.body_tag)})
            await turn()
        moving = {(kind, name) for kind, name in blobs if (kind, name.tag) in moved}
    return {(kind, name) for kind, name in blobs if (kind, name.tag) in seen}, moving
