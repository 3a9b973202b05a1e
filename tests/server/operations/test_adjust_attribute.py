"""Adjust Attribute."""

import pytest

from kmip.attributes import VendorAttributeName
from kmip.enums import AdjustmentType, ItemType, Operation
from kmip.errors import (
    InvalidDataType,
    InvalidField,
    MultiValuedAttribute,
    NumericRange,
    ReadOnlyAttribute,
)
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V2_0, ProtocolVersion
from tests.server.conftest import NOW, InProcessClient
from tests.server.samples import attribute, create, refused

ADJUST = Operation.ADJUST_ATTRIBUTE
NUMBER = VendorAttributeName("x", "number")
UP, DOWN, NEGATE = AdjustmentType.INCREMENT, AdjustmentType.DECREMENT, AdjustmentType.NEGATE


def number(value, kind: ItemType = ItemType.INTEGER) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, kind, value)


def adjusting(key: str, how: AdjustmentType, by: Item | None = None, name=NUMBER):
    value = None if by is None else Item(Tag.ADJUSTMENT_VALUE, by.type, by.value)
    return {
        "unique_identifier": key,
        "attribute_names": (name,),
        "adjustment_type": how,
        "adjustment_value": value,
    }


@pytest.mark.parametrize("version", [one for one in SUPPORTED if one >= V2_0], ids=str)
async def test_a_number_goes_up_and_down(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    key = await create(ask, (NUMBER, number(5)))
    for how, by, expected in (
        (UP, None, 6),
        (UP, number(10), 16),
        (DOWN, None, 15),
        (DOWN, number(20), -5),
        (NEGATE, None, 5),
    ):
        await ask(ADJUST, **adjusting(key, how, by))
        assert await attribute(ask, key, NUMBER) == number(expected)


@pytest.mark.parametrize(
    "kind,value,expected",
    [
        (ItemType.LONG_INTEGER, 1 << 40, (1 << 40) + 1),
        (ItemType.DATE_TIME, NOW, NOW + 1),
        (ItemType.INTERVAL, 0, 1),
    ],
)
async def test_other_numbers_too(ask: InProcessClient, kind: ItemType, value: int, expected: int):
    key = await create(ask, (NUMBER, number(value, kind)))
    await ask(ADJUST, **adjusting(key, UP))
    assert await attribute(ask, key, NUMBER) == number(expected, kind)


async def test_a_truth_is_negated_and_nothing_else(ask: InProcessClient):
    key = await create(ask, (NUMBER, number(True, ItemType.BOOLEAN)))
    await ask(ADJUST, **adjusting(key, NEGATE))
    assert (await attribute(ask, key, NUMBER)).value is False
    await refused(ask, InvalidDataType, ADJUST, **adjusting(key, UP))


async def test_a_date_of_the_specification_moves(ask: InProcessClient):
    key = await create(ask, (Tag.ACTIVATION_DATE, NOW + 100))
    await ask(ADJUST, **adjusting(key, UP, number(60), Tag.ACTIVATION_DATE))
    assert await attribute(ask, key, Tag.ACTIVATION_DATE) == NOW + 160


@pytest.mark.parametrize(
    "kind,value,how",
    [
        (ItemType.INTEGER, (1 << 31) - 1, UP),
        (ItemType.INTEGER, -(1 << 31), NEGATE),
        (ItemType.LONG_INTEGER, -(1 << 63), DOWN),
        (ItemType.INTERVAL, 0, DOWN),
        (ItemType.INTERVAL, (1 << 32) - 1, UP),
    ],
)
async def test_numbers_keep_their_range(ask: InProcessClient, kind: ItemType, value: int, how):
    key = await create(ask, (NUMBER, number(value, kind)))
    await refused(ask, NumericRange, ADJUST, **adjusting(key, how))
    assert await attribute(ask, key, NUMBER) == number(value, kind)


async def test_what_is_no_number_is_not_adjusted(ask: InProcessClient):
    key = await create(ask, (NUMBER, number("five", ItemType.TEXT_STRING)))
    await refused(ask, InvalidDataType, ADJUST, **adjusting(key, UP))
    other = await create(ask, (NUMBER, number(5)))
    wrong = number("five", ItemType.TEXT_STRING)
    await refused(ask, InvalidDataType, ADJUST, **adjusting(other, UP, wrong))


async def test_one_value_of_one_attribute_is_adjusted(ask: InProcessClient):
    key = await create(ask, (NUMBER, number(1)), (NUMBER, number(2)))
    await refused(ask, MultiValuedAttribute, ADJUST, **adjusting(key, UP))
    fields = adjusting(key, UP) | {"attribute_names": (NUMBER, Tag.ACTIVATION_DATE)}
    await refused(ask, InvalidField, ADJUST, **fields)


@pytest.mark.parametrize(
    "name,how,by,expected",
    [
        (Tag.PROTECTION_PERIOD, UP, number(5), 5),
        (Tag.ROTATE_INTERVAL, UP, None, 1),
        (Tag.QUANTUM_SAFE, NEGATE, None, True),
        (NUMBER, DOWN, number(7, ItemType.LONG_INTEGER), number(-7, ItemType.LONG_INTEGER)),
    ],
    ids=str,
)
async def test_what_is_absent_counts_as_nothing(ask: InProcessClient, name, how, by, expected):
    """2.1 section 6.1.3: 0 for numbers and intervals, false for a Boolean."""
    key = await create(ask)
    await ask(ADJUST, **adjusting(key, how, by, name))
    assert await attribute(ask, key, name) == expected


async def test_an_absent_text_is_not_adjusted(ask: InProcessClient):
    key = await create(ask)
    await refused(ask, InvalidDataType, ADJUST, **adjusting(key, UP, None, Tag.COMMENT))


async def test_what_is_read_only_is_not_adjusted(ask: InProcessClient):
    key = await create(ask)
    for tag in (Tag.CRYPTOGRAPHIC_LENGTH, Tag.INITIAL_DATE, Tag.LEASE_TIME):
        await refused(ask, ReadOnlyAttribute, ADJUST, **adjusting(key, UP, None, tag))
