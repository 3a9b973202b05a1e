"""RNG Seed."""

import pytest

from kmip.enums import Operation
from kmip.versions import SUPPORTED, V1_2, ProtocolVersion
from server.operations.rng_seed import LONGEST
from tests.server.conftest import InProcessClient


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
async def test_a_seed_is_taken_as_far_as_it_is_of_use(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    for length, used in ((1, 1), (LONGEST, LONGEST), (LONGEST + 1, LONGEST)):
        made = await ask(Operation.RNG_SEED, data=bytes(length))
        assert made.data_length == used


async def test_it_does_not_fix_the_generator(ask: InProcessClient):
    got = []
    for _ in range(2):
        await ask(Operation.RNG_SEED, data=bytes(32))
        got.append((await ask(Operation.RNG_RETRIEVE, data_length=32)).data)
    assert got[0] != got[1]
