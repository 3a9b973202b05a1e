from typing import Annotated

import pytest

from kmip.enums import AsynchronousIndicator as Indicator
from kmip.enums import ItemType, UniqueIdentifier
from kmip.errors import InvalidField, InvalidMessage
from kmip.items import Item
from kmip.items import structure as item_of
from kmip.structures import Structure, from_item, structure, to_item
from kmip.tags import Tag
from kmip.types import (
    ONLY_INTERNAL,
    AsynchronousIndicator,
    BigInteger,
    DateTime,
    DateTimeExtended,
    Identifier,
    Interval,
    LongInteger,
    OpaqueDataType,
    Reference,
)
from kmip.versions import INTERNAL, SUPPORTED, V1_4, V2_0, V2_1, V3_0

TAG = Tag.REQUEST_PAYLOAD


@structure
class Typed(Structure):
    unique_identifier: Identifier | None = None
    linked_object_identifier: Reference | None = None
    initial_date: DateTime | None = None
    submission_date: DateTimeExtended | None = None
    lease_time: Interval | None = None
    usage_limits_count: LongInteger | None = None
    p: BigInteger | None = None
    opaque_data_type: OpaqueDataType | None = None
    asynchronous_indicator: AsynchronousIndicator | None = None
    comment: Annotated[str | None, ONLY_INTERNAL] = None


def written(version=V1_4, **values):
    (child,) = to_item(Typed(**values), TAG, version).children
    return child.type, child.value


def read(tag, kind, value, version=V1_4):
    typed = from_item(item_of(TAG, Item(tag, kind, value)), Typed, version)
    return getattr(typed, tag.name.lower())


@pytest.mark.parametrize(
    "name,value,kind",
    [
        ("unique_identifier", "1", ItemType.TEXT_STRING),
        ("initial_date", -5, ItemType.DATE_TIME),
        ("submission_date", 5, ItemType.DATE_TIME_EXTENDED),
        ("lease_time", 5, ItemType.INTERVAL),
        ("usage_limits_count", 5, ItemType.LONG_INTEGER),
        ("opaque_data_type", 0x80000000, ItemType.ENUMERATION),
    ],
)
def test_a_value_has_the_item_type_of_its_annotation(name, value, kind):
    assert written(**{name: value}) == (kind, value)
    assert read(Tag[name.upper()], kind, value) == value


def test_a_big_integer_is_a_number():
    assert written(p=5) == (ItemType.BIG_INTEGER, bytes(7) + b"\5")


def test_an_identifier_has_types_of_its_own_in_3_0():
    assert written(V2_1, unique_identifier="1") == (ItemType.TEXT_STRING, "1")
    assert written(V3_0, unique_identifier="1") == (ItemType.IDENTIFIER, "1")
    assert written(V3_0, linked_object_identifier="1") == (ItemType.REFERENCE, "1")
    assert written(INTERNAL, unique_identifier="1") == (ItemType.TEXT_STRING, "1")


def test_an_identifier_may_be_what_an_operation_made_or_a_batch_item():
    made = UniqueIdentifier.ID_PLACEHOLDER
    assert written(V2_0, unique_identifier=made) == (ItemType.ENUMERATION, int(made))
    assert written(V2_0, unique_identifier=-1) == (ItemType.INTEGER, -1)


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_an_identifier_is_understood_in_every_form(version):
    tag = Tag.UNIQUE_IDENTIFIER
    for kind in (ItemType.TEXT_STRING, ItemType.IDENTIFIER, ItemType.REFERENCE):
        assert read(tag, kind, "1", version) == "1"
    assert read(tag, ItemType.INTEGER, 0, version) == 0
    assert read(tag, ItemType.ENUMERATION, 1, version) is UniqueIdentifier(1)
    with pytest.raises(InvalidField):
        read(tag, ItemType.ENUMERATION, 0xFF, version)
    with pytest.raises(InvalidMessage):
        read(tag, ItemType.BYTE_STRING, b"1", version)


def test_microseconds_are_cut_to_seconds():
    assert read(Tag.INITIAL_DATE, ItemType.DATE_TIME_EXTENDED, 1_999_999) == 1
    assert read(Tag.INITIAL_DATE, ItemType.DATE_TIME_EXTENDED, -1) == -1
    with pytest.raises(InvalidMessage):
        read(Tag.INITIAL_DATE, ItemType.INTEGER, 1)


def test_the_asynchronous_indicator_was_a_truth_up_to_1_4():
    tag = Tag.ASYNCHRONOUS_INDICATOR
    assert read(tag, ItemType.BOOLEAN, True) == Indicator.OPTIONAL
    assert read(tag, ItemType.BOOLEAN, False) == Indicator.PROHIBITED
    assert read(tag, ItemType.ENUMERATION, 1) == Indicator.MANDATORY
    for indicator in (Indicator.MANDATORY, Indicator.OPTIONAL, Indicator.PROHIBITED):
        allowed = indicator != Indicator.PROHIBITED
        assert written(asynchronous_indicator=indicator) == (ItemType.BOOLEAN, allowed)
        assert written(V2_0, asynchronous_indicator=indicator) == (ItemType.ENUMERATION, indicator)


def test_a_field_at_rest_is_never_on_the_wire():
    assert written(INTERNAL, comment="kept") == (ItemType.TEXT_STRING, "kept")
    for version in SUPPORTED:
        assert to_item(Typed(comment="kept"), TAG, version).children == ()
