"""Set Attribute."""

import pytest

from kmip.attributes import AttributeInstance
from kmip.enums import Operation, State
from kmip.errors import MultiValuedAttribute, OperationNotSupported, ReadOnlyAttribute
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import create, refused, values

SET = Operation.SET_ATTRIBUTE


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V2_0], ids=str)
async def test_it_is_there_afterwards_whatever_was_before(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask)
    for text in ("first", "second"):
        new = AttributeInstance(Tag.DESCRIPTION, text)
        await ask(SET, unique_identifier=key, new_attribute=new)
        assert await values(ask, key, Tag.DESCRIPTION) == (text,)


async def test_several_values_are_not_replaced_by_one(ask: InProcessClient):
    key = await create(ask, (Tag.OBJECT_GROUP, "b"), (Tag.OBJECT_GROUP, "c"))
    new = AttributeInstance(Tag.OBJECT_GROUP, "a")
    await refused(ask, MultiValuedAttribute, SET, unique_identifier=key, new_attribute=new)


async def test_what_is_read_only_is_not_set(ask: InProcessClient):
    key = await create(ask)
    new = AttributeInstance(Tag.STATE, State.ACTIVE)
    await refused(ask, ReadOnlyAttribute, SET, unique_identifier=key, new_attribute=new)


async def test_1_x_does_not_have_it(ask: InProcessClient):
    ask = ask.at(V1_4)
    key = await create(ask)
    new = AttributeInstance(Tag.DESCRIPTION, "x")
    await refused(ask, OperationNotSupported, SET, unique_identifier=key, new_attribute=new)
