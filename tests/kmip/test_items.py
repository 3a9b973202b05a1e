import pytest

from kmip.enums import ItemType
from kmip.items import Item, is_known, structure, tag_name
from kmip.tags import Tag

MESSAGE = structure(
    Tag.REQUEST_PAYLOAD,
    Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "first"),
    Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "second"),
    Item(Tag.DATA, ItemType.BYTE_STRING, b"secret"),
)


def test_a_structure_gives_its_children():
    assert [child.tag for child in MESSAGE.children] == [
        Tag.UNIQUE_IDENTIFIER,
        Tag.UNIQUE_IDENTIFIER,
        Tag.DATA,
    ]
    assert MESSAGE.first(Tag.UNIQUE_IDENTIFIER).value == "first"
    assert MESSAGE.first(Tag.OPERATION) is None


def test_another_type_has_no_children():
    item = Item(Tag.DATA, ItemType.BYTE_STRING, b"secret")
    assert item.children == ()
    assert item.first(Tag.DATA) is None


@pytest.mark.parametrize(
    "item,expected",
    [
        (MESSAGE, "Item(RequestPayload, STRUCTURE, 3)"),
        (Item(Tag.DATA, ItemType.BYTE_STRING, b"secret"), "Item(Data, BYTE_STRING, 6)"),
        (Item(Tag.DATA, ItemType.TEXT_STRING, "secret"), "Item(Data, TEXT_STRING, 6)"),
        (Item(0x540001, ItemType.INTEGER, 4711), "Item(540001, INTEGER, 1)"),
    ],
)
def test_an_item_shows_how_long_its_value_is_and_not_what(item, expected):
    assert repr(item) == expected


def test_a_tag_is_written_by_its_name_where_it_has_one():
    assert tag_name(Tag.KEY_MATERIAL) == "KeyMaterial"
    assert tag_name(0x54ABCD) == "54ABCD"
    assert is_known(0x420094)
    assert not is_known(0x54ABCD)
    assert not is_known(0x42FFFF)
