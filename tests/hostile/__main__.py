"""What a hostile client costs a friendly one: `python -m tests.hostile [ATTACK…]` prints a table.

A real server runs with default settings; a friendly client in this process gets a key again and
again, first alone and then beside each attack, whose client is a process of its own. Between two
attacks it is alone again, so that whatever else the machine does meets both alike. What the
attacker itself takes of the processors counts too: three free ones are enough for the three. Where
the machine has other things to do, look at how long the event loop had the processor between a
request and its answer: that is what others' work cost this client, whatever else went on.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import trio

from kmip.enums import Operation
from tests.e2e.program import Program, running
from tests.hostile.attacks import ATTACKS
from tests.hostile.friendly import loop_seconds, memory, prepared, processor_seconds, words
from tests.hostile.hostile import LEFT, Hostile
from tests.server.samples import ACTIVE, create

SECONDS = 1.5
PAIRS = 3
"""Times that it is measured alone and then beside the attack."""


class Taken(NamedTuple):
    """What one request took.

    Attributes:
        seconds: until its answer.
        loop: of which the server's event loop had the processor.
    """

    seconds: float
    loop: float


async def latencies(program: Program, seconds: float) -> list[Taken]:
    """Of a friendly client's Gets."""
    taken = []
    async with program.client() as ask:
        key = await create(ask, ACTIVE)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            before = loop_seconds(program)
            await ask(Operation.GET, unique_identifier=key)
            after = loop_seconds(program)
            taken.append(Taken(time.perf_counter() - began, after - before))
            await trio.sleep(0.002)
    return taken


def p99(taken: list[Taken]) -> Taken:
    """Of either."""
    seconds, loop = map(sorted, zip(*taken, strict=True))
    place = int(len(taken) * 0.99)
    return Taken(seconds[place], loop[place])


@contextlib.contextmanager
def attacking(program: Program, https: int, name: str) -> Iterator[None]:
    """A process that attacks for the length of the block, and has begun."""
    where = (str(program.data), str(program.port), str(https))
    begin = [sys.executable, "-m", "tests.hostile", "attack", *where, name]
    with subprocess.Popen(begin, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield
        finally:
            process.kill()


async def attack(data: Path, port: int, https: int, name: str) -> None:
    hostile = Hostile(port, https, prepared(data))
    await hostile.prepare()
    print("begins", flush=True)
    while True:
        with contextlib.suppress(*LEFT):
            await hostile.round(ATTACKS[name])


def measure(name: str) -> str:
    """A row of the table."""
    alone: list[Taken] = []
    beside: list[Taken] = []
    https, arguments = words()
    with (
        tempfile.TemporaryDirectory() as place,
        running(Path(place) / "data", *arguments) as program,
    ):
        prepared(program.data)
        for _ in range(PAIRS):
            alone += trio.run(latencies, program, SECONDS)
            with attacking(program, https, name):
                beside += trio.run(latencies, program, SECONDS)
        time.sleep(1)
        before = processor_seconds(program)
        time.sleep(1)
        after = processor_seconds(program) - before
        used = memory(program)
    one, other = p99(alone), p99(beside)
    columns = (
        name,
        f"{one.seconds * 1e3:.1f} ms",
        f"{other.seconds * 1e3:.1f} ms",
        f"{other.seconds / one.seconds:.1f}",
        f"{one.loop * 1e3:.1f} ms",
        f"{other.loop * 1e3:.1f} ms",
        f"{used >> 20} MiB",
        f"{after * 100:.0f} %",
    )
    return f"| {' | '.join(columns)} |"


def main(names: list[str]) -> None:
    print(
        "| attack | p99 alone | beside it | ratio | loop alone | loop beside it | memory | "
        "once it has left |"
    )
    print("| --- " * 8 + "|")
    for name in names or list(ATTACKS):
        print(measure(name), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        trio.run(attack, Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        main(sys.argv[1:])
