"""What a store in Valkey costs at each durability, beside the bare round trip to the same Valkey.

One process with a number of callers, each of which begins the next when the last has ended. Ours
and the bare round trip are measured by turns, so that what else the machine does meets both alike;
the ratio is the median over the pairs of turns. The bare one is what the store's own thread needs
for a command by itself: one SET of as many bytes for a Create, with the same wait for replicas, and
one GET for all others.

Records have 500 bytes of meta, 32 of body, and 12 terms, 2 of them unique. A Get reads an object
that is not in memory, after asking for news; an Encrypt has the key in memory, asks for news, and
encrypts 1 KiB; a Locate asks for news, and meets three filters among the records that are there.
"""

import math
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import trio
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage import KeyFile, Put, Query, SealedStore, Terms, open_store
from storage.redis import Durability, RedisBackend
from tests.bench.load import Taken
from tests.storage.redis_server import DURABLE, RedisServer, Servers, free_port

CALLERS: Final = (1, 16, 128)
RECORDS: Final = 2_000
CACHE_BYTES: Final = 400 << 10
"""For who Gets: as much as all callers fetch at once, and a fraction of all records."""
SLICE_SECONDS: Final = 0.25
HEADING: Final = (
    "| durability | operation | callers | per second | p50 ms | p99 ms | bare/s | ratio |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)
SECRET: Final = KeyFile(bytes(range(32)))

Call = Callable[[int], Awaitable[object]]


def rows(seconds: float) -> Iterator[str]:
    """The rows of the table, one after the other as they are measured.

    Args:
        seconds: for each of them.
    """
    yield HEADING
    for durability in Durability:
        with _server(durability) as server:
            yield from trio.run(_measured, server, durability, seconds)


@contextmanager
def _server(durability: Durability) -> Iterator[RedisServer]:
    """A Valkey as the durability asks for it; for replicas, with one."""
    options = {
        Durability.FSYNC: DURABLE,
        Durability.REPLICAS: (*DURABLE, "--hz", "100", "--repl-diskless-sync-delay", "0"),
        Durability.EVERYSEC: ("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        Durability.NONE: ("--appendonly", "no", "--save", ""),
    }[durability]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        servers = Servers(Path(name))
        try:
            port = free_port()
            primary = servers.start(*options, port=port)
            if durability is Durability.REPLICAS:
                replica = servers.start(*options, "--replicaof", "127.0.0.1", str(port))
                replica.wait_for_primary()
            yield primary
        finally:
            servers.close()


def put(number: int) -> Put:
    """A record as the store of a key server has them."""
    terms = [b"common %d" % at for at in range(8)]
    terms += [b"group %d" % (number // 10), b"tenth %d" % (number % 10)]
    terms += [b"name %d" % number, b"digest %d" % number]
    found_by = Terms(frozenset(terms), {b"date": number, b"other date": 1})
    return Put(b"record %d" % number, 0, b"m" * 500, b"b" * 32, found_by)


async def _measured(server: RedisServer, durability: Durability, seconds: float) -> list[str]:
    found: list[str] = []
    backends = [RedisBackend(server.place, "bench", durability=durability) for _ in range(2)]
    async with (
        open_store(backends[0], SECRET, create=True) as store,
        open_store(backends[1], SECRET, cache_bytes=CACHE_BYTES) as reader,
    ):
        for first in range(0, RECORDS, 100):
            await store.commit([put(number) for number in range(first, first + 100)])
        await reader.refresh()
        bare = _bare(backends[0])
        for operation, call in _operations(store, reader).items():
            for callers in CALLERS:
                ours = bare["Create" if operation == "Create" else "Get"]
                found.append(await _row(durability, operation, callers, (call, ours), seconds))
    return found


def _operations(store: SealedStore, reader: SealedStore) -> dict[str, Call]:
    key = AESGCM(bytes(32))
    text = bytes(1024)
    fresh = count(RECORDS)

    async def get(number: int) -> None:
        name = b"record %d" % (number % RECORDS)
        await reader.refresh([name])
        await reader.read(name)
        await reader.read_body(name, reader.version(name))

    async def locate(number: int) -> None:
        await store.refresh()
        filters = (b"common 1", b"group %d" % (number % (RECORDS // 10)), b"common 2")
        await store.search(Query(tuple(frozenset({one}) for one in filters)))

    async def encrypt(number: int) -> None:
        await store.refresh()
        name = b"record %d" % (number % RECORDS)
        await store.read_body(name, store.version(name))
        key.encrypt(number.to_bytes(12), text, None)

    async def create(_: int) -> None:
        await store.commit([put(next(fresh))])

    return {"Get": get, "Locate": locate, "Encrypt": encrypt, "Create": create}


def _bare(backend: RedisBackend) -> dict[str, Call]:
    """A command by itself, over the back end's own threads."""
    value = bytes(2048)

    async def get(_: int) -> None:
        await backend._reading.call([("GET", "bare")], lambda link, replies: None)

    async def create(number: int) -> None:
        def finish(link: Any, _: list[Any]) -> None:
            backend._condition.confirm(link)

        command = ("SET", f"bare:{number % 1000}", value)
        await backend._writing.call([command], finish)

    return {"Get": get, "Create": create}


async def _row(
    durability: Durability, operation: str, callers: int, both: tuple[Call, Call], seconds: float
) -> str:
    taken: tuple[list[Taken], list[Taken]] = ([], [])
    for _ in range(max(2, math.ceil(seconds / SLICE_SECONDS))):
        for call, slices in zip(both, taken, strict=True):
            slices.append(await _slice(call, callers))
    ours, bare = Taken(), Taken()
    for whole, slices in ((ours, taken[0]), (bare, taken[1])):
        for one in slices:
            whole.add(one)
    ratio = statistics.median(one.rate / other.rate for one, other in zip(*taken, strict=True))
    return (
        f"| {durability} | {operation} | {callers} | {ours.rate:,.0f} "
        f"| {1000 * ours.percentile(0.5):.2f} | {1000 * ours.percentile(0.99):.2f} "
        f"| {bare.rate:,.0f} | {ratio:.2f} |"
    )


async def _slice(call: Call, callers: int) -> Taken:
    """All callers for a slice of time; what they have begun is ended."""
    taken = Taken()
    begun = perf_counter()

    async def run(caller: int) -> None:
        for number in count(caller * 7919):
            at = perf_counter()
            if at - begun >= SLICE_SECONDS:
                return
            await call(number)
            taken.latencies.append(perf_counter() - at)

    async with trio.open_nursery() as nursery:
        for caller in range(callers):
            nursery.start_soon(run, caller)
    taken.seconds = perf_counter() - begun
    return taken
