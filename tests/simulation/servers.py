"""The servers of a run, and the clients that use them."""

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from storage import (
    Conflict,
    KeyFile,
    Put,
    Query,
    Range,
    Remove,
    RotationUnderway,
    SealedStore,
    Tampered,
    Terms,
    Unavailable,
    WrongSecret,
    open_store,
)
from tests.simulation.database import Database, SimulatedBackend
from tests.simulation.history import Begun, History, Value
from tests.simulation.mistakes import Mistake

_MOST_SECRETS: Final = 60  # tried in a row
PAIR: Final = (b"pair 0", b"pair 1")  # which are written together, or not at all


def terms(value: int) -> Terms:
    """By which a record with this value is found."""
    exact = frozenset({b"all", b"odd" if value % 2 else b"even", b"=%d" % value})
    return Terms(exact, {b"value": value})


class Server:
    """One process: a store that is opened, killed, and opened again.

    Attributes:
        store: while it is open.
        alarms: how often it has found the database to be wrong.
    """

    def __init__(
        self, name: str, database: Database, history: History, lie: Callable[..., Any] | None,
        mistake: Mistake, secrets: list[KeyFile],
    ) -> None:  # fmt: skip
        self.name = name
        self.store: SealedStore | None = None
        self.alarms: list[str] = []
        self._database, self._history, self._lie, self._mistake = database, history, lie, mistake
        self._chance = random.Random(f"{name} {database.scenario.seed}")
        self._life = 0
        self.secrets = secrets  # by the store's rotations; the last one may not have happened
        self._turn = 0
        self._calls: set[trio.CancelScope] = set()
        self._scope = trio.CancelScope()
        self._connection = SimulatedBackend(database, name)
        self.anchors: list[Any] = []

    @property
    def view(self) -> str:
        """Names the store as it was opened last."""
        return f"{self.name}, {self._life}"

    async def run(self) -> None:
        """Be there, until cancelled."""
        while True:
            with trio.CancelScope() as self._scope:
                await self._serve()
            self.store = None
            await trio.sleep(self._chance.uniform(0.01, 0.3))

    async def _serve(self) -> None:
        self._connection = SimulatedBackend(self._database, self.name, self._lie)
        newest = max(self.anchors, key=lambda anchor: anchor.number, default=None)
        anchor = newest if self._database.scenario.mode == "durable" else None
        cache = self._database.scenario.cache
        try:
            async with open_store(
                self._mistake.of_connection(self._connection), self._secret(),
                create=anchor is None, anchor=anchor, cache_bytes=cache, follows=True,
            ) as store:  # fmt: skip
                self._life += 1
                self._turn = 0
                self.store = self._mistake.of_store(store)
                self._database.note(self.name, "is open at", self.store.anchor.number)
                await trio.sleep_forever()
        except Unavailable:
            self._database.note(self.name, "cannot open")
        except WrongSecret:
            self._turn += 1
            self._database.note(self.name, "tries another secret")
            if self._turn > _MOST_SECRETS:
                self._history.violate("no secret opens the store")
        except Tampered as error:
            self.alarm(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            self._history.violate(f"opening fails: {error!r}")

    def _secret(self) -> KeyFile:
        """The newest, and after each that did not open the store the one before."""
        return self.secrets[-1 - self._turn % len(self.secrets)]

    def alarm(self, error: Tampered) -> None:
        """What is found is told, and the server is started anew; it must have been right."""
        self._database.note(self.name, "alarm:", error)
        self.alarms.append(str(error))
        scenario = self._database.scenario
        if not scenario.lies and not self._database.failed_over_to:
            self._history.violate(f"false alarm: {error}")
        self.crash()

    def crash(self) -> None:
        """End as by kill -9: clients lose their connections, and what was sent stays sent."""
        self._database.note(self.name, "dies")
        self._connection.die()
        for scope in self._calls:
            scope.cancel()
        self._scope.cancel()
        self.store = None

    async def call(self, job: Callable[[SealedStore], Any]) -> bool:
        """Have a request answered; whether it was, before the server died.

        Raises:
            Conflict, Unavailable: as the store does.
        """
        store = self.store
        if store is None:
            raise Unavailable("there is no server")
        is_done = False
        with trio.CancelScope() as scope:
            self._calls.add(scope)
            try:
                await job(store)
                is_done = True
            except Tampered as error:
                if self.store is store:
                    self.alarm(error)
            except WrongSecret:  # it is not one of those that followed: it has to be opened anew
                if len(self.secrets) == 1:
                    raise
                if self.store is store:
                    self.crash()
            finally:
                self._calls.discard(scope)
        return is_done


class Client:
    """Does one thing after the other, and notes what came of it."""

    def __init__(self, name: str, servers: list[Server], database: Database, history: History):
        self.name = name
        self._servers, self._database, self._history = servers, database, history
        self._chance = random.Random(f"{name} {database.scenario.seed}")
        self._names = [b"record %d" % number for number in range(database.scenario.names)]

    async def run(self) -> None:
        """Do all that the scenario has for each client."""
        for _ in range(self._database.scenario.steps):
            await trio.sleep(self._chance.choice((0, 0, 0.01, 0.1)))
            server = self._chance.choice(self._servers)
            job = self._chance.choice(
                (self._write, self._write, self._read, self._read, self._locate, self._locate,
                 self._remove, self._write_pair)
            )  # fmt: skip
            await self.do(server, job)

    async def do(self, server: Server, job: Callable[..., Any]) -> str:
        """Do one thing at a server; how it ended."""
        try:
            is_done = await server.call(partial(job, server))
            outcome = "done" if is_done else "no answer"
        except Conflict:
            outcome = "conflict"
        except Unavailable:
            outcome = "unavailable"
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
            outcome = repr(error)
            self._history.violate(f"a request fails: {error!r}")
        self._database.note(self.name, job.__name__, "at", server.name, "->", outcome)
        return outcome

    async def _refresh(self, store: SealedStore, names: tuple[bytes, ...]) -> None:
        """Ask for news, and perhaps for what will be read with them."""
        await store.refresh(names if self._chance.random() < 0.5 else ())

    async def _seen(self, store: SealedStore, name: bytes, begun: Begun) -> tuple[int, Value]:
        """The version and the value of a record."""
        record = await store.read(name)
        value = None if record is None else int(record.meta)
        if record is not None and record.terms != terms(int(record.meta)):
            self._history.violate("a record has the terms of another")
        self._history.read(name, begun, value)
        return (0, None) if record is None else (record.version, value)

    async def _write(self, server: Server, store: SealedStore) -> None:
        await self._change(server, store, (self._chance.choice(self._names),), removes=False)

    async def _write_pair(self, server: Server, store: SealedStore) -> None:
        await self._change(server, store, PAIR, removes=self._chance.random() < 0.2)

    async def _remove(self, server: Server, store: SealedStore) -> None:
        await self._change(server, store, (self._chance.choice(self._names),), removes=True)

    async def _change(
        self, server: Server, store: SealedStore, names: tuple[bytes, ...], *, removes: bool
    ) -> None:
        begun = self._history.begin(server.view)
        await self._refresh(store, names)
        seen = {name: await self._seen(store, name, begun) for name in names}
        if removes and any(version == 0 for version, _ in seen.values()):
            return
        value = None if removes else self._history.new_value()
        changes: list[Put | Remove] = []
        for name, (version, _) in seen.items():
            if value is None:
                changes.append(Remove(name, version))
            else:
                changes.append(Put(name, version, b"%d" % value, b"of %d" % value, terms(value)))
        begun = self._history.begin(server.view)
        try:
            await store.commit(changes)
        except Conflict as error:
            self._history.conflicted(error.name, begun, seen[error.name][1])
            raise
        except BaseException:
            for name, (_, expected) in seen.items():
                self._history.wrote(name, begun, expected, value, is_known=False)
            raise
        for name, (_, expected) in seen.items():
            self._history.wrote(name, begun, expected, value, is_known=True)
        server.anchors.append(store.anchor)

    async def _read(self, server: Server, store: SealedStore) -> None:
        name = self._chance.choice((*self._names, *PAIR))
        begun = self._history.begin(server.view)
        await self._refresh(store, (name,))
        version, value = await self._seen(store, name, begun)
        if value is None:
            return
        body = await store.read_body(name, version)
        if body != b"of %d" % value:
            self._history.violate(f"the body of {value} is {body!r}")

    async def _locate(self, server: Server, store: SealedStore) -> None:
        least = self._chance.randint(1, 20)
        query, meets = self._chance.choice((
            (Query((frozenset({b"all"}),)), lambda value: True),
            (Query((frozenset({b"even"}),)), lambda value: value % 2 == 0),
            (Query((frozenset({b"odd"}),), none_of=frozenset({b"=1"})),
             lambda value: value % 2 == 1 and value != 1),
            (Query(ranges=(Range(b"value", least),)), lambda value: value >= least),
        ))  # fmt: skip
        begun = self._history.begin(server.view)
        await store.refresh()
        found = await store.search(query)
        for name in (*self._names, *PAIR):
            self._history.located(name, begun, meets, name in found.names)
        if found.total != len(found.names) or len(set(found.names)) != found.total:
            self._history.violate("a Locate counts otherwise than it finds")
        if (PAIR[0] in found.names) != (PAIR[1] in found.names):
            self._history.violate("a Locate has found half a commit")

    async def slots(self, server: Server, store: SealedStore) -> None:
        """Add a key slot, or remove one that was added."""
        others = [slot.number for slot in store.slots if slot.number != store.slot]
        with suppress(ValueError, RotationUnderway):  # another server was first
            if others and self._chance.random() < 0.5:
                await store.remove_slot(self._chance.choice(others))
            else:
                await store.add_slot(KeyFile(bytes(31) + b"x"))

    async def rotate(self, server: Server, store: SealedStore) -> None:
        """Seal everything under new keys, behind another secret."""
        number = len(server.secrets)
        server.secrets.append(KeyFile(bytes(30) + number.to_bytes(2)))
        with suppress(RotationUnderway):
            await store.rotate(server.secrets[-1])

    async def final(self, server: Server, store: SealedStore) -> None:
        """Read everything, and write once more."""
        await self._locate(server, store)
        for name in (*self._names, *PAIR):
            begun = self._history.begin(server.view)
            version, value = await self._seen(store, name, begun)
            if value is not None and await store.read_body(name, version) != b"of %d" % value:
                self._history.violate(f"the body of {value} is another")
        await self._change(server, store, (self._names[0],), removes=False)
