"""The faults, each with real processes: what is done, how often, and what must hold after it.

A fault is a function of a `Run`. It makes its database, lets callers use two stores on it, does so
many times what goes wrong, and has what was acknowledged looked for in a store that is opened anew.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import trio
from redis.crc import key_slot

from storage import Anchor, Tampered, open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from tests.faults import writer
from tests.faults.load import Load
from tests.faults.places import Network, movable_clock, pair, small_disk, through
from tests.storage.redis.cluster import SLOTS, Cluster, move
from tests.storage.redis.test_sentinel import Group
from tests.storage.redis_server import RedisServer, Servers, in_thread
from tests.storage.stores import SECRET

LABEL = "x"
_ROOT = Path(__file__).parents[2]
_OF_ONE_STORE = 20  # rounds with one store: what is in it is looked for after each
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.faults.writer"])


@dataclass
class Run:
    """One fault, done several times.

    Attributes:
        servers: starts databases.
        directory: for files.
        rounds: how often.
        chance: when, and with what.
        done: how often so far.
        acknowledged: changes that were.
        lost: acknowledged changes that are not there, in a mode that promises that they are.
        detected: acknowledged changes that are not there, in one that does not, of which each
            store that had seen them, or was given an anchor, has raised an alarm.
        errors: by kind, how often callers were told to try again.
        wrong: what must not be, in words.
    """

    servers: Servers
    directory: Path
    rounds: int
    chance: Random
    done: int = 0
    acknowledged: int = 0
    lost: int = 0
    detected: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def load(self, place: RedisPlace, **options: Any) -> AsyncIterator[Load]:
        """Callers at two stores on a database; all is looked for at the end of the block."""
        backends = [RedisBackend(place, LABEL, **options) for _ in range(2)]
        async with (
            open_store(backends[0], SECRET, create=True) as one,
            open_store(backends[1], SECRET, create=True, cache_bytes=0) as other,
        ):
            load = Load((one, other), b"%d" % self.done, self.chance)
            async with load.running():
                yield load
            self.count(load)

    def count(self, load: Load) -> None:
        """Add what came of a load."""
        self.acknowledged += load.acknowledged
        self.wrong += load.wrong
        if load.alarms:
            self.wrong.append(f"{load.alarms} alarms that are false")
        for name, count in load.errors.items():
            self.errors[name] = self.errors.get(name, 0) + count

    async def check(self, load: Load, place: RedisPlace, **options: Any) -> None:
        """Open a store anew, which checks its digest, and count what is not there."""
        backend = RedisBackend(place, LABEL, patience_s=30, **options)
        async with load.still(), open_store(backend, SECRET) as store:
            self.lost += await load.check(store)
        self.done += 1

    async def soon(self, most_s: float = 0.05) -> None:
        """Any moment."""
        await trio.sleep(self.chance.uniform(0, most_s))


Fault = Callable[[Run], Awaitable[None]]


async def _alone(run: Run, does: Callable[[RedisServer], Awaitable[None]]) -> None:
    """Something that befalls a Redis alone, again and again under one load."""
    server = await in_thread(run.servers.start)
    async with run.load(server.place) as load:
        for _ in range(run.rounds):
            await load.until(5)
            await run.soon()
            await does(server)
            await load.until(5)
            await run.check(load, server.place)


async def _killed(server: RedisServer) -> None:
    await in_thread(server.restart)


async def _stopped(run: Run, server: RedisServer) -> None:
    await in_thread(server.pause)
    await run.soon(1.0)
    await in_thread(server.resume)


async def _clients_killed(server: RedisServer) -> None:
    await in_thread(server.ask, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def _scripts_forgotten(server: RedisServer) -> None:
    await in_thread(server.ask, "SCRIPT", "FLUSH")


async def _memory_full(run: Run, server: RedisServer) -> None:
    await in_thread(server.ask, "CONFIG", "SET", "maxmemory", "1")
    await run.soon(0.2)
    await in_thread(server.ask, "CONFIG", "SET", "maxmemory", "0")


async def redis_killed(run: Run) -> None:
    """SIGKILL to Redis."""
    await _alone(run, _killed)


async def redis_stopped(run: Run) -> None:
    """SIGSTOP to Redis, for up to a second."""
    await _alone(run, partial(_stopped, run))


async def clients_killed(run: Run) -> None:
    """CLIENT KILL of all connections."""
    await _alone(run, _clients_killed)


async def scripts_forgotten(run: Run) -> None:
    """SCRIPT FLUSH."""
    await _alone(run, _scripts_forgotten)


async def memory_full(run: Run) -> None:
    """Not a byte more than maxmemory."""
    await _alone(run, partial(_memory_full, run))


async def disk_full(run: Run) -> None:
    """No room for the AOF, upon which Redis ends itself; then there is room again."""
    directory = run.directory / "disk"
    with small_disk(directory, 64):
        server = RedisServer(directory / "redis")
        run.servers.started.append(server)
        await in_thread(server.start)
        async with run.load(server.place) as load:
            for _ in range(run.rounds):
                await load.until(5)
                filler = directory / "filler"
                with suppress(OSError), filler.open("wb", buffering=0) as file:
                    while file.write(bytes(1 << 16)):
                        pass
                await in_thread(server.process.wait)
                filler.unlink()
                server.process.stdout.close()
                await in_thread(server.start)
                await load.until(5)
                await run.check(load, server.place)
        await in_thread(server.kill)


async def server_killed(run: Run) -> None:
    """SIGKILL to a server that commits, in a process of its own; another follows it."""
    server = await in_thread(run.servers.start)
    await _servers_killed(run, server.url, Durability.FSYNC)


async def _servers_killed(run: Run, url: str, durability: Durability) -> None:
    place = RedisPlace.parse(url)
    for first in range(0, run.rounds, _OF_ONE_STORE):
        label, acknowledged = f"store-{first}", dict[bytes, int]()
        backend = partial(RedisBackend, place, label, durability=durability)
        async with open_store(backend(), SECRET, create=True) as other:
            for number in range(first, min(first + _OF_ONE_STORE, run.rounds)):
                seen = await _killed_writer(run, url, label, number, durability)
                acknowledged.update(seen)
                run.acknowledged += len(seen)
                await other.refresh()
                run.lost += sum(other.version(name) != acknowledged[name] for name in seen)
                async with open_store(backend(), SECRET) as anew:
                    run.lost += sum(
                        anew.version(name) != version for name, version in acknowledged.items()
                    )
                    run.wrong += map(str, (await anew.verify()).damaged.values())
                run.done += 1


async def _killed_writer(
    run: Run, url: str, label: str, number: int, durability: Durability
) -> dict[bytes, int]:
    """What a process had acknowledged when it was killed, with the versions."""
    here, there = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(
        target=writer.main, args=(url, label, number, there, durability.value)
    )
    await in_thread(process.start)
    there.close()
    seen = [await in_thread(here.recv)]
    await run.soon(0.2)
    os.kill(process.pid or 0, signal.SIGKILL)
    with suppress(EOFError, OSError):
        while True:
            seen.append(await in_thread(here.recv))
    here.close()
    await in_thread(process.join)
    process.close()
    return dict(seen)


async def started_at_once(run: Run) -> None:
    """Two servers that start at the same moment on an empty database."""
    server = await in_thread(run.servers.start)
    for number in range(run.rounds):
        label = f"empty-{number}"
        start = _PROCESSES.Barrier(2)
        pipes = [_PROCESSES.Pipe(duplex=False) for _ in range(2)]
        processes = [
            _PROCESSES.Process(
                target=writer.open_once, args=(server.url, label, at, pipe[1], start)
            )
            for at, pipe in enumerate(pipes)
        ]
        for process, (_, there) in zip(processes, pipes, strict=True):
            await in_thread(process.start)
            there.close()
        seen = [await in_thread(here.recv) for here, _ in pipes]
        for process, (here, _) in zip(processes, pipes, strict=True):
            here.close()
            await in_thread(process.join)
            process.close()
        if sum(is_new for is_new, _, _ in seen) != 1:
            run.wrong.append("not exactly one server has made the store")
        async with open_store(RedisBackend(server.place, label), SECRET) as store:
            run.lost += sum(store.version(name) != version for _, name, version in seen)
        run.acknowledged += len(seen)
        run.done += 1


async def _gone(run: Run, place: RedisPlace, anchor: Anchor, load: Load) -> None:
    """Acknowledged changes may be gone: whoever knows better must be told so."""
    backend = RedisBackend(place, LABEL, patience_s=30)
    async with open_store(backend, SECRET) as store:  # which is whole, though older perhaps
        gone = store.anchor.number < anchor.number
        missing = await load.check(store)
    try:
        async with open_store(RedisBackend(place, LABEL), SECRET, anchor=anchor):
            if gone:
                run.wrong.append("an anchor does not tell that the database is older")
            run.lost += missing
    except Tampered:
        run.detected += missing
    run.done += 1


async def file_cut(run: Run) -> None:
    """SIGKILL to Redis, and its AOF cut at any byte: more is gone than a crash may take."""
    for _ in range(run.rounds):
        server = await in_thread(run.servers.start)
        async with run.load(server.place) as load:
            await load.until(run.chance.randint(5, 40))
        async with open_store(RedisBackend(server.place, LABEL), SECRET) as store:
            await in_thread(server.kill)
            (file,) = server.directory.rglob("*.incr.aof")
            os.truncate(file, run.chance.randrange(file.stat().st_size))
            await in_thread(server.start)
            anchor = store.anchor
            try:
                await store.refresh()
            except Tampered:
                pass
            else:
                async with open_store(RedisBackend(server.place, LABEL), SECRET) as anew:
                    if anew.anchor != anchor:
                        run.wrong.append("a running store does not see that the database is older")
        if server.ask("EXISTS", f"strongroom:{{{LABEL}}}:place"):
            await _gone(run, server.place, anchor, load)
        else:
            run.done += 1  # all of it is gone, which the running store has said
        await in_thread(server.kill)


async def primary_lost(run: Run) -> None:
    """SIGKILL to a primary whose replica has confirmed each commit; the replica goes on."""
    for _ in range(run.rounds):
        primary, replica = await in_thread(pair, run.servers)
        async with run.load(primary.place, durability=Durability.REPLICAS, patience_s=0.2) as load:
            await load.until(run.chance.randint(5, 100))
            await run.soon()
            await in_thread(primary.kill)
        await in_thread(replica.ask, "REPLICAOF", "NO", "ONE")
        await run.check(load, replica.place)
        await in_thread(replica.kill)


async def primary_lost_unconfirmed(run: Run) -> None:
    """The same without confirmation, with a replica that is behind: what is gone is detected."""
    for _ in range(run.rounds):
        primary, replica = await in_thread(pair, run.servers)
        async with run.load(primary.place, patience_s=0.2) as load:
            await load.until(run.chance.randint(5, 100))
            await in_thread(replica.pause)
            await in_thread(primary.ask, "CLIENT", "KILL", "TYPE", "replica")
            await load.until(run.chance.randint(0, 20))
            await in_thread(primary.kill)
            anchor = max((store.anchor for store in load._stores), key=lambda anchor: anchor.number)
        await in_thread(replica.resume)
        await in_thread(replica.ask, "REPLICAOF", "NO", "ONE")
        await _gone(run, replica.place, anchor, load)
        await in_thread(replica.kill)


async def sentinel_failover(run: Run) -> None:
    """SIGKILL to the primary under load; the Sentinels promote the replica, and all goes on."""
    for _ in range(run.rounds):
        group = await in_thread(Group, run.servers)
        await in_thread(group.wait_for_view)
        options = {"durability": Durability.REPLICAS, "patience_s": 30}
        async with run.load(group.place, **options) as load:
            await load.until(20)
            await run.soon(0.2)
            await in_thread(group.primary.kill)
            await in_thread(group.replica.until, b"role:master", "INFO", "replication")
        await run.check(load, group.replica.place)
        for server in run.servers.started:
            with suppress(Exception):
                await in_thread(server.kill)
        run.servers.started.clear()


async def cluster_failover(run: Run) -> None:
    """SIGKILL to the primary of the store's head, under load; its replica takes over."""
    cluster = await in_thread(Cluster, run.servers)
    primary, replica, _ = cluster.owner(LABEL)
    await _cluster_failover(run, cluster, primary, replica)


