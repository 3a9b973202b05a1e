"""The two forms in which messages carry attributes.

    NAMED, 1.x       Attribute { Attribute Name, [Attribute Index], Attribute Value }, gathered in a
                     Template-Attribute or directly in the payload (1.4 section 2.1.1, 2.1.8)
    TAGGED, 2.x on   Attributes { one item under its own tag for each value }, vendor attributes as
                     Attribute { Vendor Identification, Attribute Name, Attribute Value }
                     (2.1 section 5)

Each class here is a `Carriage`: it reads both forms whatever the version, since clients mix them,
and writes the one form that the version's row in `DIALECTS` names. At rest (`INTERNAL`) the tagged
form also keeps indices: an Attribute Index item precedes a value whose index is not the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from kmip.attribute_table import ATTRIBUTES, BY_NAME, LINK_TAGS, LINK_TYPES
from kmip.attribute_values import Link, Name
from kmip.attributes import (
    CUSTOM_PREFIXES,
    AttributeInstance,
    AttributeName,
    AttributeReference,
    Attributes,
    VendorAttributeName,
    custom_value,
    name_of,
)
from kmip.enums import ItemType, LinkType
from kmip.errors import IndexOutOfBounds, InvalidField, InvalidMessage, UnsupportedAttribute
from kmip.items import Item, is_extension_tag, structure, tag_name
from kmip.structures import Nested, wrong_type
from kmip.tags import Tag
from kmip.types import IdentifierForm
from kmip.versions import DIALECTS, INTERNAL, AttributeForm, ProtocolVersion

MAX_INSTANCES = 4_000
"""Attribute values in one structure. Real objects have fifty; and each becomes objects in memory
and an entry of the index, ten times as long as the 16 bytes that a client sends for it."""

MAX_TEMPLATES = 32
"""Template objects that one request may name, each of which the server must look up; the OASIS
cases name one."""

INDICES = range(1 << 30)
"""Indices that a client may set: after the last of them there is room for as many again, since an
attribute's next instance has the next index."""

_REFERENCE = IdentifierForm(ItemType.REFERENCE)
_GROUP_NAMES = (ItemType.NAME_REFERENCE, ItemType.TEXT_STRING)


# Names


def attribute_of_name(name: str) -> AttributeName:
    """The attribute that a 1.x name means; an unknown name is a custom one without vendor."""
    row = BY_NAME.get(name)
    if row is not None:
        return row.tag
    prefix, dash, rest = name.partition("-")
    if dash and prefix in CUSTOM_PREFIXES:
        return VendorAttributeName(prefix, rest)
    return VendorAttributeName("", name)


def _reference_of_tag(tag: int) -> AttributeReference | None:
    """What an Attribute Reference by tag means; None where no attribute has the tag."""
    known = Tag(tag) if tag in Tag._value2member_map_ else None
    if known in ATTRIBUTES:
        return known
    return LINK_TYPES.get(known) if known is not None else None


def _named_name(attribute: AttributeReference) -> str:
    """The name that 1.x writes; a foreign vendor's attribute is a custom one there."""
    if isinstance(attribute, LinkType):
        return name_of(Tag.LINK)
    if isinstance(attribute, VendorAttributeName) and attribute.vendor not in CUSTOM_PREFIXES:
        return f"x-{attribute.vendor}-{attribute.name}" if attribute.vendor else attribute.name
    return name_of(attribute)


# One value


def read_named(item: Item, version: ProtocolVersion) -> AttributeInstance:
    """An Attribute structure of either form.

    Raises:
        InvalidMessage: it lacks a name, has a value of the wrong type, or an item too many.
        IndexOutOfBounds: its index is none of `INDICES`.
        UnsupportedAttribute: no attribute has this name.
    """
    parts = _parts(item)
    name, value = parts.get(Tag.ATTRIBUTE_NAME), parts.get(Tag.ATTRIBUTE_VALUE)
    if name is None or not isinstance(name.value, str):
        raise InvalidMessage("has no Attribute Name", tag_name(item.tag))
    attribute = _attribute_of(name.value, parts.get(Tag.VENDOR_IDENTIFICATION))
    index = _index(parts.get(Tag.ATTRIBUTE_INDEX))
    if isinstance(attribute, VendorAttributeName):
        if not attribute.vendor:
            raise UnsupportedAttribute(f"there is no attribute {name.value!r}")
        if value is not None and version != INTERNAL:
            _check_flat(value)
        return AttributeInstance(attribute, None if value is None else custom_value(value), index)
    row = ATTRIBUTES[attribute]
    return AttributeInstance(
        attribute, None if value is None else row.form.read(value, version), index
    )


