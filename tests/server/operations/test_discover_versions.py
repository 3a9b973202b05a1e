"""Discover Versions."""

import pytest

from kmip.enums import Operation
from kmip.versions import SUPPORTED, V1_2, V2_1, ProtocolVersion
from tests.server.conftest import InProcessClient


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_all_are_told_the_best_first(ask: InProcessClient, version: ProtocolVersion):
    answer = await ask.at(version)(Operation.DISCOVER_VERSIONS)
    assert answer.protocol_version == SUPPORTED
    assert list(SUPPORTED) == sorted(SUPPORTED, reverse=True)


async def test_of_a_clients_list_what_is_spoken_here(ask: InProcessClient):
    proposed = (V1_2, ProtocolVersion(9, 9), V2_1)
    answer = await ask(Operation.DISCOVER_VERSIONS, protocol_version=proposed)
    assert answer.protocol_version == (V2_1, V1_2)
    none = (ProtocolVersion(9, 9),)
    answer = await ask(Operation.DISCOVER_VERSIONS, protocol_version=none)
    assert answer.protocol_version == ()
