"""Beside each attack a friendly client has all its answers, and the server's memory is bounded.

How long the answers take is not asserted; `python -m tests.hostile` measures it.
"""

from pathlib import Path

import pytest
import trio

from kmip.enums import Operation
from tests.e2e.program import running
from tests.hostile.attacks import ATTACKS
from tests.hostile.friendly import MEMORY_MIB, memory, prepared, words
from tests.hostile.hostile import Hostile
from tests.server.samples import ACTIVE, create

pytestmark = pytest.mark.slow

PATIENCE = 60
LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_friendly_client_has_its_answers_beside_a_hostile_one(name: str, tmp_path: Path):
    https, arguments = words()
    with running(tmp_path / "data", *arguments) as program, trio.fail_after(PATIENCE):
        hostile = Hostile(program.port, https, prepared(program.data))
        await hostile.prepare()
        attacked = trio.Event()

        async def attack() -> None:
            await hostile.round(ATTACKS[name])
            attacked.set()

        async with trio.open_nursery() as nursery, program.client() as ask:
            key = await create(ask, ACTIVE)
            nursery.start_soon(attack)
            answers = 0
            while answers < 20 or not attacked.is_set():
                assert (await ask(Operation.GET, unique_identifier=key)).object is not None
                answers += 1
        assert memory(program) < MEMORY_MIB << 20


def test_the_page_states_the_memory_that_is_checked():
    assert f"{MEMORY_MIB} MiB" in LIMITS.read_text()