def _check_flat(value: Item) -> None:
    """Refuse a custom attribute's structure that has structures within (1.4 section 3.39).

    A vendor's attribute of 2.x is held to it too, since clients of 1.x see it as a custom one.

    Raises:
        InvalidField: it has.
    """
    if any(child.type == ItemType.STRUCTURE for child in value.children):
        raise InvalidField("a custom attribute's structure has no structures within")


def _parts(item: Item) -> dict[int, Item]:
    """The parts of an Attribute structure by their tags."""
    parts: dict[int, Item] = {}
    for child in item.children:
        if child.tag in parts:
            raise InvalidMessage("occurs twice", f"{tag_name(item.tag)}/{tag_name(child.tag)}")
        if child.tag not in _ATTRIBUTE_PARTS and not is_extension_tag(child.tag):
            raise InvalidMessage(f"{tag_name(child.tag)} is not expected here", tag_name(item.tag))
        parts[child.tag] = child
    return parts


def _attribute_of(name: str, vendor: Item | None) -> AttributeName:
    """The attribute that a name means, alone or with a Vendor Identification."""
    if vendor is None:
        return attribute_of_name(name)
    if not isinstance(vendor.value, str):
        raise wrong_type(vendor, ItemType.TEXT_STRING)
    return VendorAttributeName(vendor.value, name)


def _index(index: Item | None) -> int | None:
    """An Attribute Index."""
    if index is None:
        return None
    if index.type != ItemType.INTEGER or not isinstance(index.value, int):
        raise wrong_type(index, ItemType.INTEGER)
    if index.value not in INDICES:
        raise IndexOutOfBounds(f"an Attribute Index is at least 0 and at most {INDICES[-1]}")
    return index.value


def read_tagged(item: Item, version: ProtocolVersion) -> AttributeInstance:
    """One item of an Attributes structure.

    Raises:
        UnsupportedAttribute: no attribute has this tag.
    """
    if item.tag == Tag.ATTRIBUTE:
        return read_named(item, version)
    if item.tag == Tag.GROUP_LINK and item.type in _GROUP_NAMES and version != INTERNAL:
        return AttributeInstance(Tag.OBJECT_GROUP, item.value)
    attribute = _reference_of_tag(item.tag)
    if isinstance(attribute, LinkType):
        return AttributeInstance(Tag.LINK, _link(attribute, _REFERENCE.read(item, version)))
    if attribute is None or isinstance(attribute, VendorAttributeName):
        raise UnsupportedAttribute(f"{tag_name(item.tag)} is not an attribute")
    return AttributeInstance(attribute, ATTRIBUTES[attribute].form.read(item, version))


def _link(kind: LinkType, target: Any) -> Link:
    return Link(link_type=kind, linked_object_identifier=target)


def _write_named(
    attribute: AttributeName, index: int, value: Any, version: ProtocolVersion
) -> Item:
    """An Attribute structure of 1.x; index 0 is left out, as it means the same."""
    parts = [Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, _named_name(attribute))]
    if index:
        parts.append(Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, index))
    if value is not None:
        parts.append(_value_item(attribute, Tag.ATTRIBUTE_VALUE, value, version))
    return structure(Tag.ATTRIBUTE, *parts)


def _write_tagged(attribute: AttributeName, value: Any, version: ProtocolVersion) -> Item:
    """An item under the attribute's own tag."""
    if isinstance(attribute, VendorAttributeName):
        return structure(
            Tag.ATTRIBUTE,
            Item(Tag.VENDOR_IDENTIFICATION, ItemType.TEXT_STRING, attribute.vendor),
            Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, attribute.name),
            *(() if value is None else (custom_value(value),)),
        )
    dialect = DIALECTS[version]
    if dialect.links_are_attributes and attribute == Tag.LINK:
        return _REFERENCE.write(LINK_TAGS[value.link_type], value.linked_object_identifier, version)
    if dialect.links_are_attributes and attribute == Tag.OBJECT_GROUP:
        return Item(Tag.GROUP_LINK, ItemType.NAME_REFERENCE, value)
    return _value_item(attribute, attribute, value, version)


def _value_item(attribute: AttributeName, tag: int, value: Any, version: ProtocolVersion) -> Item:
    if isinstance(attribute, VendorAttributeName):
        return Item(tag, value.type, value.value)
    return ATTRIBUTES[attribute].form.write(tag, value, version)


# Several values


def read_attributes(items: Iterable[Item], version: ProtocolVersion) -> Attributes:
    """The attributes in any mixture of the forms: structures of them, or single ones."""
    found = Attributes()
    for item in items:
        if item.tag in (Tag.TEMPLATE_ATTRIBUTE, *_TEMPLATES):
            _read_template(item, found, version)
        elif item.tag in _TAGGED:
            _read_list(item.children, found, version)
        else:
            _read_list((item,), found, version)
    if version != INTERNAL and found.count > MAX_INSTANCES:  # what is kept has been counted
        raise InvalidMessage("too many attributes")
    return found


