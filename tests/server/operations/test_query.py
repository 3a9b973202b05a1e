"""Query."""

import pytest

from kmip.enums import ObjectType, Operation, QueryFunction
from kmip.payloads.query import QueryResponse
from kmip.versions import SUPPORTED, V1_3, V2_0, V3_0, ProtocolVersion
from server.registry import ROUTES
from tests.server.conftest import InProcessClient


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_every_function_of_the_version_is_answered(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    functions = tuple(one for one in QueryFunction if one.span.covers(version))
    for function in functions:
        await ask(Operation.QUERY, query_function=(function,))
    answer = await ask(Operation.QUERY, query_function=functions)
    performed = {one for one, route in ROUTES.items() if route.span.covers(version)}
    assert set(answer.operation) == performed
    assert all(operation.span.covers(version) for operation in answer.operation)
    assert Operation.QUERY in answer.operation
    assert answer.vendor_identification == "Strongroom"
    assert all(kind.span.covers(version) for kind in answer.object_type)
    assert ObjectType.SYMMETRIC_KEY in answer.object_type
    if version >= V1_3:
        assert answer.rng_parameters
        assert answer.profile_information
        assert answer.capability_information
    if version >= V2_0:
        assert answer.server_information.server_name == "Strongroom"
        assert answer.protection_storage_masks
    if version >= V3_0:
        assert answer.credential_information


async def test_asking_for_nothing_tells_nothing(ask: InProcessClient):
    assert await ask(Operation.QUERY) == QueryResponse()


async def test_asking_twice_tells_once(ask: InProcessClient):
    function = QueryFunction.QUERY_OPERATIONS
    answer = await ask(Operation.QUERY, query_function=(function, function))
    assert len(answer.operation) == len(set(answer.operation))
