"""The blobs of a store that are spread over the nodes of a Cluster.

What is stored where, and why, is in `buckets`; how the nodes are asked, in `nodes`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import trio

from storage.backend import Attempt, Wanted, blob_or_none
from storage.errors import Unavailable, Unsuitable
from storage.redis.buckets import Attempted, Buckets, marks, page
from storage.redis.condition import Condition, check_rights
from storage.redis.link import Link, Reply
from storage.redis.nodes import Nodes, Request
from storage.redis.route import Node, Route
from storage.redis.scripts import BUCKETS, Call

_AT_ONCE: Final = 16  # buckets scanned in one round trip
_COUNT: Final = 100  # blobs of each, about
_CURSOR: Final = 1 + 8  # bytes: a bucket, and Redis's cursor within it
_WITH_NEWS_S: Final = 1.0  # news do not wait longer for what comes with them


class SpreadBlobs:
    """Puts, reads and drops blobs in their buckets.

    Args:
        label: of the store.
        route: to any node.
        condition: what is asked of each.
        patience_s: how long a call waits for nodes to be there.
    """

    def __init__(self, label: str, route: Route, condition: Condition, patience_s: float) -> None:
        self._buckets = Buckets(label)
        self._condition = condition
        reads = partial(condition.check_node, writes=False)
        writes = partial(condition.check_node, writes=True)
        self._nodes = Nodes(route, reads, writes, patience_s)

    async def open(self) -> None:
        """Find the nodes, and see that everything may be done at each.

        Raises:
            Unsuitable: it may not.
            Unavailable: some do not answer.
        """
        await self._nodes.find()
        of_node: dict[Node | None, int] = {}
        for bucket, slot in enumerate(self._buckets.slots):
            of_node.setdefault(self._nodes.owner(slot), bucket)
        trials = {bucket: self._buckets.trial(bucket) for bucket in of_node.values()}
        for refused in await self._nodes.call(self._requests(trials), writes=True):
            check_rights(refused)

    def _requests(self, calls: Mapping[int, Call]) -> list[Request]:
        return [(self._buckets.slots[bucket], call) for bucket, call in calls.items()]

    async def put(self, attempted: Attempted) -> bool:
        """Put the blobs of an attempt, durably; False: it can not be the commit any more.

        Raises:
            StorageError: they are put in part.
        """
        calls = self._buckets.put(attempted)
        return all(await self._write(calls)) if calls else True

    async def _write(self, calls: Mapping[int, Call]) -> list[Reply]:
        def confirm(link: Link, replies: list[Reply]) -> list[Reply]:
            if not any(isinstance(one, Exception) for one in replies):
                self._condition.confirm(link)
            return replies

        return await self._nodes.call(self._requests(calls), confirm, writes=True)

    def happened(self, attempted: Attempted) -> None:
        """Have dropped what an attempt has superseded that was the commit; nobody waits for it."""
        self._nodes.post(self._requests(self._buckets.happened(attempted)))

    def failed(self, attempted: Attempted) -> None:
        """Have dropped what an attempt has put that was not, and can not be; nobody waits."""
        self._nodes.post(self._requests(self._buckets.failed(attempted)))

    async def get(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """Blobs, in the same order; None for what is not there.

        Raises:
            StorageError: some node does not answer, or not with blobs.
        """
        requests = [
            (self._buckets.slots[name.handle[0]], self._buckets.get(kind, name))
            for kind, name in wanted
        ]
        return [blob_or_none(reply) for reply in await self._nodes.call(requests)]

    async def get_with_news(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """The same, and nothing where the nodes do not answer soon: it is read again if needed."""
        with trio.move_on_after(_WITH_NEWS_S):
            try:
                return await self.get(wanted)
            except Unavailable as error:
                if isinstance(error, Unsuitable):
                    raise
        return [None] * len(wanted)

    async def scan(self, cursor: bytes) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """One page, perhaps an empty one. A cursor is as that of the back end."""
        begun, following = cursors(cursor)
        while len(begun) < _AT_ONCE and following < BUCKETS:
            begun.append((following, 0))
            following += 1
        calls = {bucket: self._buckets.scan(bucket, at, _COUNT) for bucket, at in begun}
        found: list[tuple[bytes, bytes]] = []
        left: list[tuple[int, int]] = []
        replies = await self._nodes.call(self._requests(calls))
        for bucket, reply in zip(calls, replies, strict=True):
            at, blobs = page(bucket, reply)
            found += blobs
            if at:
                left.append((bucket, at))
        return found, cursor_of(left, following)

    async def unsettled(self) -> Sequence[Attempt]:
        """See `storage.backend.Spread`."""
        requests = [
            (slot, self._buckets.attempts(bucket))
            for bucket, slot in enumerate(self._buckets.slots)
        ]
        replies = await self._nodes.call(requests)
        return [one for bucket, reply in enumerate(replies) for one in marks(bucket, reply)]

    async def settle(
        self, number: int, attempts: Collection[Attempt], dead: Collection[Wanted]
    ) -> None:
        """See `storage.backend.Spread`."""
        await self._write(self._buckets.settle(number, attempts, dead))

    async def aclose(self) -> None:
        """End the threads."""
        await self._nodes.aclose()


def cursors(cursor: bytes) -> tuple[list[tuple[int, int]], int]:
    """The buckets begun, each with Redis's cursor in it, and the number of the next bucket."""
    if not cursor:
        return [], 0
    begun = [cursor[at : at + _CURSOR] for at in range(2, len(cursor), _CURSOR)]
    return [(one[0], int.from_bytes(one[1:])) for one in begun], int.from_bytes(cursor[:2])


def cursor_of(begun: Iterable[tuple[int, int]], following: int) -> bytes | None:
    """The cursor that `cursors` reads; None where all buckets are done."""
    left = b"".join(bytes((bucket,)) + at.to_bytes(8) for bucket, at in begun)
    return following.to_bytes(2) + left if left or following < BUCKETS else None
