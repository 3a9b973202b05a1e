"""What a hostile client costs a friendly one: `python -m tests.hostile [ATTACK…]` prints a table.

A real server runs with default settings; a friendly client in this process gets a key again and
again, first alone and then beside each attack, whose client is a process of its own. Between two
attacks it is alone again, so that whatever else the machine does meets both alike. The attacker
gives way where both want the same processor: what it takes of that is not the server's doing.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import trio

from kmip.enums import Operation
from tests.e2e.program import Program, running
from tests.hostile.attacks import ATTACKS
from tests.hostile.friendly import memory, prepared, processor_seconds, words
from tests.hostile.hostile import LEFT, Hostile
from tests.server.samples import ACTIVE, create

SECONDS = 3.0
PAIRS = 3
"""Times that it is measured alone and then beside the attack."""
NICENESS = 10


async def latencies(program: Program, seconds: float) -> list[float]:
    """Of a friendly client's Gets, in seconds."""
    taken = []
    async with program.client() as ask:
        key = await create(ask, ACTIVE)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            await ask(Operation.GET, unique_identifier=key)
            taken.append(time.perf_counter() - began)
            await trio.sleep(0.002)
    return taken


def p99(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


@contextlib.contextmanager
def attacking(program: Program, https: int, name: str) -> Iterator[None]:
    """A process that attacks for the length of the block."""
    where = (str(program.data), str(program.port), str(https))
    begin = [sys.executable, "-m", "tests.hostile", "attack", *where, name]
    with subprocess.Popen(begin) as process:
        try:
            yield
        finally:
            process.kill()


async def attack(data: Path, port: int, https: int, name: str) -> None:
    os.nice(NICENESS)
    hostile = Hostile(port, https, prepared(data))
    await hostile.prepare()
    while True:
        with contextlib.suppress(*LEFT):
            await hostile.round(ATTACKS[name])


def measure(name: str) -> str:
    """A row of the table."""
    alone: list[float] = []
    beside: list[float] = []
    https, arguments = words()
    with (
        tempfile.TemporaryDirectory() as place,
        running(Path(place) / "data", *arguments) as program,
    ):
        prepared(program.data)
        for _ in range(PAIRS):
            alone += trio.run(latencies, program, SECONDS)
            with attacking(program, https, name):
                time.sleep(1.5)  # until it is under way
                beside += trio.run(latencies, program, SECONDS)
        time.sleep(1)
        before = processor_seconds(program)
        time.sleep(1)
        after = processor_seconds(program) - before
        used = memory(program)
    return (
        f"| {name} | {p99(alone) * 1e3:.1f} ms | {p99(beside) * 1e3:.1f} ms | "
        f"{p99(beside) / p99(alone):.1f} | {used >> 20} MiB | {after * 100:.0f} % |"
    )


def main(names: list[str]) -> None:
    print("| attack | p99 alone | p99 beside it | ratio | memory | processor, once it has left |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in names or list(ATTACKS):
        print(measure(name), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        trio.run(attack, Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        main(sys.argv[1:])
