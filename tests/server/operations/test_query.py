"""Query."""

import pytest

from kmip.enums import ObjectType, Operation, QueryFunction
from kmip.payloads.query import QueryResponse
from kmip.versions import SUPPORTED, V1_3, V1_4, V2_0, V2_1, V3_0, ProtocolVersion
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


async def profiles(ask: InProcessClient) -> set[str]:
    answer = await ask(Operation.QUERY, query_function=(QueryFunction.QUERY_PROFILES,))
    return {one.profile_name.name for one in answer.profile_information}


async def test_the_profiles_that_hold_are_claimed_and_no_others(ask: InProcessClient):
    """docs/conformance.md: what passes; 1.x's Baseline profiles need TLS suites not spoken here."""
    lifecycle = {"SYMMETRIC_KEY_LIFECYCLE_SERVER", "ASYMMETRIC_KEY_LIFECYCLE_SERVER"}
    cryptography = {f"{kind}_CRYPTOGRAPHIC_SERVER" for kind in ("BASIC", "ADVANCED", "RNG")}
    storage = {"STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER", "TAPE_LIBRARY_SERVER"}
    always = lifecycle | cryptography | storage
    always |= {"SYMMETRIC_KEY_FOUNDRY_SERVER", "OPAQUE_MANAGED_OBJECT_STORE_SERVER"}
    always |= {"HTTPS_SERVER", "JSON_SERVER", "XML_SERVER"}
    for version in (V2_0, V2_1, V3_0):
        new = {"BASELINE_SERVER", "AES_XTS_SERVER", "QUANTUM_SAFE_SERVER"}
        assert await profiles(ask.at(version)) == always | new
    claimed = await profiles(ask.at(V1_4))
    assert {name for name in claimed if name.endswith("_V1_4")} == {
        f"{name}_KMIP_V1_4" for name in always
    }
    assert not {name for name in claimed if name.startswith(("BASELINE", "COMPLETE", "SUITE"))}
