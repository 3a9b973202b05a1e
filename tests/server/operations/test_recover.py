"""Recover."""

import pytest

from kmip.enums import Operation
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.samples import archived, attribute, create, material


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_an_archived_object_comes_back(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await archived(ask)
    await ask(Operation.RECOVER, unique_identifier=key)
    assert len(await material(ask, key)) == 32
    assert await attribute(ask, key, Tag.ARCHIVE_DATE) is None  # 2.1 section 4.5
    assert (await ask(Operation.LOCATE)).unique_identifier == (key,)


async def test_what_is_there_already_does_not_change(ask: InProcessClient, clock: Clock):
    key = await create(ask)
    clock.now += 5
    await ask(Operation.RECOVER, unique_identifier=key)
    assert await attribute(ask, key, Tag.LAST_CHANGE_DATE) == NOW
