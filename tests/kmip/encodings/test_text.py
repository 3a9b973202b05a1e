import pytest
from hypothesis import given

from kmip.encodings import text
from kmip.enums import ItemType, Operation
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.kmip.encodings.items_of_all_kinds import items, patient

MESSAGE = structure(
    Tag.REQUEST_MESSAGE,
    structure(
        Tag.BATCH_ITEM,
        Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.REGISTER),
        structure(
            Tag.ATTRIBUTE,
            Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "Cryptographic Usage Mask"),
            Item(Tag.ATTRIBUTE_VALUE, ItemType.INTEGER, -0x7FFFFFFD),
        ),
        structure(
            Tag.KEY_MATERIAL,
            Item(Tag.KEY, ItemType.BYTE_STRING, b"\x5e\xc7\xe7"),
            Item(Tag.RECOMMENDED_CURVE, ItemType.ENUMERATION, 5),
        ),
        Item(Tag.MODULUS, ItemType.BIG_INTEGER, b"\0" * 7 + b"\x77"),
        Item(Tag.PASSWORD, ItemType.TEXT_STRING, "hunter2"),
        Item(Tag.USERNAME, ItemType.TEXT_STRING, "an\x1b[31mna"),
        Item(0x540001, ItemType.BOOLEAN, True),
    ),
)


def test_a_message_is_described_without_its_secrets():
    assert text.encode(MESSAGE).splitlines() == [
        "RequestMessage",
        "  BatchItem",
        "    Operation  Register",
        "    Attribute",
        "      AttributeName  'Cryptographic Usage Mask'",
        "      AttributeValue  Sign Verify 0x80000000",
        "    KeyMaterial",
        "      Key  (3 bytes)",
        "      RecommendedCurve  (hidden)",
        "    Modulus  (8 bytes)",
        "    Password  (hidden)",
        "    Username  'an\\x1b[31mna'",
        "    0x540001  true",
    ]


def test_secrets_are_shown_on_demand():
    written = text.encode(MESSAGE, insecure_show_secrets=True)
    for secret in ("5ec7e7", "K_233", "0000000000000077", "'hunter2'"):
        assert secret not in text.encode(MESSAGE)
        assert secret in written


@patient
@given(items)
def test_every_item_has_its_line(item):
    def count(item):
        return 1 + sum(map(count, item.children))

    for show in (False, True):
        assert len(text.encode(item, insecure_show_secrets=show).splitlines()) == count(item)


def test_a_value_that_does_not_fit_its_type_is_the_callers_mistake():
    with pytest.raises(ValueError, match="does not fit"):
        text.encode(Item(Tag.PASSWORD, ItemType.TEXT_STRING, b"hunter2"))
