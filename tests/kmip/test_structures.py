from dataclasses import field
from typing import Annotated, NamedTuple

import pytest

from kmip.enums import ItemType, ObjectType, Operation
from kmip.errors import InvalidField, InvalidMessage
from kmip.items import Item
from kmip.items import structure as item_of
from kmip.masks import CryptographicUsageMask
from kmip.structures import (
    BigIntegerForm,
    Converted,
    EnumerationForm,
    MaskForm,
    Plain,
    Raw,
    Structure,
    Versioned,
    form_of,
    from_item,
    plan_of,
    structure,
    to_item,
)
from kmip.tags import Tag
from kmip.types import BigInteger, LongInteger
from kmip.versions import INTERNAL, SUPPORTED, V1_0, V1_2, V1_4, V2_0, since, until

TAG = Tag.REQUEST_PAYLOAD


class Pair(NamedTuple):
    """A carriage: two integers under tags of their own make one value."""

    tags = (Tag.P, Tag.Q)  # type: ignore[misc] # of the class, as in the carriages of kmip

    def read(self, items, version):
        return [item.value for item in items]

    def write(self, value, version):
        return [
            Item(tag, ItemType.INTEGER, each) for tag, each in zip(self.tags, value, strict=True)
        ]


@structure
class Inner(Structure):
    name_value: str


@structure
class Sample(Structure):
    unique_identifier: str
    operation: Operation
    cryptographic_length: int | None = None
    key_material: bytes | None = None
    fresh: Annotated[bool | None, since(V1_2)] = None
    maximum_items: Annotated[int | None, until(V1_4)] = None
    name: Inner | None = None
    digest: tuple[Inner, ...] = ()
    pairs: Annotated[list[int] | None, Pair()] = None
    renamed: Annotated[LongInteger, Tag.USAGE_LIMITS_COUNT] = 7
    request_payload: Item | None = None


def text(tag, value):
    return Item(tag, ItemType.TEXT_STRING, value)


IDENTIFIER = text(Tag.UNIQUE_IDENTIFIER, "1")
OPERATION = Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.GET)
COUNT = Item(Tag.USAGE_LIMITS_COUNT, ItemType.LONG_INTEGER, 7)


def read(*children, version=V1_4):
    return from_item(item_of(TAG, IDENTIFIER, OPERATION, *children), Sample, version)


def written(sample, version=V1_4):
    return to_item(sample, TAG, version).children


FULL = Sample(
    unique_identifier="1",
    operation=Operation.GET,
    cryptographic_length=128,
    key_material=b"key",
    fresh=True,
    maximum_items=3,
    name=Inner(name_value="a"),
    digest=(Inner(name_value="b"), Inner(name_value="c")),
    pairs=[1, 2],
    renamed=-1,
    request_payload=Item(TAG, ItemType.INTERVAL, 5),
)


# Reading and writing


@pytest.mark.parametrize("version", [V1_2, V1_4, INTERNAL], ids=str)
def test_a_structure_is_read_as_it_was_written(version):
    assert from_item(to_item(FULL, TAG, version), Sample, version) == FULL


def test_fields_are_written_in_the_order_of_their_declaration():
    assert [child.tag for child in written(FULL)] == [
        Tag.UNIQUE_IDENTIFIER,
        Tag.OPERATION,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.KEY_MATERIAL,
        Tag.FRESH,
        Tag.MAXIMUM_ITEMS,
        Tag.NAME,
        Tag.DIGEST,
        Tag.DIGEST,
        Tag.P,
        Tag.Q,
        Tag.USAGE_LIMITS_COUNT,
        Tag.REQUEST_PAYLOAD,
    ]


def test_what_is_none_or_empty_is_not_written():
    sample = Sample(unique_identifier="1", operation=Operation.GET)
    assert written(sample) == (IDENTIFIER, OPERATION, COUNT)


@pytest.mark.parametrize("version,lacking", [(V1_0, Tag.FRESH), (V2_0, Tag.MAXIMUM_ITEMS)], ids=str)
def test_what_the_version_lacks_is_not_written_and_yet_understood(version, lacking):
    found = {child.tag for child in written(FULL, version)}
    assert {child.tag for child in written(FULL, INTERNAL)} - found == {lacking}
    everything = to_item(FULL, TAG, INTERNAL)
    assert from_item(everything, Sample, version) == FULL


def test_fields_are_understood_in_any_order():
    mixed = item_of(TAG, *reversed(written(FULL)[:7]))
    assert from_item(mixed, Sample, V1_4).name == FULL.name


def test_a_default_stands_for_what_is_absent():
    assert read().renamed == 7
    assert read().digest == ()


def test_a_vendors_tag_is_passed_over():
    assert read(text(0x540001, "whatever")) == read()


@pytest.mark.parametrize(
    "children,message",
    [
        ([IDENTIFIER], "RequestPayload/Operation: is missing"),
        ([OPERATION], "RequestPayload/UniqueIdentifier: is missing"),
        ([IDENTIFIER, OPERATION, OPERATION], "RequestPayload/Operation: occurs twice"),
        ([IDENTIFIER, OPERATION, text(Tag.PASSWORD, "x")], "Password is not expected here"),
        ([IDENTIFIER, OPERATION, text(0x42FFFF, "x")], "42FFFF is not expected here"),
        ([text(Tag.OPERATION, "Get")], "Operation: expected ENUMERATION, got TEXT_STRING"),
        (
            [IDENTIFIER, OPERATION, item_of(Tag.NAME)],
            "Name/NameValue: is missing",
        ),
        (
            [IDENTIFIER, OPERATION, text(Tag.NAME, "x")],
            "Name: expected STRUCTURE, got TEXT_STRING",
        ),
    ],
)
def test_a_field_is_refused_with_the_path_to_it(children, message):
    with pytest.raises(InvalidMessage) as caught:
        from_item(item_of(TAG, *children), Sample, V1_4)
    assert message in str(caught.value)


