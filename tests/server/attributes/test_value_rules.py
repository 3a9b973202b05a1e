"""What the values of attributes must be, whichever operation gives them."""

import pytest

from kmip.attribute_values import ApplicationSpecificInformation, Link
from kmip.attributes import AttributeInstance, Attributes, VendorAttributeName
from kmip.enums import (
    ItemType,
    LinkType,
    ObjectType,
    Operation,
    ResultReason,
    UniqueIdentifier,
)
from kmip.items import Item, structure
from kmip.objects import Template
from kmip.tags import Tag
from kmip.versions import V1_0, V1_4, V2_1, V3_0
from tests.server.conftest import InProcessClient
from tests.server.samples import aes, attribute, create, symmetric_key, values

Op = Operation
NO_DATA = ApplicationSpecificInformation(application_namespace="ssl")
DATA = ApplicationSpecificInformation(application_namespace="ssl", application_data="host")
ASI = Tag.APPLICATION_SPECIFIC_INFORMATION
CUSTOM = VendorAttributeName("x", "place")
FLAT = structure(Tag.ATTRIBUTE_VALUE, Item(Tag.COMMENT, ItemType.TEXT_STRING, "a"))
NESTED = structure(Tag.ATTRIBUTE_VALUE, structure(Tag.COMMENT))


async def reason_of(ask: InProcessClient, operation: Operation, **fields) -> ResultReason | None:
    """Why an operation fails; None: it does not."""
    (item,) = await ask.batch(ask.item(operation, **fields))
    return item.result_reason


async def reasons(ask: InProcessClient, name, value) -> set[ResultReason | None]:
    """How the operations that may give an attribute a value answer."""
    key, pair = await create(ask), (name, value)
    fields = aes(pair)
    kind = ObjectType.SYMMETRIC_KEY
    added = {"unique_identifier": key, "new_attribute": AttributeInstance(name, value)}
    found = {
        await reason_of(ask, Op.CREATE, object_type=kind, attributes=fields),
        await reason_of(
            ask,
            Op.REGISTER,
            object_type=kind,
            attributes=fields,
            object=symmetric_key(bytes(16)),
        ),
        await reason_of(ask, Op.ADD_ATTRIBUTE, **added),
    }
    if ask.version < V2_1:
        template = Template(attributes=Attributes([pair]))
        made = {"object_type": ObjectType.TEMPLATE, "object": template}
        found.add(await reason_of(ask, Op.REGISTER, attributes=Attributes(), **made))
    else:
        imported = {"unique_identifier": "mine", "object": symmetric_key(bytes(16))}
        found.add(await reason_of(ask, Op.IMPORT, object_type=kind, attributes=fields, **imported))
    return found


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
async def test_the_server_makes_no_application_data(ask: InProcessClient, version):
    refused = ResultReason.APPLICATION_NAMESPACE_NOT_SUPPORTED
    assert await reasons(ask.at(version), ASI, NO_DATA) == {refused}
    assert await reasons(ask.at(version), ASI, DATA) == {None}


async def test_application_data_is_not_taken_away_by_a_change(ask: InProcessClient):
    key = await create(ask, (ASI, DATA))
    changed = AttributeInstance(ASI, NO_DATA)
    for operation in (Op.MODIFY_ATTRIBUTE, Op.SET_ATTRIBUTE):
        reason = await reason_of(ask, operation, unique_identifier=key, new_attribute=changed)
        assert reason == ResultReason.APPLICATION_NAMESPACE_NOT_SUPPORTED
    assert await values(ask, key, ASI) == (DATA,)


async def test_a_locate_may_leave_the_data_out(ask: InProcessClient):
    key = await create(ask, (ASI, DATA))
    found = await ask(Op.LOCATE, attributes=Attributes([(ASI, NO_DATA)]))
    assert found.unique_identifier == (key,)


@pytest.mark.parametrize(
    "version, name",
    [(V1_0, CUSTOM), (V1_4, CUSTOM), (V2_1, CUSTOM), (V2_1, VendorAttributeName("Acme", "place"))],
    ids=str,
)
async def test_a_custom_structure_has_no_structures_within(ask: InProcessClient, version, name):
    assert await reasons(ask.at(version), name, FLAT) == {None}
    assert await reasons(ask.at(version), name, NESTED) == {ResultReason.INVALID_FIELD}


def child(target) -> tuple[Tag, Link]:
    return Tag.LINK, Link(link_type=LinkType.CHILD_LINK, linked_object_identifier=target)


async def targets(ask: InProcessClient, key: str) -> list[str]:
    return [link.linked_object_identifier for link in await values(ask, key, Tag.LINK)]


@pytest.mark.parametrize(
    "target", [UniqueIdentifier.ID_PLACEHOLDER, UniqueIdentifier.CREATE, 0, -2], ids=repr
)
async def test_a_link_means_what_an_earlier_item_has_made(ask: InProcessClient, target):
    parent = await create(ask)
    make = {"object_type": ObjectType.SYMMETRIC_KEY}
    items = await ask.batch(
        ask.item(Op.CREATE, batch_id=b"1", attributes=aes(), **make),
        ask.item(Op.GET_ATTRIBUTES, batch_id=b"2"),
        ask.item(
            Op.ADD_ATTRIBUTE,
            batch_id=b"3",
            unique_identifier=parent,
            new_attribute=AttributeInstance(*child(target)),
        ),
        ask.item(Op.LOCATE, batch_id=b"4", attributes=Attributes([child(0)])),
        ask.item(Op.CREATE, batch_id=b"5", attributes=aes(child(0)), **make),
    )
    made = ask.payload(items[0]).unique_identifier
    assert await targets(ask, parent) == [made]
    assert ask.payload(items[3]).unique_identifier == (parent,)
    assert await targets(ask, ask.payload(items[4]).unique_identifier) == [made]


async def test_a_link_to_what_nothing_has_made_is_refused(ask: InProcessClient):
    key = await create(ask)
    added = AttributeInstance(*child(UniqueIdentifier.CREATE))
    reason = await reason_of(ask, Op.ADD_ATTRIBUTE, unique_identifier=key, new_attribute=added)
    assert reason == ResultReason.ITEM_NOT_FOUND
    assert await targets(ask, key) == []


async def test_the_links_of_3_0_are_resolved_too(ask: InProcessClient):
    ask = ask.at(V3_0)
    make = {"object_type": ObjectType.SYMMETRIC_KEY}
    items = await ask.batch(
        ask.item(Op.CREATE, batch_id=b"1", attributes=aes(), **make),
        ask.item(Op.CREATE, batch_id=b"2", attributes=aes((Tag.CREDENTIAL_LINK, 0)), **make),
    )
    first, second = [ask.payload(item).unique_identifier for item in items]
    assert await attribute(ask, second, Tag.CREDENTIAL_LINK) == first


@pytest.mark.parametrize("place", [0, -2])
async def test_a_negative_number_counts_back_from_the_item(ask: InProcessClient, place):
    key = await create(ask)
    items = await ask.batch(
        ask.item(Op.CREATE, batch_id=b"1", object_type=ObjectType.SYMMETRIC_KEY, attributes=aes()),
        ask.item(Op.GET, batch_id=b"2", unique_identifier=key),
        ask.item(Op.GET, batch_id=b"3", unique_identifier=place),
    )
    made = ask.payload(items[0]).unique_identifier
    assert ask.payload(items[2]).unique_identifier == made