async def buckets_failover(run: Run) -> None:
    """SIGKILL to a primary that has a third of the store's blobs, and not its head."""
    cluster = await in_thread(Cluster, run.servers)
    _, _, primary = cluster.owner(LABEL)
    replica = cluster.nodes[cluster.nodes.index(primary) + 3]
    await _cluster_failover(run, cluster, primary, replica)


async def _cluster_failover(
    run: Run, cluster: Cluster, primary: RedisServer, replica: RedisServer
) -> None:
    async with run.load(cluster.place, durability=Durability.REPLICAS, patience_s=30) as load:
        for _ in range(run.rounds):
            await load.until(20)
            await in_thread(primary.kill)
            await in_thread(replica.until, b"role:master", "INFO", "replication")
            await in_thread(primary.start)  # as a replica of the other
            await in_thread(primary.wait_for_primary)
            await load.until(20)
            await run.check(load, cluster.place, durability=Durability.REPLICAS)
            primary, replica = replica, primary


async def spread_server_killed(run: Run) -> None:
    """SIGKILL to a process that commits to a Cluster: between its puts, its commit and its drops.

    What it has left is told from the rest by a server that reads all of it anew.
    """
    cluster = await in_thread(Cluster, run.servers)
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster.nodes)
    await _servers_killed(run, f"redis+cluster://{hosts}", Durability.REPLICAS)


