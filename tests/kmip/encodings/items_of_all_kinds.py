"""Items for the tests of every encoding: of all types and tags, and those of the OASIS cases."""

from hypothesis import settings
from hypothesis import strategies as st

from kmip.enums import ItemType
from kmip.items import Item
from kmip.tags import WORDS, Tag

patient = settings(deadline=None)
"""An example may take long where other programs run beside it."""

TEXTS_OF_XML = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda character: character >= " " or character in "\t\n\r"
    )
)

VALUES = {
    ItemType.INTEGER: st.integers(-(1 << 31), (1 << 31) - 1),
    ItemType.LONG_INTEGER: st.integers(-(1 << 63), (1 << 63) - 1),
    ItemType.BIG_INTEGER: st.integers(1, 4).flatmap(
        lambda words: st.binary(min_size=8 * words, max_size=8 * words)
    ),
    ItemType.ENUMERATION: st.integers(0, 40) | st.integers(0, (1 << 32) - 1),
    ItemType.BOOLEAN: st.booleans(),
    ItemType.TEXT_STRING: TEXTS_OF_XML | st.sampled_from(sorted(WORDS.values())),
    ItemType.BYTE_STRING: st.binary(max_size=40),
    ItemType.DATE_TIME: st.integers(0, 1 << 33) | st.integers(-(1 << 63), (1 << 63) - 1),
    ItemType.INTERVAL: st.integers(0, (1 << 32) - 1),
    ItemType.DATE_TIME_EXTENDED: st.integers(0, 1 << 53) | st.integers(-(1 << 63), (1 << 63) - 1),
    ItemType.IDENTIFIER: TEXTS_OF_XML,
    ItemType.REFERENCE: TEXTS_OF_XML,
    ItemType.NAME_REFERENCE: TEXTS_OF_XML,
}

tags = st.sampled_from(Tag).map(int) | st.integers(0x540000, 0x54FFFF) | st.just(0x42FFFF)

leaves = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.builds(Item, tags, st.just(kind), VALUES[kind])
)

named_attributes = st.builds(
    lambda name, leaf: Item(
        Tag.ATTRIBUTE,
        ItemType.STRUCTURE,
        (
            Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, name),
            Item(Tag.ATTRIBUTE_VALUE, leaf.type, leaf.value),
        ),
    ),
    st.sampled_from(sorted(WORDS.values())) | TEXTS_OF_XML,
    leaves,
)

items = st.recursive(
    leaves | named_attributes,
    lambda inner: st.builds(
        Item, tags, st.just(ItemType.STRUCTURE), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=12,
)
"""Every item that all encodings can hold."""


def nested(depth):
    """`depth` structures within each other."""
    item = Item(Tag.REQUEST_MESSAGE, ItemType.STRUCTURE, ())
    for _ in range(depth - 1):
        item = Item(Tag.REQUEST_MESSAGE, ItemType.STRUCTURE, (item,))
    return item
