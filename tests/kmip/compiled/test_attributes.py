"""Attributes as clients send them, read and written without items between."""

import pytest

from kmip.attribute_encoding import INDICES
from kmip.compiled import reading
from kmip.compiled.reading import reader_of
from kmip.compiled.writing import writer_of
from kmip.encodings import ttlv
from kmip.encodings.ttlv import HEADER_BYTES
from kmip.enums import CryptographicAlgorithm, ItemType, ObjectType
from kmip.errors import KMIPError
from kmip.items import Item, structure
from kmip.payloads.create import CreateRequest
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_4, V2_1

NAME = Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "Cryptographic Length")
VALUE = Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 128)


def index(number):
    return Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, number)


def create(*attributes, tag=Tag.TEMPLATE_ATTRIBUTE):
    """The content of a Create's payload."""
    kind = Item(Tag.OBJECT_TYPE, ItemType.ENUMERATION, ObjectType.SYMMETRIC_KEY)
    whole = structure(Tag.REQUEST_PAYLOAD, kind, structure(tag, *attributes))
    return ttlv.encode(whole)[HEADER_BYTES:]


def named(*parts):
    return create(structure(Tag.ATTRIBUTE, *parts))


def read(content, version):
    try:
        return reader_of(CreateRequest, version)(content, 0, len(content))
    except reading.NOT_TAKEN:
        return None


def read_generically(content, version):
    try:
        item = ttlv.with_content(Tag.REQUEST_PAYLOAD, content)
        return from_item(ttlv.decode(ttlv.encode(item)), CreateRequest, version)
    except KMIPError:
        return None


ALGORITHM = Item(Tag.CRYPTOGRAPHIC_ALGORITHM, ItemType.ENUMERATION, CryptographicAlgorithm.AES)
LINK = Item(Tag.WRAPPING_KEY_LINK, ItemType.REFERENCE, "other")
GROUP = Item(Tag.GROUP_LINK, ItemType.NAME_REFERENCE, "group")
VENDOR = structure(
    Tag.ATTRIBUTE,
    Item(Tag.VENDOR_IDENTIFICATION, ItemType.TEXT_STRING, "x"),
    Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "room"),
    Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, 7),
)
TEMPLATE = structure(Tag.NAME, Item(Tag.NAME_VALUE, ItemType.TEXT_STRING, "template"))


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
@pytest.mark.parametrize(
    "content",
    [
        named(NAME, VALUE),
        named(NAME, index(3), VALUE),
        named(VALUE, NAME),
        named(NAME, VALUE, index(3)),
        create(structure(Tag.ATTRIBUTE, NAME, VALUE), structure(Tag.ATTRIBUTE, NAME, VALUE)),
        create(TEMPLATE, structure(Tag.ATTRIBUTE, NAME, VALUE)),
        create(ALGORITHM, LINK, GROUP, VENDOR, tag=Tag.ATTRIBUTES),
        create(ALGORITHM, GROUP, GROUP, tag=Tag.ATTRIBUTES),
        create(tag=Tag.ATTRIBUTES),
    ],
    ids=[
        "named", "index", "value first", "index last", "twice", "template", "tagged", "groups",
        "none",
    ],
)  # fmt: skip
def test_attributes_of_either_form_are_read_as_by_the_generic_way(content, version):
    found = read(content, version)
    assert found is not None
    assert found == read_generically(content, version)
    whole = ttlv.encode(to_item(found, Tag.REQUEST_PAYLOAD, version))
    assert writer_of(CreateRequest, version)(found) == whole[HEADER_BYTES:]


@pytest.mark.parametrize(
    "content",
    [
        named(NAME),
        named(NAME, VALUE, VALUE),
        named(NAME, NAME, VALUE),
        named(NAME, index(-1), VALUE),
        named(NAME, index(INDICES[-1] + 1), VALUE),
        named(NAME, Item(Tag.ATTRIBUTE_INDEX, ItemType.LONG_INTEGER, 1), VALUE),
        named(NAME, Item(Tag.ATTRIBUTE_VALUE, ItemType.LONG_INTEGER, 128)),
        named(Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "Cryptographic Width"), VALUE),
        named(Item(Tag.ATTRIBUTE_NAME, ItemType.BYTE_STRING, b"Cryptographic Length"), VALUE),
        create(Item(Tag.TEMPLATE_ATTRIBUTE, ItemType.INTEGER, 1)),
        create(index(1), ALGORITHM, tag=Tag.ATTRIBUTES),
        create(Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1), tag=Tag.ATTRIBUTES),
    ],
    ids=[
        "no value", "two values", "two names", "index below", "index above", "index of a type",
        "value of a type", "unknown", "name of a type", "nested", "index before", "no attribute",
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [V1_4, V2_1], ids=str)
def test_attributes_that_are_wrong_are_not_taken_for_others(content, version):
    found = read(content, version)
    assert found is None or found == read_generically(content, version)


def test_padding_within_an_attribute_that_is_not_zero_is_not_taken():
    content = named(NAME, VALUE)
    spoilt = content.replace(b"Length\0\0\0\0", b"Length\0\0\0\1")
    assert spoilt != content
    assert read(spoilt, V1_4) is None
