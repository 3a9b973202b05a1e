"""A simulated back end whose blobs are spread: put before the commit, and dropped after it.

Theory: each bucket is asked by a message of its own, which may be lost, be late or come twice. Its
blobs, marks and numbers are part of the database's state, and have a replica of their own: the
nodes of a Cluster fail over one by one.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import trio

from storage import Unavailable
from storage.backend import Attempt, BlobName, Commit, Kind, Tail, Wanted, tag
from storage.errors import Damaged

if TYPE_CHECKING:
    from tests.simulation.database import SimulatedBackend, State

BUCKETS = 3
SENDS = 2  # of a message to a bucket, before the server gives up


# What the database does, at one instant


def with_put(state: "State", mark: Attempt, blobs: Mapping[Wanted, bytes]) -> "State | None":
    """The state after a put; None where the attempt can not happen any more."""
    if mark.number and mark.number <= state.settled.get(mark.bucket, 0):
        return None
    changed = {kind: dict(state.blobs[kind]) for kind in Kind}
    for (kind, name), blob in blobs.items():
        changed[kind][name] = blob
    marks = {**state.marks, (mark.bucket, mark.name): mark} if mark.number else state.marks
    return replace(state, blobs=changed, marks=marks, version=state.version + 1)


def with_settled(
    state: "State", where: int, number: int, names: Collection[bytes], dead: Collection[Wanted]
) -> "State":
    """The state after marks were dropped in a bucket, together with blobs that are there."""
    blobs = {kind: dict(state.blobs[kind]) for kind in Kind}
    for kind, name in dead:
        blobs[kind].pop(name, None)
    marks = {key: mark for key, mark in state.marks.items()
             if key[0] != where or key[1] not in names}  # fmt: skip
    settled = {**state.settled, where: max(number, state.settled.get(where, 0))}
    return replace(state, blobs=blobs, marks=marks, settled=settled, version=state.version + 1)


def doubtful(state: "State") -> set[BlobName]:
    """The metas that a scan leaves out."""
    return {name for mark in state.marks.values() for kind, name in mark.puts if kind is Kind.META}


def with_buckets_of(state: "State", other: "State") -> "State":
    """A state with the buckets of another one."""
    return replace(
        state, blobs=other.blobs, marks=other.marks, settled=other.settled, version=other.version
    )


# What a server does


class SimulatedSpread:
    """See `storage.backend.Spread`."""

    def __init__(self, backend: "SimulatedBackend") -> None:
        self._backend = backend

    async def _send(self, what: str, *args: Any) -> Any:
        """Ask a bucket, again where there is no answer; all that is asked of one may be."""
        for _ in range(SENDS - 1):
            with suppress(Unavailable):
                return await self._backend.ask(what, *args, waits=True)
        return await self._backend.ask(what, *args, waits=True)

    async def _send_all(self, what: str, requests: Sequence[tuple[Any, ...]]) -> list[Any]:
        replies: dict[int, Any] = {}

        async def send(at: int) -> None:
            try:
                replies[at] = await self._send(what, *requests[at])
            except Unavailable as error:
                replies[at] = error

        async with trio.open_nursery() as nursery:
            for at in range(len(requests)):
                nursery.start_soon(send, at)
        for reply in replies.values():
            if isinstance(reply, Exception):
                raise reply
        return [replies[at] for at in range(len(requests))]

    async def _quietly(self, what: str, *args: Any) -> None:
        with suppress(Unavailable):
            await self._backend.ask(what, *args)

    def _post(self, requests: Sequence[tuple[Any, ...]]) -> None:
        for request in requests:
            self._backend.database.spawn(self._quietly, "settle", *request)

    async def commit(self, commit: Commit) -> Tail | None:
        """Put, compare and set, drop."""
        name = b"%d-%d" % (commit.number, self._backend.database.fresh())
        shares = _shares(commit, name, self._backend.database.bucket)
        marks = [mark for mark, _ in shares]
        failed = [(mark.bucket, 0, [name], mark.puts) for mark in marks if mark.number]
        try:
            is_put = all(await self._send_all("put", shares))
        except BaseException:
            self._post(failed)
            raise
        if not is_put:
            self._post(failed)
            tail = await self._backend.tail(commit.number - 1)
            if tail.head == commit.expected:
                raise Damaged
            return tail
        bare = replace(commit, meta={}, body={}, superseded={})
        missed = await self._backend.commit_head(bare)
        if missed is None:
            self._post([(one.bucket, one.number, [name], one.superseded) for one in marks])
        elif (commit.number, commit.entry) not in missed.entries:
            self._post(failed)
        return missed

    async def unsettled(self) -> Sequence[Attempt]:
        """See `Spread`."""
        found = await self._send_all("marks", [(number,) for number in range(BUCKETS)])
        return [mark for marks in found for mark in marks]

    async def settle(
        self, number: int, attempts: Collection[Attempt], dead: Collection[Wanted]
    ) -> None:
        """See `Spread`."""
        names: dict[int, list[bytes]] = {}
        for attempt in attempts:
            names.setdefault(attempt.bucket, []).append(attempt.name)
        bucket = self._backend.database.bucket
        await self._send_all(
            "settle",
            [
                (
                    where,
                    number,
                    names[where],
                    [one for one in dead if bucket(one[1].handle) == where],
                )
                for where in sorted(names)
            ],
        )


def _shares(
    commit: Commit, name: bytes, bucket: Callable[[bytes], int]
) -> list[tuple[Attempt, Mapping[Wanted, bytes]]]:
    """The mark and the blobs of each bucket."""
    puts: dict[int, dict[Wanted, bytes]] = {number: {} for number in range(BUCKETS)}
    superseded: dict[int, list[Wanted]] = {number: [] for number in range(BUCKETS)}
    for kind in Kind:
        for handle, blob in commit.blobs(kind).items():
            if blob is not None:
                puts[bucket(handle)][kind, BlobName(handle, tag(blob))] = blob
        for handle, old in commit.superseded.get(kind, {}).items():
            superseded[bucket(handle)].append((kind, BlobName(handle, old)))
    return [
        (Attempt(commit.number, name, where, tuple(puts[where]), tuple(superseded[where])),
         puts[where])
        for where in range(BUCKETS) if puts[where] or superseded[where]
    ]  # fmt: skip
