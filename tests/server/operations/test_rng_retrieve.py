"""RNG Retrieve."""

import pytest

from kmip.enums import Operation, ResultReason
from kmip.errors import InvalidField
from kmip.versions import SUPPORTED, V1_2, ProtocolVersion
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import refused


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_2], ids=str)
async def test_as_many_bytes_as_asked_for_and_never_the_same(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    for length in (1, 16, 5000):
        got = [(await ask(Operation.RNG_RETRIEVE, data_length=length)).data for _ in range(2)]
        assert [len(one) for one in got] == [length, length]
        assert length == 1 or got[0] != got[1]


@pytest.mark.parametrize("length", [0, -1, -(1 << 31)])
async def test_less_than_one_is_not_given(ask: InProcessClient, length: int):
    await refused(ask, InvalidField, Operation.RNG_RETRIEVE, data_length=length)


async def test_nor_more_than_a_message_holds(ask: InProcessClient):
    for length in (1 << 20, (1 << 31) - 1):
        with pytest.raises(Failed) as failure:
            await ask(Operation.RNG_RETRIEVE, data_length=length)
        assert failure.value.reason != ResultReason.GENERAL_FAILURE
