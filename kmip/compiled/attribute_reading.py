"""Attributes read from their bytes, in both of the forms that messages have for them.

Theory: `kmip.attribute_encoding` is the definition. Here the structures around the values are read
by hand, and each attribute's value is read by a function that is compiled from the attribute's
form. An attribute that is not as most are (a vendor's, a link of 3.0, one with its parts in another
order) becomes an item for itself alone, and is read by the definition.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from kmip.attribute_encoding import (
    INDICES,
    MAX_INSTANCES,
    MAX_TEMPLATES,
    Gathered,
    Listed,
    Referenced,
    attribute_of_name,
    read_reference,
    read_tagged,
)
from kmip.attribute_table import ATTRIBUTES
from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.compiled.source import ITEMS, ZEROS, Irregular, OnDemand
from kmip.enums import ItemType
from kmip.structures import Form, Nested
from kmip.tags import Tag
from kmip.versions import INTERNAL, ProtocolVersion

Places = Sequence[tuple[int, int]]
"""Where items are: their first byte, and the one behind their padding."""
ReadPlaces = Callable[[bytes, Places], Any]
"""Gives what items are together, given the bytes that they are in."""
ReadValue = Callable[[bytes, int, int], Any]
"""Gives the value of the item that is from one place to another, whatever its tag."""

_HEADER: Final = struct.Struct(">II").unpack_from
_INTEGER: Final = struct.Struct(">iI").unpack_from
_NUMBER_BYTES: Final = 16


def _word(tag: Tag, kind: ItemType) -> int:
    return tag << 8 | kind


_NAME: Final = _word(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING)
_INDEX: Final = _word(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER)
_ATTRIBUTE: Final = _word(Tag.ATTRIBUTE, ItemType.STRUCTURE)
_REFERENCE: Final = _word(Tag.ATTRIBUTE_REFERENCE, ItemType.ENUMERATION)


def reader_of_carriage(
    carriage: object, version: ProtocolVersion, value_reader: Callable[[Form], ReadValue]
) -> ReadPlaces | None:
    """The function that reads what a carriage carries; None where it goes through items.

    Args:
        carriage: a field's.
        version: that the field comes in.
        value_reader: compiles the reader of a form, in that version.
    """
    if isinstance(carriage, Referenced):
        return _references
    if isinstance(carriage, Gathered | Listed):
        found = _READERS.get(version)
        if found is None:
            found = _READERS[version] = _Reader(version, value_reader)
        return found.read
    return None


_READERS: Final[dict[ProtocolVersion, _Reader]] = {}


def _references(data: bytes, places: Places) -> tuple[Any, ...]:
    found: list[Any] = []
    for first, end in places:
        word, length = _HEADER(data, first)
        stop = first + 8 + length
        if word == _NAME and data[stop:end] == ZEROS[end - stop]:
            found.append(attribute_of_name(data[first + 8 : stop].decode()))
        else:
            found.append(read_reference(ITEMS.decode(data[first:end])))
    return tuple(found)


class _Reader:
    """Reads the attributes of one version."""

    def __init__(self, version: ProtocolVersion, value_reader: Callable[[Form], ReadValue]) -> None:
        self._version = version
        self._is_internal = version == INTERNAL
        self._readers: Final[OnDemand[Tag, ReadValue]] = OnDemand(
            lambda tag: value_reader(ATTRIBUTES[tag].form)
        )

    def read(self, data: bytes, places: Places) -> Attributes:
        """The attributes of the structures at `places`, or the single ones."""
        found = Attributes()
        for first, end in places:
            word, length = _HEADER(data, first)
            if word & 0xFF != ItemType.STRUCTURE:
                raise Irregular
            if word == _ATTRIBUTE:
                self._read_list(data, first, end, found, is_template=False)
            else:
                is_template = word >> 8 in _TEMPLATES
                self._read_list(data, first + 8, first + 8 + length, found, is_template=is_template)
        if not self._is_internal and found.count > MAX_INSTANCES:
            raise Irregular
        return found

    def _read_list(
        self, data: bytes, at: int, end: int, found: Attributes, *, is_template: bool
    ) -> None:
        index: int | None = None
        values = found.values
        while at < end:
            first = at
            word, length = _HEADER(data, at)
            at += 8 + length + (-length & 7)
            if at > end:
                raise Irregular
            if self._is_internal and word == _INDEX:
                index, padding = _INTEGER(data, first + 8)
                if length != 4 or padding:
                    raise Irregular
                continue
            if word == _ATTRIBUTE:
                attribute, value, own = self._named(data, first, at)
                index = own if index is None else index
            else:
                tag = _BY_TAG.get(word >> 8)
                if is_template and word >> 8 == Tag.NAME:
                    self._read_template(data[first:at], found)
                    continue
                if tag is None:
                    instance = read_tagged(ITEMS.decode(data[first:at]), self._version)
                    attribute, value = instance.attribute, instance.value
                else:
                    attribute, value = tag, self._readers[tag](data, first, at)
            if value is not None:
                if not index and attribute not in values:
                    values[attribute] = {0: value}
                else:
                    found.add(attribute, value, index)
            index = None

    def _read_template(self, name: bytes, found: Attributes) -> None:
        template = Nested(Name).read(ITEMS.decode(name), self._version)
        found.templates = (*found.templates, template)  # type: ignore[arg-type]  # it is what it names
        if len(found.templates) > MAX_TEMPLATES:
            raise Irregular

    def _named(self, data: bytes, first: int, end: int) -> tuple[Any, Any, int | None]:
        """The attribute, the value and the index of an Attribute structure."""
        at, index = first + 8, None
        word, length = _HEADER(data, at)
        start = at + 8
        stop = start + length
        at = stop + (-length & 7)
        tag = _BY_NAME.get(data[start:stop])
        if word == _NAME and tag is not None and data[stop:at] == ZEROS[at - stop] and at < end:
            word, length = _HEADER(data, at)
            if word == _INDEX and length == 4 and at + _NUMBER_BYTES < end:
                index, padding = _INTEGER(data, at + 8)
                if padding or index not in INDICES:
                    raise Irregular
                at += _NUMBER_BYTES
                word, length = _HEADER(data, at)
            if word >> 8 == Tag.ATTRIBUTE_VALUE and at + 8 + length + (-length & 7) == end:
                return tag, self._readers[tag](data, at, end), index
        instance = read_tagged(ITEMS.decode(data[first:end]), self._version)
        return instance.attribute, instance.value, instance.index


_BY_TAG: Final = {int(tag): tag for tag in ATTRIBUTES if tag != Tag.GROUP_LINK}
"""Without the one whose meaning depends on its type."""
_BY_NAME: Final = {row.name.encode(): tag for tag, row in ATTRIBUTES.items()}
_TEMPLATES: Final = frozenset(
    {
        Tag.TEMPLATE_ATTRIBUTE,
        Tag.COMMON_TEMPLATE_ATTRIBUTE,
        Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
        Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
    }
)
