"""Delete Attribute."""

import pytest

from kmip.attributes import AttributeInstance, InstanceReference
from kmip.enums import LinkType, Operation
from kmip.errors import (
    AttributeInstanceNotFound,
    AttributeNotFound,
    AttributeReadOnly,
    IndexOutOfBounds,
    InvalidField,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, V3_0, ProtocolVersion
from tests.server.conftest import InProcessClient
from tests.server.samples import create, create_pair, refused, values

DELETE = Operation.DELETE_ATTRIBUTE
GROUP = Tag.OBJECT_GROUP
ABC = [(GROUP, name) for name in "abc"]


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one <= V1_4], ids=str)
async def test_1_x_names_a_value_by_its_index(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, *ABC)
    made = await ask(DELETE, unique_identifier=key, attribute_reference=InstanceReference(GROUP, 1))
    assert made.attribute.value == "b"
    assert await values(ask, key, GROUP) == ("a", "c")
    again = {"unique_identifier": key, "attribute_reference": InstanceReference(GROUP, 1)}
    await refused(ask, IndexOutOfBounds, DELETE, **again)
    made = await ask(DELETE, unique_identifier=key, attribute_reference=InstanceReference(GROUP, 2))
    assert await values(ask, key, GROUP) == ("a",)


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V2_0], ids=str)
async def test_later_versions_name_a_value_or_all_of_them(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    key = await create(ask, *ABC)
    b = {"unique_identifier": key, "current_attribute": AttributeInstance(GROUP, "b")}
    await ask(DELETE, **b)
    assert await values(ask, key, GROUP) == ("a", "c")
    await refused(ask, AttributeInstanceNotFound, DELETE, **b)
    every = {"unique_identifier": key, "attribute_reference": InstanceReference(GROUP)}
    await ask(DELETE, **every)
    assert await values(ask, key, GROUP) == ()
    await refused(ask, AttributeNotFound, DELETE, **every)
    await refused(ask, InvalidField, DELETE, unique_identifier=key)


async def test_3_0_deletes_links_by_their_type(ask: InProcessClient):
    ask = ask.at(V3_0)
    private, _ = await create_pair(ask)
    links = {
        "unique_identifier": private,
        "attribute_reference": InstanceReference(LinkType.PUBLIC_KEY_LINK),
    }
    await ask(DELETE, **links)
    assert await values(ask, private, Tag.LINK) == ()
    await refused(ask, AttributeNotFound, DELETE, **links)


async def test_what_an_object_always_has_stays(ask: InProcessClient):
    key = await create(ask)
    for tag in (Tag.UNIQUE_IDENTIFIER, Tag.CRYPTOGRAPHIC_LENGTH, Tag.SENSITIVE):
        await refused(
            ask,
            AttributeReadOnly,
            DELETE,
            unique_identifier=key,
            attribute_reference=InstanceReference(tag),
        )
