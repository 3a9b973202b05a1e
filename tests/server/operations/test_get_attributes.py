"""Get Attributes."""

import pytest

from kmip.attributes import VendorAttributeName
from kmip.enums import ItemType, LinkType, Operation, ResultReason, State
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V3_0, ProtocolVersion
from tests.server.conftest import NOW, Clock, Failed, InProcessClient
from tests.server.samples import create, create_pair, values

FLAVOUR = VendorAttributeName("x", "flavour")
MINT = Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, "mint")


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_what_is_asked_for_and_there_is_given(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, (FLAVOUR, MINT), (Tag.OBJECT_GROUP, "a"), (Tag.OBJECT_GROUP, "b"))
    names = (Tag.OBJECT_GROUP, FLAVOUR, Tag.STATE, Tag.CONTACT_INFORMATION)
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key, attribute_names=names)
    assert got.unique_identifier == key
    assert got.attributes.all(Tag.OBJECT_GROUP) == ("a", "b")
    assert got.attributes.get(FLAVOUR) == MINT
    assert got.attributes.get(Tag.STATE) == State.PRE_ACTIVE
    assert set(got.attributes.values) == {Tag.OBJECT_GROUP, FLAVOUR, Tag.STATE}


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_without_names_all_are_given(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, (FLAVOUR, MINT))
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    listed = await ask(Operation.GET_ATTRIBUTE_LIST, unique_identifier=key)
    assert set(got.attributes.values) == set(listed.attribute_names)
    assert {FLAVOUR, Tag.STATE, Tag.UNIQUE_IDENTIFIER} <= set(got.attributes.values)


async def test_3_0_asks_for_links_of_one_type(ask: InProcessClient):
    ask = ask.at(V3_0)
    private, public = await create_pair(ask)
    got = await ask(
        Operation.GET_ATTRIBUTES,
        unique_identifier=private,
        attribute_names=(LinkType.PUBLIC_KEY_LINK, LinkType.PARENT_LINK),
    )
    (link,) = got.attributes.all(Tag.LINK)
    assert link.linked_object_identifier == public


async def test_the_state_is_that_of_now(ask: InProcessClient, clock: Clock):
    key = await create(ask, (Tag.ACTIVATION_DATE, NOW + 1), (Tag.DEACTIVATION_DATE, NOW + 2))
    seen: list[State] = []
    for _ in range(3):
        seen += await values(ask, key, Tag.STATE)
        clock.now += 1
    assert seen == [State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED]


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize("name", [Tag.STATE, FLAVOUR])
async def test_the_same_attribute_is_not_asked_for_twice(ask: InProcessClient, version, name):
    """1.4 section 11.13: Invalid Message; 2.1 section 6.1.20: SHALL NOT."""
    ask = ask.at(version)
    key = await create(ask)
    with pytest.raises(Failed) as refused:
        await ask(Operation.GET_ATTRIBUTES, unique_identifier=key, attribute_names=(name, name))
    assert refused.value.reason == ResultReason.INVALID_MESSAGE


async def test_a_group_link_is_read_by_its_name_whatever_it_is_the_name_of(ask: InProcessClient):
    """In 3.0 a Group Link is the name of an Object Group, or the identifier of a Group."""
    ask = ask.at(V3_0)
    key = await create(ask, (Tag.GROUP_LINK, "an identifier"), (Tag.OBJECT_GROUP, "a name"))
    got = await ask(
        Operation.GET_ATTRIBUTES, unique_identifier=key, attribute_names=(Tag.GROUP_LINK,)
    )
    assert got.attributes.all(Tag.GROUP_LINK) == ("an identifier",)
    assert got.attributes.all(Tag.OBJECT_GROUP) == ("a name",)
