"""What several processes write together that commit without a break, beside one process.

Each process has its own store over one Valkey without an AOF, so that processors and the order
among the writers decide, and no disk. One process and six are measured by turns, each anew.
"""

import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import trio

from storage import open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from tests.bench.load import Taken
from tests.bench.redis_store import SECRET, put
from tests.bench.servers import HOME
from tests.storage.redis_server import Servers

PROCESSES: Final = 6
CALLERS: Final = (1, 4)
HEADING: Final = (
    "\n| processes | callers of each | commits/s | p50 ms | p99 ms | worst ms | µs of processor "
    "| beside one |\n"
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def rows(seconds: float) -> Iterator[str]:
    """The rows of the table.

    Args:
        seconds: for each of them.
    """
    yield HEADING
    for callers in CALLERS:
        alone = _run(1, callers, seconds)
        together = _run(PROCESSES, callers, seconds)
        yield _row(1, callers, alone, alone)
        yield _row(PROCESSES, callers, together, alone)


def _row(processes: int, callers: int, taken: Taken, alone: Taken) -> str:
    return (
        f"| {processes} | {callers} | {taken.rate:,.0f} | {1000 * taken.percentile(0.5):.1f} "
        f"| {1000 * taken.percentile(0.99):.1f} | {1000 * max(taken.latencies):.0f} "
        f"| {1e6 * taken.cost:,.0f} | {taken.rate / alone.rate:.2f} |"
    )


def _run(processes: int, callers: int, seconds: float) -> Taken:
    """So many processes over one Valkey, which begin together."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        servers = Servers(Path(name))
        try:
            url = servers.start("--appendonly", "no", "--save", "").url
            command = [sys.executable, "-m", __name__, url, str(callers), str(seconds)]
            pipe = subprocess.PIPE
            start = partial(subprocess.Popen, command, cwd=HOME, stdin=pipe, stdout=pipe, text=True)
            running = [start() for _ in range(processes)]
            whole = Taken(seconds=seconds)
            for process in running:
                assert process.stdout is not None
                process.stdout.readline()
            for process in running:
                print("begin", file=process.stdin, flush=True)
            for process in running:
                printed, _ = process.communicate()
                latencies, computed = json.loads(printed)
                whole.add(Taken(0.0, len(latencies), computed, latencies))
            return whole
        finally:
            servers.close()


async def _write(url: str, callers: int, seconds: float) -> None:
    """Commit for a while; print the latencies of all commits, and the processor's time."""
    backend = RedisBackend(RedisPlace.parse(url), "bench", durability=Durability.NONE)
    latencies: list[float] = []
    async with open_store(backend, SECRET, create=True) as store:
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)
        numbers = count(secrets.randbits(60))  # of each process its own
        begun, computed = perf_counter(), process_time()

        async def call() -> None:
            while perf_counter() - begun < seconds:
                at = perf_counter()
                await store.commit([put(next(numbers))])
                latencies.append(perf_counter() - at)

        async with trio.open_nursery() as nursery:
            for _ in range(callers):
                nursery.start_soon(call)
        print(json.dumps([latencies, process_time() - computed]))


if __name__ == "__main__":
    trio.run(_write, sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
