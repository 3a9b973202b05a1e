"""Query."""

import pytest

from kmip.enums import ObjectType, Operation, QueryFunction
from kmip.payloads.query import QueryResponse
from kmip.versions import SUPPORTED, V1_3, V2_0, V3_0, ProtocolVersion
from server.registry import ROUTES
from tests.server.conftest import Asking


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_every_function_of_the_version_is_answered(ask: Asking, version: ProtocolVersion):
    ask = ask.at(version)
    functions = tuple(one for one in QueryFunction if one.span.covers(version))
    for function in functions:
        await ask(Operation.QUERY, query_function=(function,))
    told = await ask(Operation.QUERY, query_function=functions)
    performed = {one for one, route in ROUTES.items() if route.span.covers(version)}
    assert set(told.operation) == performed
    assert all(operation.span.covers(version) for operation in told.operation)
    assert Operation.QUERY in told.operation
    assert told.vendor_identification == "Strongroom"
    assert all(kind.span.covers(version) for kind in told.object_type)
    assert ObjectType.SYMMETRIC_KEY in told.object_type
    if version >= V1_3:
        assert told.rng_parameters
        assert told.profile_information
        assert told.capability_information
    if version >= V2_0:
        assert told.server_information.server_name == "Strongroom"
        assert told.protection_storage_masks
    if version >= V3_0:
        assert told.credential_information


async def test_asking_for_nothing_tells_nothing(ask: Asking):
    assert await ask(Operation.QUERY) == QueryResponse()


async def test_asking_twice_tells_once(ask: Asking):
    function = QueryFunction.QUERY_OPERATIONS
    told = await ask(Operation.QUERY, query_function=(function, function))
    assert len(told.operation) == len(set(told.operation))
