"""Clients that are spared what they cannot read."""

from dataclasses import replace

import pytest

from kmip.attributes import VendorAttributeName
from kmip.enums import ItemType, Operation
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import V1_4, V2_0, ProtocolVersion
from server.attributes.client_view import PYKMIP_READS
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.samples import create, values

TEXT = VendorAttributeName("x", "text")
NUMBER = VendorAttributeName("x", "number")
OTHERS = VendorAttributeName("acme", "text")


def value(kind: ItemType, content) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, kind, content)


CUSTOM = [
    (TEXT, value(ItemType.TEXT_STRING, "mint")),
    (NUMBER, value(ItemType.INTEGER, 7)),
]


@pytest.mark.parametrize("version", [V1_4, V2_0], ids=str)
@pytest.mark.parametrize("spared", [("alice",), ("*",)], ids=["by name", "all"])
async def test_it_gets_what_it_can_read(
    ask: InProcessClient, server: Server, version: ProtocolVersion, spared: tuple[str, ...]
):
    server.config = replace(server.config, omit_unreadable_attributes=spared)
    ask = ask.at(version)
    key = await create(ask, *CUSTOM)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    assert set(got.attributes.values) <= PYKMIP_READS | {TEXT}
    assert {Tag.STATE, Tag.UNIQUE_IDENTIFIER, TEXT} <= set(got.attributes.values)
    listed = await ask(Operation.GET_ATTRIBUTE_LIST, unique_identifier=key)
    assert set(listed.attribute_names) == set(got.attributes.values)
    assert await values(ask, key, NUMBER) == (value(ItemType.INTEGER, 7),)  # asked for by name


@pytest.mark.parametrize("spared", [(), ("bob", "ali", "alice2")], ids=str)
async def test_others_get_everything(ask: InProcessClient, server: Server, spared: tuple[str, ...]):
    server.config = replace(server.config, omit_unreadable_attributes=spared)
    vendor = (OTHERS, value(ItemType.TEXT_STRING, "x"))
    key = await create(ask, *CUSTOM, vendor)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    assert {TEXT, NUMBER, OTHERS, Tag.DIGEST} <= set(got.attributes.values)
