"""Import."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import KeyWrapType, ObjectType, Operation
from kmip.errors import InvalidField, ObjectAlreadyExists
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, ProtocolVersion
from server.operations.import_ import LONGEST
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import (
    ACTIVE,
    aes,
    attribute,
    create,
    destroyed,
    material,
    opaque,
    refused,
    symmetric_key,
)

RAW = bytes(range(32))


def fields_of(identifier: str, *pairs, **fields):
    return {
        "unique_identifier": identifier,
        "object_type": ObjectType.SYMMETRIC_KEY,
        "attributes": aes(*pairs),
        "object": symmetric_key(RAW),
    } | fields


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V1_4], ids=str)
async def test_an_object_comes_under_its_own_identifier(
    ask: InProcessClient, version: ProtocolVersion
):
    ask = ask.at(version)
    made = await ask(Operation.IMPORT, **fields_of("vault/7 ä"))
    assert made.unique_identifier == "vault/7 ä"
    assert await material(ask, "vault/7 ä") == RAW
    assert await attribute(ask, "vault/7 ä", Tag.UNIQUE_IDENTIFIER) == "vault/7 ä"


async def test_an_exported_object_is_imported_as_it_was(ask: InProcessClient):
    key = await create(ask, ACTIVE, (Tag.SENSITIVE, False), (Tag.DESCRIPTION, "mine"))
    out = await ask(Operation.EXPORT, unique_identifier=key)
    await ask(
        Operation.IMPORT,
        unique_identifier=key,
        object_type=out.object_type,
        attributes=out.attributes,
        object=out.object,
        replace_existing=True,
    )
    again = await ask(Operation.EXPORT, unique_identifier=key)
    assert again.object == out.object
    skipped = {Tag.LAST_CHANGE_DATE, Tag.FRESH}
    for tag in set(out.attributes.values) - skipped:
        assert again.attributes.all(tag) == out.attributes.all(tag)


async def test_what_is_there_is_replaced_only_when_asked_for(ask: InProcessClient):
    key = await create(ask)
    await refused(ask, ObjectAlreadyExists, Operation.IMPORT, **fields_of(key))
    await ask(Operation.IMPORT, **fields_of(key), replace_existing=True)
    assert await material(ask, key) == RAW


async def test_what_is_destroyed_may_come_back_by_import(ask: InProcessClient):
    key = await destroyed(ask)
    await ask(Operation.IMPORT, **fields_of(key))
    assert await material(ask, key) == RAW


async def test_identifiers_have_a_length(ask: InProcessClient):
    for identifier in ("", "x" * (LONGEST + 1), "ä" * (LONGEST // 2 + 1)):
        await refused(ask, InvalidField, Operation.IMPORT, **fields_of(identifier))
    await ask(Operation.IMPORT, **fields_of("x" * LONGEST))


async def test_the_type_is_told_by_the_object(ask: InProcessClient):
    ask = ask.at(V1_4)
    fields = fields_of("one", object=opaque(), attributes=Attributes()) | {"object_type": None}
    await ask(Operation.IMPORT, **fields)
    assert await attribute(ask, "one", Tag.OBJECT_TYPE) == ObjectType.OPAQUE_OBJECT


async def test_a_past_as_sensitive_or_extractable_is_kept_where_it_is_no_boast(
    ask: InProcessClient,
):
    await ask(
        Operation.IMPORT,
        **fields_of("one", (Tag.SENSITIVE, True), (Tag.ALWAYS_SENSITIVE, False)),
    )
    assert await attribute(ask, "one", Tag.ALWAYS_SENSITIVE) is False


async def test_what_is_not_wrapped_needs_no_unwrapping(ask: InProcessClient):
    await ask(Operation.IMPORT, **fields_of("one"), key_wrap_type=KeyWrapType.NOT_WRAPPED)
    fields = fields_of("two", object=opaque(), object_type=ObjectType.OPAQUE_OBJECT)
    fields["attributes"] = Attributes()
    await ask(Operation.IMPORT, **fields, key_wrap_type=KeyWrapType.NOT_WRAPPED)
    assert await attribute(ask, "two", Tag.INITIAL_DATE) == NOW
