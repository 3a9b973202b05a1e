"""Mistakes that a store could make, to see that a simulation finds them.

Each is made between a store and its database, or between a client and its store.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import trio

from storage import Conflict, Unavailable
from storage.backend import Attempt, Commit, Tail, Wanted
from tests.simulation.database import SimulatedBackend


@dataclass(frozen=True)
class Mistake:
    """One that servers make.

    Attributes:
        of_connection: puts it between a store and its connection.
        of_store: puts it between clients and a store.
    """

    of_connection: Callable[[SimulatedBackend], Any] = lambda connection: connection
    of_store: Callable[[Any], Any] = lambda store: store


class _Around:
    """Like what it is around, but for what is defined here."""

    exclusive = False
    label = b"simulated"

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class _AcknowledgesFirst(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        self.inner.database.spawn(suppressed, self.inner.commit, commit)
        await trio.lowlevel.checkpoint()
        return None


async def suppressed(job: Callable[..., Any], *args: Any) -> None:
    """Do a job of whose failure nobody hears."""
    with suppress(Unavailable):
        await job(*args)


class _SendsAgain(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        for _ in range(5):
            with suppress(Unavailable):
                tail = await self.inner.commit(commit)
                return tail and replace(tail, entries=[])  # it does not know its own entry
        raise Unavailable("no answer")


class _IgnoresTheHead(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        return await self.inner.commit(replace(commit, expected=self.inner.database.now.head))


class _TakesSilenceForSuccess(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        with suppress(Unavailable):
            return await self.inner.commit(commit)
        return None


class _TakesSilenceForRefusal(_Around):
    async def commit(self, changes: Any) -> int:
        try:
            return await self.inner.commit(changes)
        except Unavailable:
            raise Conflict(changes[0].name) from None


class _DoesNotRefresh(_Around):
    async def refresh(self, reading: Sequence[bytes] = ()) -> None:
        await trio.lowlevel.checkpoint()


class _RemembersTheLog(_Around):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._answers: dict[int, tuple[float, Tail]] = {}

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        since, tail = self._answers.get(after, (-1.0, None))
        if tail is None or trio.current_time() > since + 0.05:
            tail = await self.inner.tail(after, wanted)
            self._answers[after] = trio.current_time(), tail
        return tail


class _DoesNotWaitForTheReplica(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        return await self.inner.commit(commit, waits=False)


class _PutsBodiesLater(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        tail = await self.inner.commit(replace(commit, body={}))
        if tail is None:
            self.inner.database.spawn(self._put, commit)
        return tail

    async def _put(self, commit: Commit) -> None:
        await trio.sleep(0.01)
        self.inner.database.put_bodies(commit)


class _Spread:
    """The means of a spread back end, but for what is defined here."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _TakesAllForPast(_Spread):
    async def unsettled(self) -> Sequence[Attempt]:
        return [replace(one, number=1) for one in await self._inner.unsettled()]


class _SweepsWhatIsUnderWay(_Around):
    @property
    def spread(self) -> Any:
        return self.inner.spread and _TakesAllForPast(self.inner.spread)


class _DropsAllThatWasPut(_Spread):
    async def settle(
        self, number: int, attempts: Collection[Attempt], dead: Collection[Wanted]
    ) -> None:
        await self._inner.settle(number, attempts, [one for each in attempts for one in each.puts])


class _SweepsWhatIsDue(_Around):
    @property
    def spread(self) -> Any:
        return self.inner.spread and _DropsAllThatWasPut(self.inner.spread)


class _KeepsMarksOnly(_Spread):
    async def settle(
        self, number: int, attempts: Collection[Attempt], dead: Collection[Wanted]
    ) -> None:
        await self._inner.settle(number, attempts, [])


class _ForgetsTheMarksAlone(_Around):
    @property
    def spread(self) -> Any:
        return self.inner.spread and _KeepsMarksOnly(self.inner.spread)


class _CommitsBeforeItPuts(_Around):
    async def commit(self, commit: Commit) -> Tail | None:
        if self.inner.spread is None:
            return await self.inner.commit(commit)
        tail = await self.inner.commit_head(replace(commit, meta={}, body={}, superseded={}))
        if tail is None:
            self.inner.database.spawn(suppressed, self._put, commit)
        return tail

    async def _put(self, commit: Commit) -> None:
        await trio.sleep(0.01)
        self.inner.database.put_bodies(commit)


MISTAKES: Mapping[str, Mistake] = MappingProxyType({
    "acknowledges before it commits": Mistake(of_connection=_AcknowledgesFirst),
    "sends again blindly": Mistake(of_connection=_SendsAgain),
    "ignores the head": Mistake(of_connection=_IgnoresTheHead),
    "takes silence for success": Mistake(of_connection=_TakesSilenceForSuccess),
    "takes silence for refusal": Mistake(of_store=_TakesSilenceForRefusal),
    "does not refresh": Mistake(of_store=_DoesNotRefresh),
    "remembers the log": Mistake(of_connection=_RemembersTheLog),
    "does not wait for the replica": Mistake(of_connection=_DoesNotWaitForTheReplica),
    "puts bodies later": Mistake(of_connection=_PutsBodiesLater),
    "commits before it puts": Mistake(of_connection=_CommitsBeforeItPuts),
    "sweeps what is under way": Mistake(of_connection=_SweepsWhatIsUnderWay),
    "sweeps what is due": Mistake(of_connection=_SweepsWhatIsDue),
    "forgets the marks alone": Mistake(of_connection=_ForgetsTheMarksAlone),
})  # fmt: skip
