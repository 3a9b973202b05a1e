"""Modify Attribute."""

import pytest

from kmip.attributes import AttributeInstance
from kmip.enums import Operation, State
from kmip.errors import (
    AttributeInstanceNotFound,
    AttributeNotFound,
    AttributeReadOnly,
    IndexOutOfBounds,
    InvalidField,
    PermissionDenied,
    WrongKeyLifecycleState,
)
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_0, V2_1, ProtocolVersion
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import ACTIVE, attribute, create, refused, state, values

MODIFY = Operation.MODIFY_ATTRIBUTE
GROUP = Tag.OBJECT_GROUP


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one <= V1_4], ids=str)
async def test_1_x_names_a_value_by_its_index(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, (GROUP, "a"), (GROUP, "b"))
    made = await ask(MODIFY, unique_identifier=key, new_attribute=AttributeInstance(GROUP, "c", 1))
    assert (made.attribute.value, made.attribute.index) == ("c", 1)
    assert await values(ask, key, GROUP) == ("a", "c")
    await ask(MODIFY, unique_identifier=key, new_attribute=AttributeInstance(GROUP, "d"))
    assert await values(ask, key, GROUP) == ("d", "c")
    wrong = AttributeInstance(GROUP, "e", 2)
    await refused(ask, IndexOutOfBounds, MODIFY, unique_identifier=key, new_attribute=wrong)


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V2_0], ids=str)
async def test_later_versions_name_it_by_its_value(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, (GROUP, "a"), (GROUP, "b"))
    fields = {"unique_identifier": key, "new_attribute": AttributeInstance(GROUP, "c")}
    await ask(MODIFY, current_attribute=AttributeInstance(GROUP, "b"), **fields)
    assert await values(ask, key, GROUP) == ("a", "c")
    await refused(
        ask,
        AttributeInstanceNotFound,
        MODIFY,
        current_attribute=AttributeInstance(GROUP, "b"),
        **fields,
    )


async def test_only_what_is_there_is_modified(ask: InProcessClient):
    key = await create(ask)
    new = AttributeInstance(Tag.CONTACT_INFORMATION, "me")
    await refused(ask, AttributeNotFound, MODIFY, unique_identifier=key, new_attribute=new)


async def test_what_has_one_value_is_replaced(ask: InProcessClient):
    key = await create(ask, (Tag.DESCRIPTION, "old"))
    await ask(
        MODIFY, unique_identifier=key, new_attribute=AttributeInstance(Tag.DESCRIPTION, "new")
    )
    assert await values(ask, key, Tag.DESCRIPTION) == ("new",)


async def test_what_is_read_only_stays(ask: InProcessClient):
    key = await create(ask)
    for instance in (
        AttributeInstance(Tag.STATE, State.ACTIVE),
        AttributeInstance(Tag.CRYPTOGRAPHIC_LENGTH, 128),
        AttributeInstance(Tag.UNIQUE_IDENTIFIER, "mine"),
    ):
        await refused(ask, AttributeReadOnly, MODIFY, unique_identifier=key, new_attribute=instance)


async def test_an_activation_date_is_moved_while_it_is_ahead(ask: InProcessClient):
    key = await create(ask, (Tag.ACTIVATION_DATE, NOW + 100))
    now = AttributeInstance(Tag.ACTIVATION_DATE, NOW)
    await ask(MODIFY, unique_identifier=key, new_attribute=now)
    assert await state(ask, key) == State.ACTIVE
    other = await create(ask, ACTIVE)
    await refused(ask, WrongKeyLifecycleState, MODIFY, unique_identifier=other, new_attribute=now)


async def test_what_is_locked_is_not_unlocked(ask: InProcessClient):
    key = await create(ask, (Tag.SENSITIVE, True), (Tag.EXTRACTABLE, False))
    for instance in (
        AttributeInstance(Tag.SENSITIVE, False),
        AttributeInstance(Tag.EXTRACTABLE, True),
    ):
        await refused(ask, PermissionDenied, MODIFY, unique_identifier=key, new_attribute=instance)
    assert await attribute(ask, key, Tag.SENSITIVE) is True
    assert ask.version == V2_1


async def test_which_of_several_values_must_be_said(ask: InProcessClient):
    """2.1 section 6.1.34: an error SHALL be returned."""
    key = await create(ask, (GROUP, "a"), (GROUP, "b"))
    new = {"new_attribute": AttributeInstance(GROUP, "c")}
    await refused(ask, InvalidField, MODIFY, unique_identifier=key, **new)
    assert await values(ask, key, GROUP) == ("a", "b")
