"""The table of operations."""

import pkgutil

import pytest

from kmip.enums import Operation
from kmip.payloads import PAYLOADS
from kmip.versions import V1_0, V1_1, V2_1
from server import operations, registry


def test_every_module_of_the_operations_registers_one():
    modules = {module.name.rstrip("_") for module in pkgutil.iter_modules(operations.__path__)}
    routed = {route.handler.__module__.rpartition(".")[2] for route in registry.ROUTES.values()}
    assert {name.rstrip("_") for name in routed} == modules


def test_an_operation_has_one_handler():
    async def another(context, request):
        return PAYLOADS[Operation.GET].response()

    before = registry.ROUTES[Operation.GET]
    with pytest.raises(TypeError, match="two handlers"):
        registry.operation(Operation.GET)(another)
    assert registry.ROUTES[Operation.GET] is before


def test_loading_again_changes_nothing():
    before = dict(registry.ROUTES)
    operations.load()
    assert before == registry.ROUTES


def test_an_operation_is_in_the_versions_that_have_it():
    for operation, route in registry.ROUTES.items():
        assert route.span == PAYLOADS[operation].span


def test_versions_are_discovered_in_every_version():
    route = registry.ROUTES[Operation.DISCOVER_VERSIONS]
    assert route.is_for(V1_0)
    assert not route.span.covers(V1_0)
    assert route.span.covers(V1_1)
    assert not registry.ROUTES[Operation.DEACTIVATE].is_for(V2_1)
