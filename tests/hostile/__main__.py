"""What a hostile client costs a friendly one: `python -m tests.hostile [SECONDS]` prints a table.

A real server runs with default settings; a friendly client in this process gets a key again and
again, first alone and then beside each attack, whose client is a process of its own. Between two
attacks it is alone again, so that whatever else the machine does meets both alike.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import trio

from kmip.enums import Operation
from tests.e2e.program import Program, running
from tests.hostile.attacks import ATTACKS, Hostile
from tests.hostile.friendly import memory, prepared
from tests.server.samples import ACTIVE, create

SECONDS = 5.0


async def latencies(program: Program, seconds: float) -> list[float]:
    """Of a friendly client's Gets, sorted, in seconds."""
    taken = []
    async with program.client() as ask:
        key = await create(ask, ACTIVE)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            await ask(Operation.GET, unique_identifier=key)
            taken.append(time.perf_counter() - began)
            await trio.sleep(0.002)
    return sorted(taken)


def p99(taken: list[float]) -> float:
    return taken[int(len(taken) * 0.99)]


@contextlib.contextmanager
def attacking(program: Program, name: str) -> Iterator[None]:
    """A process that attacks for the length of the block."""
    words = [sys.executable, "-m", "tests.hostile", "attack", str(program.data), str(program.port)]
    with subprocess.Popen([*words, name]) as process:
        try:
            yield
        finally:
            process.kill()


async def attack(data: Path, port: int, name: str) -> None:
    hostile = Hostile(port, prepared(data))
    await hostile.prepare()
    while True:
        await ATTACKS[name](hostile)


def main(seconds: float) -> None:
    print("| attack | p99 alone | p99 beside it | ratio | memory of the server |")
    print("| --- | --- | --- | --- | --- |")
    for name in ATTACKS:
        with tempfile.TemporaryDirectory() as place, running(Path(place) / "data") as program:
            prepared(program.data)
            alone = p99(trio.run(latencies, program, seconds))
            with attacking(program, name):
                time.sleep(2)  # until it is under way
                beside = p99(trio.run(latencies, program, seconds))
                used = memory(program)
            print(
                f"| {name} | {alone * 1e3:.1f} ms | {beside * 1e3:.1f} ms | "
                f"{beside / alone:.1f} | {used >> 20} MiB |",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        trio.run(attack, Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else SECONDS)