def _read_template(item: Item, found: Attributes, version: ProtocolVersion) -> None:
    for child in item.children:
        if child.tag == Tag.NAME:
            name = Nested(Name).read(child, version)
            found.templates = (*found.templates, name)  # type: ignore[arg-type]  # Nested reads what it names
            if len(found.templates) > MAX_TEMPLATES:
                raise InvalidMessage("names too many templates", tag_name(item.tag))
        else:
            _read_list((child,), found, version)


def _read_list(items: Sequence[Item], found: Attributes, version: ProtocolVersion) -> None:
    index: int | None = None
    for item in items:
        if version == INTERNAL and item.tag == Tag.ATTRIBUTE_INDEX and isinstance(item.value, int):
            index = item.value
            continue
        instance = read_tagged(item, version)
        if instance.value is not None:
            found.add(
                instance.attribute, instance.value, index if index is not None else instance.index
            )
        index = None


def write_attributes(
    attributes: Attributes, version: ProtocolVersion, form: AttributeForm
) -> Iterator[Item]:
    """The attributes one by one in `form`; what the version lacks is left out."""
    for attribute, instances in attributes.values.items():
        if not exists(attribute, version):
            continue
        following = 0
        for index, value in instances.items():
            if form == AttributeForm.NAMED:
                yield _write_named(attribute, index, value, version)
                continue
            if attribute == Tag.LINK and not _has_form(value, version):
                continue
            if version == INTERNAL and index != following:
                yield Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, index)
            following = index + 1
            yield _write_tagged(attribute, value, version)


def exists(attribute: AttributeName, version: ProtocolVersion) -> bool:
    """Whether the version has the attribute; 3.0 has links and groups in another form."""
    if isinstance(attribute, VendorAttributeName) or (
        DIALECTS[version].links_are_attributes and attribute in (Tag.LINK, Tag.OBJECT_GROUP)
    ):
        return True
    return ATTRIBUTES[attribute].span.covers(version)


def _has_form(link: Link, version: ProtocolVersion) -> bool:
    """Whether the version has a form for this type of link: 3.0 has none for a vendor's."""
    return not DIALECTS[version].links_are_attributes or link.link_type in LINK_TAGS


def single_form(version: ProtocolVersion) -> AttributeForm:
    """The form that the version writes."""
    return DIALECTS[version].attribute_form


class Gathered(NamedTuple):
    """Attributes in a structure of their own: Template-Attribute or Attributes, by version.

    Args:
        named: the structure's tag in 1.x.
        tagged: its tag from 2.0 on.
    """

    named: Tag
    tagged: Tag

    @property
    def tags(self) -> Sequence[int]:
        """Both structures."""
        return (self.named, self.tagged)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> Attributes:
        """The attributes of either structure."""
        return read_attributes(items, version)

    def write(self, value: Attributes, version: ProtocolVersion) -> Iterable[Item]:
        """The one structure that the version has."""
        form = single_form(version)
        tag = self.named if form == AttributeForm.NAMED else self.tagged
        names = [Nested(Name).write(Tag.NAME, name, version) for name in value.templates]
        yield structure(tag, *names, *write_attributes(value, version, form))


class Listed(NamedTuple):
    """Attributes directly in the payload in 1.x, in an Attributes structure from 2.0 on."""

    @property
    def tags(self) -> Sequence[int]:
        """The single attribute and the structure."""
        return (Tag.ATTRIBUTE, Tag.ATTRIBUTES, Tag.TEMPLATE_ATTRIBUTE)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> Attributes:
        """The attributes of either form."""
        return read_attributes(items, version)

    def write(self, value: Attributes, version: ProtocolVersion) -> Iterable[Item]:
        """Attribute structures, or the Attributes structure, empty where there is none."""
        form = single_form(version)
        written = write_attributes(value, version, form)
        return written if form == AttributeForm.NAMED else (structure(Tag.ATTRIBUTES, *written),)


