"""Export."""

import pytest

from kmip.enums import Operation
from kmip.errors import NotExtractable
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import create, destroyed, refused


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_4], ids=str)
async def test_an_object_comes_with_all_its_attributes(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask)
    out = await ask(Operation.EXPORT, unique_identifier=key)
    every = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    assert out.attributes == every.attributes
    got = await ask(Operation.GET, unique_identifier=key)
    assert out.object == got.object


async def test_of_a_destroyed_one_the_attributes_are_left(ask: InProcessClient):
    key = await destroyed(ask)
    out = await ask(Operation.EXPORT, unique_identifier=key)
    assert out.object is None
    assert Tag.DESTROY_DATE in out.attributes


async def test_what_may_not_leave_stays(ask: InProcessClient):
    key = await create(ask, (Tag.EXTRACTABLE, False))
    await refused(ask, NotExtractable, Operation.EXPORT, unique_identifier=key)
