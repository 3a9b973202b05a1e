"""Get Attribute List."""

import pytest

from kmip.attributes import VendorAttributeName
from kmip.enums import ItemType, Operation
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import create


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_each_attribute_is_named_once(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    flavour = VendorAttributeName("x", "flavour")
    value = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "mint")
    key = await create(ask, (Tag.OBJECT_GROUP, "a"), (Tag.OBJECT_GROUP, "b"), (flavour, value))
    listed = (await ask(Operation.GET_ATTRIBUTE_LIST, unique_identifier=key)).attribute_names
    assert len(listed) == len(set(listed))
    assert {Tag.OBJECT_GROUP, Tag.STATE, Tag.UNIQUE_IDENTIFIER, flavour} <= set(listed)
    assert Tag.CONTACT_INFORMATION not in listed
