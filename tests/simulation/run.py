"""One run of a scenario, and what came of it."""

import random
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import trio

from storage import KeyFile
from tests.simulation import loop
from tests.simulation.database import Database
from tests.simulation.history import History
from tests.simulation.lies import Liar
from tests.simulation.mistakes import Mistake
from tests.simulation.scenario import Scenario
from tests.simulation.servers import Client, Server

_LONGEST_S = 3600.0  # of virtual time: some hundred times what the longest run takes
_ATTEMPTS = 50  # of each server's last request, once nothing goes wrong any more


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        violations: what must not be, in words; empty: all was right.
        trace: what happened, line by line.
        alarms: what servers found to be wrong with the database.
        lies: how often the database lied, by kind.
        acknowledged: commits that clients were told of.
    """

    violations: list[str]
    trace: list[str] = field(repr=False)
    alarms: list[str]
    lies: dict[str, int]
    acknowledged: int


def simulate(scenario: Scenario, mistake: Mistake | None = None) -> Outcome:
    """Run a scenario.

    Args:
        scenario: all that happens follows from it.
        mistake: is made by each server; None: none.
    """
    run = _Run(scenario, mistake)
    try:
        loop.run(run.main, scenario)
    except loop.Endless as error:
        run.history.violate(f"no end: {error}")
    return run.outcome()


class _Run:
    def __init__(self, scenario: Scenario, mistake: Mistake | None) -> None:
        self._scenario = scenario
        self._mistake = mistake or Mistake()
        self.history = History()
        self._database: Database | None = None
        self._servers: list[Server] = []
        self._liar: Liar | None = None
        self._failovers: list[int] = []
        self._final: Server | None = None

    async def main(self) -> None:
        with trio.move_on_after(_LONGEST_S) as scope:
            async with trio.open_nursery() as nursery:
                await self._main(nursery)
                nursery.cancel_scope.cancel()
        if scope.cancelled_caught:
            raise loop.Endless(f"{_LONGEST_S} s")

    async def _main(self, nursery: trio.Nursery) -> None:
        scenario = self._scenario
        self._database = database = Database(scenario, nursery)
        self._liar = Liar(database) if scenario.lies else None
        lie = None if self._liar is None else self._liar.answer
        make = partial(
            Server, database=database, history=self.history, lie=lie, mistake=self._mistake,
            secrets=[KeyFile(bytes(32))],
        )  # fmt: skip
        self._servers = [make(f"server {n}") for n in range(scenario.servers)]
        clients = [
            Client(f"client {n}", self._servers, database, self.history)
            for n in range(scenario.clients)
        ]
        for server in self._servers:
            nursery.start_soon(server.run)
        async with trio.open_nursery() as faults, trio.open_nursery() as busy:
            faults.start_soon(self._faults)
            for client in clients:
                busy.start_soon(client.run)
        database.is_faulty = False
        database.note("nothing goes wrong any more")
        anchors = [anchor for server in self._servers for anchor in server.anchors]
        for server in self._servers:
            server.anchors = anchors
        self._final = make("the last server")
        self._final.anchors = anchors
        nursery.start_soon(self._final.run)
        for server in (*self._servers, self._final):
            await self._conclude(server, clients[0])

    async def _conclude(self, server: Server, client: Client) -> None:
        """Whatever went wrong, a server must answer again; unless it was lied to for good."""
        for _ in range(_ATTEMPTS):
            if await client.do(server, client.final) == "done":
                return
            await trio.sleep(0.1)
            if self._scenario.mode == "lossy" and self._database is not None:
                self._database.drop_index()  # it may tell of commits that a failover has lost
        if "commit that was not" not in self._scenario.lies:
            self.history.violate(f"{server.name} does not answer any more")

    async def _faults(self) -> None:
        """What befalls servers and database as wholes, at any time."""
        assert self._database is not None
        scenario, chance = self._scenario, random.Random(f"faults {self._scenario.seed}")
        kinds = (
            ["restart"] * scenario.restarts
            + ["crash"] * scenario.crashes
            + ["failover"] * scenario.failovers
            + ["slots"] * scenario.slots
            + ["rotate"] * scenario.rotations
        )
        chance.shuffle(kinds)
        client = Client("the operator", self._servers, self._database, self.history)
        for kind in kinds:
            await trio.sleep(chance.uniform(0, 0.3))
            server = chance.choice(self._servers)
            if kind == "restart":
                await self._database.restart(chance.uniform(0, 0.5))
            elif kind == "crash":
                server.crash()
            elif kind == "slots":
                await client.do(server, client.slots)
            elif kind == "rotate":
                await client.do(server, client.rotate)
            elif self._database.now.head is not None:
                self._failovers.append(self.history.tick())
                self._database.fail_over()

    def outcome(self) -> Outcome:
        """Check the history."""
        history, database = self.history, self._database
        assert database is not None
        self._check()
        alarms = [alarm for server in self._servers for alarm in server.alarms]
        acknowledged = sum(one.writes and one.ended is not None for one in history.operations)
        lies = self._liar.counts if self._liar else {}
        return Outcome(history.violations, database.trace, alarms, lies, acknowledged)

    def _check(self) -> None:
        """Where a failover may undo what was seen, each time between two is looked at by itself.

        With a replica that confirms, what was acknowledged must be there in the end all the same.
        """
        if self._scenario.lies:
            self.history.check_each_view()
            return
        for since, until in pairwise((0, *self._failovers, None)):
            self.history.check(since or 0, until)
        if self._failovers and self._scenario.mode == "replicas":
            self.history.check_acknowledged(self._failovers[-1])
