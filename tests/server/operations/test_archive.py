"""Archive and what it keeps from being used."""

import pytest

from kmip.enums import Operation
from kmip.errors import ObjectArchived
from kmip.masks import StorageStatusMask
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import attribute, create, refused


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_an_archived_object_is_known_and_not_given(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask)
    await ask(Operation.ARCHIVE, unique_identifier=key)
    assert await attribute(ask, key, Tag.ARCHIVE_DATE) == NOW
    await refused(ask, ObjectArchived, Operation.GET, unique_identifier=key)
    online = await ask(Operation.LOCATE)
    assert online.unique_identifier == ()
    mask = StorageStatusMask.ARCHIVAL_STORAGE
    found = await ask(Operation.LOCATE, storage_status_mask=mask)
    assert found.unique_identifier == (key,)


async def test_once_is_enough(ask: InProcessClient, clock: Clock):
    key = await create(ask)
    await ask(Operation.ARCHIVE, unique_identifier=key)
    clock.now += 5
    await ask(Operation.ARCHIVE, unique_identifier=key)
    assert await attribute(ask, key, Tag.ARCHIVE_DATE) == NOW
