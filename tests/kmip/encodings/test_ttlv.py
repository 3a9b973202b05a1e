import construct
import pytest
from hypothesis import given, settings

from kmip.encodings.ttlv import HEADER_BYTES, TTLV, VALUES, decode, encode, with_content
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.kmip.encodings.items_of_all_kinds import items

TAG = 0x420020

EXAMPLES = {
    "integer": (
        Item(TAG, ItemType.INTEGER, 8),
        "420020 02 00000004 00000008 00000000",
    ),
    "long integer": (
        Item(TAG, ItemType.LONG_INTEGER, 123456789000000000),
        "420020 03 00000008 01B69B4BA5749200",
    ),
    "big integer": (
        Item(TAG, ItemType.BIG_INTEGER, (1234567890000000000000000000).to_bytes(16, "big")),
        "420020 04 00000010 0000000003FD35EB 6BC2DF4618080000",
    ),
    "enumeration": (
        Item(TAG, ItemType.ENUMERATION, 255),
        "420020 05 00000004 000000FF 00000000",
    ),
    "boolean": (
        Item(TAG, ItemType.BOOLEAN, True),
        "420020 06 00000008 0000000000000001",
    ),
    "text string": (
        Item(TAG, ItemType.TEXT_STRING, "Hello World"),
        "420020 07 0000000B 48656C6C6F20576F726C640000000000",
    ),
    "byte string": (
        Item(TAG, ItemType.BYTE_STRING, b"\1\2\3"),
        "420020 08 00000003 0102030000000000",
    ),
    "date time": (
        Item(TAG, ItemType.DATE_TIME, 1205495800),
        "420020 09 00000008 0000000047DA67F8",
    ),
    "interval": (
        Item(TAG, ItemType.INTERVAL, 10 * 24 * 3600),
        "420020 0A 00000004 000D2F00 00000000",
    ),
    "structure": (
        structure(
            TAG,
            Item(0x420004, ItemType.ENUMERATION, 254),
            Item(0x420005, ItemType.INTEGER, 255),
        ),
        "420020 01 00000020 420004 05 00000004 000000FE 00000000"
        " 420005 02 00000004 000000FF 00000000",
    ),
}
"""The examples of 1.4 section 9.1.2; 2.1 prints none."""

OTHERS = {
    "date time extended": (
        Item(TAG, ItemType.DATE_TIME_EXTENDED, -1),
        "420020 0B 00000008 FFFFFFFFFFFFFFFF",
    ),
    "identifier": (Item(TAG, ItemType.IDENTIFIER, "a"), "420020 0C 00000001 6100000000000000"),
    "reference": (Item(TAG, ItemType.REFERENCE, "b"), "420020 0D 00000001 6200000000000000"),
    "name reference": (
        Item(TAG, ItemType.NAME_REFERENCE, "c"),
        "420020 0E 00000001 6300000000000000",
    ),
    "negative integer": (
        Item(TAG, ItemType.INTEGER, -2),
        "420020 02 00000004 FFFFFFFE 00000000",
    ),
    "largest enumeration": (
        Item(TAG, ItemType.ENUMERATION, 0xFFFFFFFF),
        "420020 05 00000004 FFFFFFFF 00000000",
    ),
    "false": (Item(TAG, ItemType.BOOLEAN, False), "420020 06 00000008 0000000000000000"),
    "text in more than ASCII": (
        Item(TAG, ItemType.TEXT_STRING, "\N{KEY}"),
        "420020 07 00000004 F09F9491 00000000",
    ),
    "empty text": (Item(TAG, ItemType.TEXT_STRING, ""), "420020 07 00000000"),
    "empty byte string": (Item(TAG, ItemType.BYTE_STRING, b""), "420020 08 00000000"),
    "eight bytes": (
        Item(TAG, ItemType.BYTE_STRING, b"12345678"),
        "420020 08 00000008 3132333435363738",
    ),
    "longer big integer than needed": (
        Item(TAG, ItemType.BIG_INTEGER, bytes(16)),
        "420020 04 00000010 0000000000000000 0000000000000000",
    ),
    "empty structure": (structure(TAG), "420020 01 00000000"),
    "vendor's tag": (Item(0x540001, ItemType.INTEGER, 1), "540001 02 00000004 00000001 00000000"),
    "tag to come": (Item(0x42FFFF, ItemType.INTEGER, 1), "42FFFF 02 00000004 00000001 00000000"),
}