def test_a_structure_is_no_other_type():
    with pytest.raises(InvalidMessage, match="expected STRUCTURE, got TEXT_STRING"):
        from_item(text(TAG, "x"), Sample, V1_4)


def test_an_enumeration_has_only_its_values():
    with pytest.raises(InvalidField, match="Operation has no value 0x000000FE"):
        from_item(
            item_of(TAG, IDENTIFIER, Item(Tag.OPERATION, ItemType.ENUMERATION, 0xFE)),
            Sample,
            V1_4,
        )


def test_values_are_never_shown():
    assert repr(FULL) == (
        "Sample(unique_identifier, operation, cryptographic_length, key_material, fresh,"
        " maximum_items, name, digest, pairs, renamed, request_payload)"
    )
    assert repr(Sample(unique_identifier="secret", operation=Operation.GET)) == (
        "Sample(unique_identifier, operation, renamed)"
    )


# Forms


def one(form, kind, value, version=V1_4):
    return form.read(Item(Tag.DATA, kind, value), version)


@pytest.mark.parametrize(
    "form,kind,value,expected",
    [
        (Plain(ItemType.BYTE_STRING), ItemType.BYTE_STRING, b"x", b"x"),
        (EnumerationForm(ObjectType), ItemType.ENUMERATION, 2, ObjectType.SYMMETRIC_KEY),
        (EnumerationForm(ObjectType), ItemType.ENUMERATION, 0x80000007, ObjectType(0x80000007)),
        (MaskForm(CryptographicUsageMask), ItemType.INTEGER, 12, CryptographicUsageMask(12)),
        (
            MaskForm(CryptographicUsageMask),
            ItemType.INTEGER,
            -(1 << 31),
            CryptographicUsageMask(1 << 31),
        ),
        (BigIntegerForm(), ItemType.BIG_INTEGER, bytes(7) + b"\5", 5),
        (BigIntegerForm(), ItemType.BIG_INTEGER, b"\xff" * 8, -1),
        (BigIntegerForm(), ItemType.BIG_INTEGER, bytes(8), 0),
        (BigIntegerForm(), ItemType.BIG_INTEGER, bytes(8) + b"\x80" + bytes(7), 1 << 63),
        (BigIntegerForm(), ItemType.BIG_INTEGER, b"\x80" + bytes(7), -(1 << 63)),
        (Raw(), ItemType.INTERVAL, 9, Item(Tag.DATA, ItemType.INTERVAL, 9)),
    ],
)
def test_a_form_reads_a_value_and_writes_it_back(form, kind, value, expected):
    assert one(form, kind, value) == expected
    assert form.write(Tag.DATA, expected, V1_4) == Item(Tag.DATA, kind, value)


def test_a_big_integer_longer_than_needed_is_understood():
    assert one(BigIntegerForm(), ItemType.BIG_INTEGER, bytes(15) + b"\5") == 5


@pytest.mark.parametrize(
    "form",
    [
        Plain(ItemType.BYTE_STRING),
        EnumerationForm(ObjectType),
        MaskForm(CryptographicUsageMask),
        BigIntegerForm(),
    ],
)
def test_a_form_refuses_another_type(form):
    with pytest.raises(InvalidMessage, match=r"Data: expected .*, got DATE_TIME"):
        one(form, ItemType.DATE_TIME, 1)


OLD_AND_NEW = Versioned(
    (until(V1_4), ItemType.BOOLEAN, Converted(Plain(ItemType.BOOLEAN), int, bool)),
    (since(V2_0), ItemType.INTEGER, Plain(ItemType.INTEGER)),
)


def test_a_value_takes_the_form_of_the_version_and_is_understood_in_any():
    assert OLD_AND_NEW.write(Tag.DATA, 1, V1_4) == Item(Tag.DATA, ItemType.BOOLEAN, True)
    assert OLD_AND_NEW.write(Tag.DATA, 1, V2_0) == Item(Tag.DATA, ItemType.INTEGER, 1)
    for version in SUPPORTED:
        assert one(OLD_AND_NEW, ItemType.BOOLEAN, True, version) == 1
        assert one(OLD_AND_NEW, ItemType.INTEGER, 1, version) == 1
    with pytest.raises(InvalidMessage, match="expected INTEGER, got TEXT_STRING"):
        one(OLD_AND_NEW, ItemType.TEXT_STRING, "1")


def test_a_value_without_a_form_in_the_version_is_the_writers_mistake():
    newer = Versioned((since(V2_0), ItemType.INTEGER, Plain(ItemType.INTEGER)))
    with pytest.raises(ValueError, match=r"Data has no form in version 1\.4"):
        newer.write(Tag.DATA, 1, V1_4)


# Declarations


def test_two_fields_of_one_tag_are_refused():
    @structure
    class Twice(Structure):
        name: Inner
        other: Annotated[str, Tag.NAME]

    with pytest.raises(TypeError, match="Twice has two fields for Name"):
        plan_of(Twice)


def test_a_type_without_a_form_is_refused():
    with pytest.raises(TypeError, match="has no form"):
        form_of(float)
    with pytest.raises(TypeError, match="has no form"):
        form_of(str | int)


def test_a_field_with_a_factory_may_be_absent():
    @structure
    class Made(Structure):
        name_value: str = field(default_factory=str)
        prime_field_size: BigInteger | None = None

    assert from_item(item_of(TAG), Made, V1_4) == Made(name_value="")
    assert plan_of(Made).required == frozenset()
    assert plan_of(Made) is plan_of(Made)
