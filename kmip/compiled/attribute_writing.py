"""Attributes written as bytes, in both of the forms that messages have for them.

What stands around a value, its name among it, is made once for each attribute and version; the
value itself is written by a function that is compiled from the attribute's form. What has no such
function (a vendor's attribute, a link or a group in 3.0) is written by the definition,
`kmip.attribute_encoding`, as an item.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from kmip.attribute_encoding import (
    Gathered,
    Listed,
    exists,
    single_form,
    write_attributes,
)
from kmip.attribute_table import ATTRIBUTES
from kmip.attribute_values import Name
from kmip.attributes import AttributeName, Attributes, VendorAttributeName
from kmip.compiled.source import ITEMS, OnDemand
from kmip.enums import ItemType
from kmip.items import Item
from kmip.payloads.attribute_instance import ReturnedList
from kmip.structures import Form, Nested
from kmip.tags import Tag
from kmip.versions import DIALECTS, INTERNAL, AttributeForm, ProtocolVersion

Append = Callable[[Any, list[bytes]], None]
"""Appends the bytes of what it is given to a list."""

_HEADER: Final = struct.Struct(">II").pack
_INTEGER: Final = struct.Struct(">IIi4x").pack
_ATTRIBUTE: Final = Tag.ATTRIBUTE << 8 | ItemType.STRUCTURE
_INDEX: Final = Tag.ATTRIBUTE_INDEX << 8 | ItemType.INTEGER


def writer_of_carriage(
    carriage: object, version: ProtocolVersion, value_writer: Callable[[int, Form], Append]
) -> Append | None:
    """The function that writes what a carriage carries; None where it goes through items.

    Args:
        carriage: a field's.
        version: that the field is written in.
        value_writer: compiles the writer of a form under a tag, in that version.
    """
    if not isinstance(carriage, Gathered | Listed):
        return None
    key = (version, isinstance(carriage, ReturnedList))
    writer = _WRITERS.get(key)
    if writer is None:
        writer = _WRITERS[key] = _Writer(*key, value_writer)
    if isinstance(carriage, Gathered):
        tag = carriage.named if writer.is_named else carriage.tagged
        return _gathered(writer, tag, has_templates=True)
    if writer.is_named:
        return writer.append
    return _gathered(writer, Tag.ATTRIBUTES, has_templates=False)


def _gathered(writer: _Writer, tag: Tag, *, has_templates: bool) -> Append:
    """Writes attributes in a structure of their own, after the Templates that they name."""
    word = tag << 8 | ItemType.STRUCTURE

    def append(attributes: Attributes, parts: list[bytes]) -> None:
        place = len(parts)
        parts.append(b"")
        if has_templates and attributes.templates:
            writer.append_templates(attributes, parts)
        writer.append(attributes, parts)
        parts[place] = _HEADER(word, sum(map(len, parts[place:])))

    return append


_WRITERS: Final[dict[tuple[ProtocolVersion, bool], _Writer]] = {}


class _Row(NamedTuple):
    """How an attribute is written in a version.

    Attributes:
        is_there: whether the version has it.
        name: the item of its name in 1.x, as bytes.
        has_index: whether index 0 is told.
        append: writes a value.
    """

    is_there: bool
    name: bytes
    has_index: bool
    append: Append


class _Writer:
    """Writes the attributes of one version.

    Attributes:
        is_named: whether in the form of 1.x.

    Args:
        version: the protocol version.
        tells_indices: whether 1.x is told index 0 too, of what an object may have several of.
        value_writer: compiles the writer of a form under a tag.
    """

    def __init__(
        self,
        version: ProtocolVersion,
        tells_indices: bool,
        value_writer: Callable[[int, Form], Append],
    ) -> None:
        self._tells_indices = tells_indices
        self.is_named = single_form(version) == AttributeForm.NAMED
        self._version = version
        self._is_internal = version == INTERNAL
        self._as_items = (
            frozenset({Tag.LINK, Tag.OBJECT_GROUP})
            if DIALECTS[version].links_are_attributes
            else frozenset()
        )

        def row_of(tag: Tag) -> _Row:
            declared = ATTRIBUTES[tag]
            under = Tag.ATTRIBUTE_VALUE if self.is_named else tag
            return _Row(
                exists(tag, version),
                _name_bytes(declared.name),
                tells_indices and declared.many,
                value_writer(under, declared.form),
            )

        self._rows: Final = OnDemand(row_of)

    def append(self, attributes: Attributes, parts: list[bytes]) -> None:
        """Append the attributes one by one; what the version lacks is left out."""
        for attribute, instances in attributes.values.items():
            if attribute in self._as_items or isinstance(attribute, VendorAttributeName):
                self._append_items(attribute, instances, parts)
                continue
            is_there, name, has_index, append = self._rows[attribute]
            if not is_there:
                continue
            following = 0
            for index, value in instances.items():
                if self.is_named:
                    place = len(parts)
                    parts += (b"", name)
                    if index or has_index:
                        parts.append(_INTEGER(_INDEX, 4, index))
                    append(value, parts)
                    parts[place] = _HEADER(_ATTRIBUTE, sum(map(len, parts[place:])))
                    continue
                if self._is_internal and index != following:
                    parts.append(_INTEGER(_INDEX, 4, index))
                following = index + 1
                append(value, parts)

    def _append_items(
        self, attribute: AttributeName, instances: dict[int, Any], parts: list[bytes]
    ) -> None:
        alone = Attributes()
        alone.values[attribute] = instances
        if self.is_named:
            carriage = ReturnedList() if self._tells_indices else Listed()
            items = carriage.write(alone, self._version)
        else:
            items = write_attributes(alone, self._version, AttributeForm.TAGGED)
        parts += map(ITEMS.encode, items)

    def append_templates(self, attributes: Attributes, parts: list[bytes]) -> None:
        """Append the names of Templates."""
        form = Nested(Name)
        parts += (
            ITEMS.encode(form.write(Tag.NAME, name, self._version)) for name in attributes.templates
        )


def _name_bytes(name: str) -> bytes:
    return ITEMS.encode(Item(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, name))