KNOWN = {**EXAMPLES, **OTHERS}


@pytest.mark.parametrize("name", KNOWN)
def test_known_answers_both_ways(name):
    item, data = KNOWN[name][0], bytes.fromhex(KNOWN[name][1])
    assert encode(item) == data
    assert decode(data) == item


def test_every_item_type_has_a_form():
    assert VALUES.keys() | {ItemType.STRUCTURE} == set(ItemType)


MALFORMED = {
    "nothing": "",
    "half a header": "420020 02",
    "a header without its value": "420020 02 00000004",
    "a value cut short": "420020 02 00000004 00000008 000000",
    "no padding": "420020 02 00000004 00000008",
    "bytes after the item": "420020 02 00000004 00000008 00000000 00",
    "another item after it": "420020 08 00000000 420020 08 00000000",
    "a tag of neither range": "430020 02 00000004 00000008 00000000",
    "a tag of zero": "000000 02 00000004 00000008 00000000",
    "a tag beyond the vendors'": "550000 02 00000004 00000008 00000000",
    "type 0": "420020 00 00000004 00000008 00000000",
    "type 0F": "420020 0F 00000004 00000008 00000000",
    "type FF": "420020 FF 00000000",
    "an integer of 8 bytes": "420020 02 00000008 0000000000000008",
    "an integer of no bytes": "420020 02 00000000",
    "an integer of 3 bytes": "420020 02 00000003 0000080000000000",
    "a long integer of 4 bytes": "420020 03 00000004 00000008 00000000",
    "a big integer of 4 bytes": "420020 04 00000004 00000008 00000000",
    "a big integer of no bytes": "420020 04 00000000",
    "a big integer of 12 bytes": "420020 04 0000000C 000000000000000000000008 00000000",
    "an enumeration of 8 bytes": "420020 05 00000008 00000000000000FF",
    "a boolean of 4 bytes": "420020 06 00000004 00000001 00000000",
    "a boolean of 2": "420020 06 00000008 0000000000000002",
    "a boolean in a byte between": "420020 06 00000008 0001000000000000",
    "a boolean of two bytes": "420020 06 00000008 0100000000000001",
    "a date of 4 bytes": "420020 09 00000004 00000001 00000000",
    "an interval of 8 bytes": "420020 0A 00000008 0000000000000001",
    "microseconds of 4 bytes": "420020 0B 00000004 00000001 00000000",
    "padding after an integer": "420020 02 00000004 00000008 00000001",
    "padding after a text": "420020 07 00000001 6100000000000001",
    "padding after bytes": "420020 08 00000007 0102030405060708",
    "a text in Latin-1": "420020 07 00000001 E900000000000000",
    "a surrogate": "420020 07 00000003 EDA0800000000000",
    "an overlong zero": "420020 07 00000002 C080000000000000",
    "an identifier that is not UTF-8": "420020 0C 00000001 FF00000000000000",
    "a structure of 4 bytes": "420020 01 00000004 00000000 00000000",
    "a structure of half a header": "420020 01 00000008 420004 05 00000004",
    "a structure longer than the bytes": "420020 01 00000010 420004 08 00000000",
    "a structure shorter than its child": (
        "420020 01 00000008 420004 05 00000004 000000FE 00000000"
    ),
    "a child longer than its structure": "420020 01 00000008 420004 08 00000008 0000000000000000",
    "a length of 4 GiB": "420020 08 FFFFFFFF",
    "a structure of 4 GiB": "420020 01 FFFFFFF8",
    "zeros": "00" * 64,
    "text": b"GET / HTTP/1.1\r\n".hex(),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bytes_are_an_invalid_message(name):
    with pytest.raises(InvalidMessage):
        decode(bytes.fromhex(MALFORMED[name]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_item_cut_anywhere_or_with_more_after_it_is_refused(name):
    data = bytes.fromhex(EXAMPLES[name][1])
    for cut in range(len(data)):
        with pytest.raises(InvalidMessage):
            decode(data[:cut])
    with pytest.raises(InvalidMessage):
        decode(data + bytes(8))


def test_a_refusal_names_the_place_and_hides_the_value():
    key = b"the key material"
    inner = Item(Tag.KEY_MATERIAL, ItemType.BYTE_STRING, key)
    data = bytearray(encode(structure(Tag.KEY_VALUE, inner, Item(TAG, ItemType.INTEGER, 1))))
    data[-1] = 1
    with pytest.raises(InvalidMessage, match="CompromiseDate at byte 32: padding") as caught:
        decode(bytes(data))
    assert "key material" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_depth_far_beyond_the_limit_costs_no_stack():
    header = "420020 01 "
    data = b"".join(bytes.fromhex(f"{header} {8 * left:08x}") for left in range(9999, -1, -1))
    with pytest.raises(InvalidMessage, match="nested too deep"):
        decode(data)


@pytest.mark.parametrize(
    "item",
    [
        Item(TAG, ItemType.INTEGER, 1 << 31),
        Item(TAG, ItemType.INTEGER, "8"),
        Item(TAG, ItemType.INTEGER, None),  # type: ignore[arg-type]
        Item(TAG, ItemType.LONG_INTEGER, 1 << 63),
        Item(TAG, ItemType.BIG_INTEGER, b""),
        Item(TAG, ItemType.BIG_INTEGER, b"1234"),
        Item(TAG, ItemType.BIG_INTEGER, 8),
        Item(TAG, ItemType.ENUMERATION, -1),
        Item(TAG, ItemType.BOOLEAN, 2),
        Item(TAG, ItemType.BOOLEAN, "true"),
        Item(TAG, ItemType.TEXT_STRING, "\ud800"),
        Item(TAG, ItemType.TEXT_STRING, b"bytes"),
        Item(TAG, ItemType.BYTE_STRING, "text"),
        Item(TAG, ItemType.BYTE_STRING, 3),
        Item(TAG, ItemType.INTERVAL, -1),
        Item(TAG, ItemType.STRUCTURE, "text"),
        Item(TAG, ItemType.STRUCTURE, b""),
        Item(TAG, 0x0F, 1),
        Item(1 << 24, ItemType.INTEGER, 1),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_the_writers_mistake(item):
    with pytest.raises(ValueError):
        encode(structure(TAG, item))


def test_the_writers_mistake_is_reported_without_the_value():
    with pytest.raises(ValueError) as caught:
        encode(Item(Tag.PASSWORD, ItemType.BYTE_STRING, "secret"))
    assert "secret" not in str(caught.value)
    assert "Password" in str(caught.value)


def test_it_is_a_construct_like_any_other():
    """So that it can stand within larger constructs, where its errors end at `decode`."""
    item, data = EXAMPLES["structure"]
    framed = construct.Prefixed(construct.Int32ub, TTLV())
    assert framed.parse(framed.build(item)) == item
    assert framed.build(item)[4:] == encode(item) == bytes.fromhex(data)


@settings(max_examples=200, deadline=None)
@given(items)
def test_every_item_is_read_as_it_was_written(item):
    assert decode(encode(item)) == item


@given(items)
def test_what_was_encoded_before_encodes_to_the_same_within_another(item):
    inner = structure(TAG, item)
    again = with_content(TAG, encode(inner)[HEADER_BYTES:])
    assert encode(structure(TAG, again, item)) == encode(structure(TAG, inner, item))
    assert again == inner
    assert hash(again) == hash(inner)
    assert again.children == (item,)


def test_true_is_understood_in_the_other_byte_order():
    """A client in use writes it so; it is written as it should be."""
    swapped = bytes.fromhex("420020 06 00000008 0100000000000000")
    item = decode(swapped)
    assert item.value is True
    assert encode(item) == bytes.fromhex("420020 06 00000008 0000000000000001")
