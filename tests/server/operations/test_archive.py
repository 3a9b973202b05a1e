"""Archive and what it keeps from being used."""

from typing import Any

import pytest

from kmip.attributes import AttributeInstance
from kmip.enums import Operation
from kmip.errors import ObjectArchived
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, V2_1, ProtocolVersion
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import ACTIVE, archived, attribute, create, refused


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_an_archived_object_is_known_and_not_given(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask)
    await ask(Operation.ARCHIVE, unique_identifier=key)
    if version >= V2_0:
        assert await attribute(ask, key, Tag.ARCHIVE_DATE) == NOW
    await refused(ask, ObjectArchived, Operation.GET, unique_identifier=key)
    online = await ask(Operation.LOCATE)
    assert online.unique_identifier == ()
    mask = StorageStatusMask.ARCHIVAL_STORAGE
    found = await ask(Operation.LOCATE, storage_status_mask=mask)
    assert found.unique_identifier == (key,)


OTHER_OPERATIONS: dict[Operation, dict[str, Any]] = {
    Operation.ARCHIVE: {},
    Operation.ACTIVATE: {},
    Operation.CHECK: {},
    Operation.DESTROY: {},
    Operation.ENCRYPT: {"data": b"x"},
    Operation.GET_USAGE_ALLOCATION: {"usage_limits_count": 1},
    Operation.OBTAIN_LEASE: {},
    Operation.REKEY: {},
    Operation.SIGN: {"data": b"x"},
    Operation.ADD_ATTRIBUTE: {"new_attribute": AttributeInstance(Tag.COMMENT, "x")},
}


@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
@pytest.mark.parametrize("operation", OTHER_OPERATIONS, ids=lambda one: one.name)
async def test_nothing_else_is_done_with_an_archived_object(
    ask: InProcessClient, version: ProtocolVersion, operation: Operation
):
    """1.4 sections 11.5 to 11.35; 2.1 sections 6 and 6.1.4.1."""
    ask = ask.at(version)
    key = await archived(ask, ACTIVE)
    fields = OTHER_OPERATIONS[operation]
    await refused(ask, ObjectArchived, operation, unique_identifier=key, **fields)


@pytest.mark.parametrize("operation", [Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST])
async def test_nor_is_it_told_of_in_1_4(ask: InProcessClient, operation: Operation):
    """1.4 sections 11.13 and 11.14."""
    ask = ask.at(V1_4)
    await refused(ask, ObjectArchived, operation, unique_identifier=await archived(ask))
