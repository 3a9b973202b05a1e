"""Which instance of an attribute a request means, in one model for all versions.

Theory: where a request names no instance, 1.x means the one with index 0 (1.4 sections 4.15 and
4.16), and 2.x the only one there is (Modify Attribute, 2.1 section 6.1.34) or all of them (Delete
Attribute, 2.1 section 6.1.13). The form of the request decides, so that the result is an index, or
None for 2.x.

Responses of 1.x name an instance with its index, 0 included, where there may be several. It may be
left out there (1.4 sections 2.1.1, 4.15 and 4.16), but there are clients that read it without
checking that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from kmip.attribute_encoding import Listed, Referenced, Single, attribute_of_name, single_form
from kmip.attributes import AttributeInstance, Attributes, InstanceReference, is_single
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.structures import Plain
from kmip.tags import Tag
from kmip.versions import AttributeForm, ProtocolVersion

_INDEX = Plain(ItemType.INTEGER)


class ModifiedInstance(Single):
    """New Attribute, or the Attribute of 1.x with the index of what it replaces."""

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> AttributeInstance:
        """The new value; its index is None where the form has none."""
        instance = super().read(items, version)
        if items[0].tag == Tag.ATTRIBUTE and instance.index is None:
            return replace(instance, index=0)
        return instance


class DeletedInstance(NamedTuple):
    """Attribute Name and Attribute Index of 1.x, or the Attribute Reference of 2.x."""

    @property
    def tags(self) -> Sequence[int]:
        """The three of them."""
        return (*Referenced().tags, Tag.ATTRIBUTE_INDEX)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> InstanceReference:
        """The attribute and the index; no index: all its instances."""
        named = [item for item in items if item.tag != Tag.ATTRIBUTE_INDEX]
        indices = [item for item in items if item.tag == Tag.ATTRIBUTE_INDEX]
        if len(named) != 1 or len(indices) > 1:
            raise InvalidMessage("one attribute is deleted at a time")
        (attribute,) = Referenced().read(named, version)
        if indices:
            return InstanceReference(attribute, _INDEX.read(indices[0], version))
        return InstanceReference(attribute, 0 if named[0].tag == Tag.ATTRIBUTE_NAME else None)

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """The version's form; index 0 is left out, as it means the same."""
        yield from Referenced().write((value.attribute,), version)
        if single_form(version) == AttributeForm.NAMED and value.index:
            yield _INDEX.write(Tag.ATTRIBUTE_INDEX, value.index, version)


class ReturnedInstance(Single):
    """The attribute as it is, or was, in a response of 1.x."""

    def write(self, value: AttributeInstance, version: ProtocolVersion) -> Iterable[Item]:
        """The version's form; that of 1.x with the index, unless it is None."""
        for item in super().write(value, version):
            yield _indexed(item, version) if value.index == 0 else item


class ReturnedList(Listed):
    """Attributes as Get Attributes returns them."""

    def write(self, value: Attributes, version: ProtocolVersion) -> Iterable[Item]:
        """The version's form; that of 1.x with indices where an object may have several values."""
        for item in super().write(value, version):
            name = item.first(Tag.ATTRIBUTE_NAME) if item.tag == Tag.ATTRIBUTE else None
            many = name is not None and not is_single(attribute_of_name(str(name.value)))
            yield _indexed(item, version) if many else item


def _indexed(item: Item, version: ProtocolVersion) -> Item:
    """An Attribute structure with the index that it means."""
    if item.tag != Tag.ATTRIBUTE or item.first(Tag.ATTRIBUTE_INDEX) is not None:
        return item
    name, *rest = item.children
    return structure(item.tag, name, _INDEX.write(Tag.ATTRIBUTE_INDEX, 0, version), *rest)


ModifiedAttribute = Annotated[AttributeInstance, ModifiedInstance(Tag.NEW_ATTRIBUTE)]
DeletedAttribute = Annotated[InstanceReference, DeletedInstance()]
ReturnedAttribute = Annotated[AttributeInstance, ReturnedInstance(Tag.NEW_ATTRIBUTE)]
ReturnedAttributes = Annotated[Attributes, ReturnedList()]