async def slot_moved(run: Run) -> None:
    """The only slot of a store goes to another node and back, under load."""
    cluster = await in_thread(Cluster, run.servers)
    source, _, target = cluster.owner(LABEL)
    async with run.load(cluster.place, patience_s=30) as load:
        for _ in range(run.rounds):
            await load.until(20)
            await in_thread(move, key_slot(LABEL.encode()), source, target)
            await load.until(20)
            await run.check(load, cluster.place)
            source, target = target, source


async def slots_moved(run: Run) -> None:
    """The slot of the head and those of some buckets go to another node and back, under load."""
    cluster = await in_thread(Cluster, run.servers)
    source, _, target = cluster.owner(LABEL)
    number = cluster.nodes.index(source)
    tags = [LABEL.encode(), *(b"%s:%02x" % (LABEL.encode(), bucket) for bucket in range(256))]
    slots = [slot for slot in map(key_slot, tags) if slot * 3 // SLOTS == number][:12]
    async with run.load(cluster.place, durability=Durability.REPLICAS, patience_s=30) as load:
        for _ in range(run.rounds):
            for slot in slots:
                await in_thread(move, slot, source, target)
            await load.until(20)
            await run.check(load, cluster.place, durability=Durability.REPLICAS)
            source, target = target, source


async def network_parted(run: Run) -> None:
    """Nothing passes between a server and its Redis, for up to three seconds."""
    network = Network(os.getpid())
    try:
        await in_thread(network.make)
        binary = through(run.directory, "valkey", f"ip netns exec {network.name}")
        server = RedisServer(
            run.directory / "redis", "--bind", "0.0.0.0", "--protected-mode", "no",
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            binary=binary, port=7000,
        )  # fmt: skip
        run.servers.started.append(server)
        await in_thread(server.start)
        place = RedisPlace.parse(f"redis://{network.address}:7000")
        async with run.load(place) as load:
            for _ in range(run.rounds):
                await load.until(5)
                await run.soon()
                await in_thread(network.part)
                await run.soon(3.0)
                await in_thread(network.join)
                await load.until(5)
                await run.check(load, place)
        await in_thread(server.kill)
    finally:
        network.remove()


async def clock_jumped(run: Run) -> None:
    """The clock of Redis jumps forth and back by up to a year."""
    binary, offset = await in_thread(movable_clock, run.directory / "clock")
    server = await in_thread(partial(run.servers.start, binary=binary))
    year = 365 * 86400
    async with run.load(server.place) as load:
        for _ in range(run.rounds):
            await load.until(5)
            offset.write_text(str(run.chance.randint(-year, year)))
            await load.until(5)
            await run.check(load, server.place)


FAULTS: Mapping[str, Fault] = MappingProxyType({
    "a server is killed": server_killed,
    "Redis is killed": redis_killed,
    "Redis is stopped for a while": redis_stopped,
    "all connections are cut": clients_killed,
    "the scripts are forgotten": scripts_forgotten,
    "the memory is full": memory_full,
    "the disk is full": disk_full,
    "the AOF is cut": file_cut,
    "the primary is lost, the replica has confirmed": primary_lost,
    "the primary is lost, the replica is behind": primary_lost_unconfirmed,
    "Sentinels fail over": sentinel_failover,
    "a Cluster fails over": cluster_failover,
    "a node of a Cluster fails over that has blobs": buckets_failover,
    "a server is killed whose store is spread": spread_server_killed,
    "a slot moves": slot_moved,
    "slots of a spread store move": slots_moved,
    "the network is parted": network_parted,
    "the clock jumps": clock_jumped,
    "two servers start at once": started_at_once,
})  # fmt: skip


async def do(name: str, directory: Path, rounds: int, seed: int) -> Run:
    """Do a fault so many times.

    Raises:
        Skipped: it cannot be done here.
    """
    directory.mkdir(exist_ok=True)
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))  # for the processes that are started
    run = Run(Servers(directory), directory, rounds, Random(f"{name} {seed}"))
    try:
        await FAULTS[name](run)
    finally:
        await in_thread(run.servers.close)
    return run