class Single(NamedTuple):
    """One attribute: an Attribute structure in 1.x, a structure around one item from 2.0 on.

    Args:
        tagged: the structure's tag, New Attribute or Current Attribute.
    """

    tagged: Tag

    @property
    def tags(self) -> Sequence[int]:
        """The 2.x structure; New Attribute also answers to the Attribute of 1.x."""
        if self.tagged == Tag.NEW_ATTRIBUTE:
            return (self.tagged, Tag.ATTRIBUTE)
        return (self.tagged,)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> AttributeInstance:
        """The one attribute."""
        inner = items[0].children if items[0].tag == self.tagged else items
        if len(items) != 1 or len(inner) != 1:
            raise InvalidMessage("holds exactly one attribute", tag_name(items[0].tag))
        return read_tagged(inner[0], version)

    def write(self, value: AttributeInstance, version: ProtocolVersion) -> Iterable[Item]:
        """The version's form."""
        if single_form(version) == AttributeForm.NAMED:
            yield _write_named(value.attribute, value.index or 0, value.value, version)
        else:
            yield structure(self.tagged, _write_tagged(value.attribute, value.value, version))


class Referenced(NamedTuple):
    """Attribute Names in 1.x, Attribute References from 2.0 on."""

    @property
    def tags(self) -> Sequence[int]:
        """The name and the reference."""
        return (Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_REFERENCE)

    def read(
        self, items: Sequence[Item], version: ProtocolVersion
    ) -> tuple[AttributeReference, ...]:
        """What is referred to; a reference to nothing known is an attribute that no object has."""
        return tuple(read_reference(item) for item in items)

    def write(
        self, value: Sequence[AttributeReference], version: ProtocolVersion
    ) -> Iterable[Item]:
        """The version's form; attributes it lacks are left out."""
        for attribute in value:
            if single_form(version) == AttributeForm.NAMED:
                if isinstance(attribute, LinkType) or exists(attribute, version):
                    yield Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, _named_name(attribute))
            elif isinstance(attribute, VendorAttributeName):
                yield structure(
                    Tag.ATTRIBUTE_REFERENCE,
                    Item(Tag.VENDOR_IDENTIFICATION, ItemType.TEXT_STRING, attribute.vendor),
                    Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, attribute.name),
                )
            else:
                yield from _write_reference(attribute, version)


def read_reference(item: Item) -> AttributeReference:
    """What an Attribute Name or an Attribute Reference refers to.

    Raises:
        InvalidMessage: it names nothing.
    """
    if item.tag == Tag.ATTRIBUTE_NAME and isinstance(item.value, str):
        return attribute_of_name(item.value)
    if item.type == ItemType.ENUMERATION and isinstance(item.value, int):
        known = Tag.OBJECT_GROUP if item.value == Tag.GROUP_LINK else _reference_of_tag(item.value)
        return known if known is not None else VendorAttributeName("", tag_name(item.value))
    vendor, name = item.first(Tag.VENDOR_IDENTIFICATION), item.first(Tag.ATTRIBUTE_NAME)
    if name is None or not isinstance(name.value, str):
        raise InvalidMessage("names no attribute", tag_name(item.tag))
    return _attribute_of(name.value, vendor)


def _write_reference(attribute: Tag | LinkType, version: ProtocolVersion) -> Iterator[Item]:
    if isinstance(attribute, LinkType):
        by_type = DIALECTS[version].links_are_attributes
        tag = LINK_TAGS[attribute] if by_type else Tag.LINK
    elif not exists(attribute, version):
        return
    else:
        grouped = DIALECTS[version].links_are_attributes and attribute == Tag.OBJECT_GROUP
        tag = Tag.GROUP_LINK if grouped else attribute
    yield Item(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION, int(tag))


_ATTRIBUTE_PARTS = frozenset(
    {Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_INDEX, Tag.ATTRIBUTE_VALUE}
)
_TEMPLATES = (
    Tag.COMMON_TEMPLATE_ATTRIBUTE,
    Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
)
_TAGGED = (
    Tag.ATTRIBUTES,
    Tag.COMMON_ATTRIBUTES,
    Tag.PRIVATE_KEY_ATTRIBUTES,
    Tag.PUBLIC_KEY_ATTRIBUTES,
)

Template = Annotated[Attributes, Gathered(Tag.TEMPLATE_ATTRIBUTE, Tag.ATTRIBUTES)]
CommonTemplate = Annotated[
    Attributes, Gathered(Tag.COMMON_TEMPLATE_ATTRIBUTE, Tag.COMMON_ATTRIBUTES)
]
PrivateKeyTemplate = Annotated[
    Attributes, Gathered(Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE, Tag.PRIVATE_KEY_ATTRIBUTES)
]
PublicKeyTemplate = Annotated[
    Attributes, Gathered(Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE, Tag.PUBLIC_KEY_ATTRIBUTES)
]
AttributeList = Annotated[Attributes, Listed()]
NewAttribute = Annotated[AttributeInstance, Single(Tag.NEW_ATTRIBUTE)]
CurrentAttribute = Annotated[AttributeInstance, Single(Tag.CURRENT_ATTRIBUTE)]
AttributeReferences = Annotated[tuple[AttributeReference, ...], Referenced()]
