"""Callers who use a store without a pause, know what each record may be, and notice what it is not.

Theory: each caller has records of its own, so what they may be is known without a search for an
order: what was acknowledged last, or what was sent after that without an answer. A caller writes
through one store and reads and locates through another, which must not be behind.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import trio

from storage import Conflict, Put, Query, Remove, SealedStore, Tampered, Terms, Unavailable

RECORDS = 4  # of each caller
Value = bytes | None  # of a record; None: it is not there


class Load:
    """What callers do, and what came of it.

    Args:
        stores: open, on one database.
        tag: what the names of its records begin with.
        chance: decides what is done.

    Attributes:
        acknowledged: changes that were.
        errors: how often each kind of error was given.
        wrong: answers that must not be, in words.
        alarms: how often a store said that the database is not what was written.
    """

    def __init__(self, stores: Sequence[SealedStore], tag: bytes, chance: Random) -> None:
        self.acknowledged = 0
        self.errors: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.alarms = 0
        self.possible: dict[bytes, set[Value]] = {}
        self._stores, self._tag, self._chance = list(stores), tag, chance
        self._values = 0
        self._moved = trio.Event()
        self._go, self._idle, self._busy = trio.Event(), trio.Event(), 0
        self._go.set()

    @asynccontextmanager
    async def running(self, callers: int = 6) -> AsyncIterator[None]:
        """So many callers, for the length of a block; what is under way then ends as it may."""
        async with trio.open_nursery() as nursery:
            for number in range(callers):
                nursery.start_soon(self._call, b"%s-%d" % (self._tag, number))
            yield
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Nothing is done, for the length of a block; what is under way ends before it."""
        self._go, self._idle = trio.Event(), trio.Event()
        if self._busy:
            await self._idle.wait()
        try:
            yield
        finally:
            self._go.set()

    async def until(self, count: int) -> None:
        """Wait for so many more acknowledged changes."""
        goal = self.acknowledged + count
        while self.acknowledged < goal:
            await self._moved.wait()

    async def _call(self, caller: bytes) -> None:
        names = [b"%s-%d" % (caller, number) for number in range(RECORDS)]
        for name in names:
            self.possible.setdefault(name, {None})
        while True:
            await trio.lowlevel.checkpoint()
            await self._go.wait()
            self._busy += 1
            writes, reads = self._chance.choice(self._stores), self._chance.choice(self._stores)
            name = self._chance.choice(names)
            try:
                await self._change(writes, name)
                await self._look(reads, name)
            except Conflict:
                self.wrong.append("a conflict with nobody")
            except Unavailable as error:
                self.errors[type(error).__name__] += 1
                await trio.sleep(0.01)
            except Tampered:
                self.alarms += 1
                await trio.sleep(0.05)
            finally:
                self._busy -= 1
                if not self._busy:
                    self._idle.set()

    async def _change(self, store: SealedStore, name: bytes) -> None:
        await store.refresh((name,))
        version = store.version(name)
        if version and self._chance.random() < 0.2:
            value: Value = None
            change: Put | Remove = Remove(name, version)
        else:
            self._values += 1
            value = b"%d" % self._values
            found_by = Terms(frozenset({b"=" + value, b"of " + name}))
            change = Put(name, version, value, b"body " + value, found_by)
        self.possible[name] = self.possible[name] | {value}
        try:
            await store.commit([change])
        except Conflict:
            if len(self.possible[name]) == 2:  # nothing of this caller's was under way
                raise
            return
        self.possible[name] = {value}
        self.acknowledged += 1
        self._moved.set()
        self._moved = trio.Event()

    async def _look(self, store: SealedStore, name: bytes) -> None:
        """See that a record is what it may be; found by what it is, and by nothing else."""
        await store.refresh((name,))
        record = await store.read(name)
        value = None if record is None else record.meta
        self._is_possible(name, value)
        found = await store.search(Query((frozenset({b"of " + name}),)))
        if found.names != ([] if value is None else [name]):
            self.wrong.append(f"a Locate finds {found.names}, where {value!r} was read")
        if record is not None:
            body = await store.read_body(name, record.version)
            if body != b"body " + record.meta:
                self.wrong.append(f"the body of {value!r} is {body!r}")

    def _is_possible(self, name: bytes, value: Value) -> None:
        if value not in self.possible[name]:
            self.wrong.append(f"{name!r} is {value!r}, and not one of {self.possible[name]}")

    async def check(self, store: SealedStore) -> int:
        """How many acknowledged changes are not in a store that was opened anew."""
        await store.refresh()
        lost = 0
        for name, possible in self.possible.items():
            record = await store.read(name)
            value = None if record is None else record.meta
            if value not in possible:
                lost += 1
            elif record is not None:
                body = await store.read_body(name, record.version)
                if body != b"body " + record.meta:
                    self.wrong.append(f"the body of {value!r} is {body!r}")
        return lost
