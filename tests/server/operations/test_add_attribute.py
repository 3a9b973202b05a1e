"""Add Attribute."""

from dataclasses import replace

import pytest

from kmip.attributes import AttributeInstance, VendorAttributeName
from kmip.enums import ItemType, Operation, ResultReason, State
from kmip.errors import AttributeReadOnly, AttributeSingleValued, ReadOnlyAttribute
from kmip.items import Item, structure
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1, ProtocolVersion
from tests.server.conftest import NOW, Clock, Failed, InProcessClient
from tests.server.samples import attribute, create, refused, values

ADD = Operation.ADD_ATTRIBUTE
FLAVOUR = VendorAttributeName("x", "flavour")


def text(value: str) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, value)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_values_come_after_those_that_are_there(
    ask: InProcessClient, clock: Clock, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask, (Tag.OBJECT_GROUP, "a"))
    clock.now += 5
    for name in "bc":
        made = await ask(
            ADD, unique_identifier=key, new_attribute=AttributeInstance(Tag.OBJECT_GROUP, name)
        )
    await ask(ADD, unique_identifier=key, new_attribute=AttributeInstance(FLAVOUR, text("mint")))
    assert await values(ask, key, Tag.OBJECT_GROUP) == ("a", "b", "c")
    assert await values(ask, key, FLAVOUR) == (text("mint"),)
    assert await attribute(ask, key, Tag.LAST_CHANGE_DATE) == NOW + 5
    if version <= V1_4:
        assert (made.attribute.value, made.attribute.index) == ("c", 2)


async def test_what_has_one_value_gets_no_second(ask: InProcessClient):
    key = await create(ask)
    one = AttributeInstance(Tag.CONTACT_INFORMATION, "me")
    await ask(ADD, unique_identifier=key, new_attribute=one)
    await refused(ask, AttributeSingleValued, ADD, unique_identifier=key, new_attribute=one)


async def test_what_the_server_sets_is_not_added(ask: InProcessClient):
    key = await create(ask)
    for instance in (
        AttributeInstance(Tag.STATE, State.ACTIVE),
        AttributeInstance(Tag.DESTROY_DATE, NOW),
    ):
        with pytest.raises(Failed) as failure:
            await ask(ADD, unique_identifier=key, new_attribute=instance)
        kinds = (AttributeReadOnly, ReadOnlyAttribute)
        assert failure.value.reason in {kind("").reason(V2_1) for kind in kinds}
    assert await attribute(ask, key, Tag.STATE) == State.PRE_ACTIVE


async def test_a_name_without_a_value_adds_nothing(ask: InProcessClient):
    ask = ask.at(V1_4)
    key = await create(ask)
    item = ask.item(ADD, unique_identifier=key, new_attribute=AttributeInstance(FLAVOUR, text("x")))
    payload = item.request_payload
    bare = [
        Item(child.tag, child.type, child.value[:1]) if child.tag == Tag.ATTRIBUTE else child
        for child in payload.children
    ]
    item.request_payload = Item(payload.tag, payload.type, tuple(bare))
    (answer,) = await ask.batch(item)
    with pytest.raises(Failed):
        ask.payload(answer)
    assert await values(ask, key, FLAVOUR) == ()


@pytest.mark.parametrize("index", [0, 3])
async def test_the_server_chooses_the_index(ask: InProcessClient, index: int):
    """1.4 sections 4.14 and 11.15: the Attribute Index SHALL NOT be specified."""
    ask = ask.at(V1_4)
    key = await create(ask)
    added = AttributeInstance(Tag.OBJECT_GROUP, "a", index)
    item = ask.item(ADD, unique_identifier=key, new_attribute=added)
    payload = item.request_payload
    assert payload is not None
    if not index:  # which is not written by itself
        *before, attribute_item = payload.children
        name, value = attribute_item.children
        zero = Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 0)
        whole = structure(Tag.ATTRIBUTE, name, zero, value)
        item = replace(item, request_payload=structure(payload.tag, *before, whole))
    (answer,) = await ask.batch(item)
    assert answer.result_reason == ResultReason.INVALID_FIELD
    assert await values(ask, key, Tag.OBJECT_GROUP) == ()
