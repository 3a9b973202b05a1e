"""Reading parts of items by their tags, and what attributes are called in either carriage."""

from collections.abc import Iterable
from contextlib import suppress

from kmip.enums import ENUMERATION_OF, ItemType
from kmip.items import Item, Value, tag_name
from kmip.tags import Tag
from kmip.versions import ProtocolVersion
from tests.conformance.case_state import attribute_tag


def version_of(header: Item) -> ProtocolVersion:
    """The version in a header."""
    return versions_in(header)[0]


def versions_in(item: Item) -> list[ProtocolVersion]:
    """The Protocol Versions in an item."""
    parts = (Tag.PROTOCOL_VERSION_MAJOR, Tag.PROTOCOL_VERSION_MINOR)
    return [
        ProtocolVersion(*(value_of(version, part) for part in parts))  # type: ignore[arg-type]
        for version in all_of(item, Tag.PROTOCOL_VERSION)
    ]


def all_of(item: Item, tag: int) -> list[Item]:
    """The children with a tag."""
    return [child for child in item.children if child.tag == tag]


def without(item: Item, tags: Iterable[int]) -> list[Item]:
    """The children without some tags."""
    return [child for child in item.children if child.tag not in tags]


def required(item: Item, tag: int) -> Item:
    """The child that every case has."""
    found = item.first(tag)
    assert found is not None, "the case is not complete"
    return found


def value_of(item: Item, tag: int) -> Value | None:
    """The value of the child with a tag, if there is one."""
    found = item.first(tag)
    return None if found is None else found.value


def by_id(wanted: list[Item], items: list[Item]) -> list[Item]:
    """Items in the order of the expected ones, by their Unique Batch Item ID (R5)."""
    ids = [value_of(item, Tag.UNIQUE_BATCH_ITEM_ID) for item in wanted]
    found = {value_of(item, Tag.UNIQUE_BATCH_ITEM_ID): item for item in items}
    return [found[one] for one in ids] if set(ids) == set(found) and len(found) > 1 else items


def without_index(item: Item) -> Item:
    """An attribute without its Attribute Index."""
    return (
        item._replace(value=tuple(without(item, {Tag.ATTRIBUTE_INDEX}))) if item.children else item
    )


def label(item: Item) -> Value:
    """What an attribute is called: by its tag's name, or by its vendor and name."""
    return reference(item) if item.tag == Tag.ATTRIBUTE else tag_name(item.tag)


def reference(item: Item) -> Value:
    """What an Attribute Name or Attribute Reference calls an attribute."""
    if item.type == ItemType.STRUCTURE:
        vendor, name = (
            value_of(item, tag) for tag in (Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME)
        )
        tag = attribute_tag(name or "")
        return tag_name(tag) if vendor is None and tag else f"{vendor!r}/{name!r}"
    if isinstance(item.value, int):
        return tag_name(item.value)
    tag = attribute_tag(item.value)
    return tag_name(tag) if tag is not None else item.value


def name_of(tag: Tag, parameters: dict[int, Value]) -> str:
    """The name of an enumeration value among parameters."""
    value = parameters.get(tag)
    with suppress(ValueError):
        return ENUMERATION_OF[tag](value).names[0] if isinstance(value, int) else ""
    return ""
