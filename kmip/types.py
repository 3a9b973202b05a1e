"""The annotated types of fields: a Python type and the form it takes in items.

`int` alone is an Integer of 32 bits, `str` a Text String, `bytes` a Byte String, `bool` a Boolean.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from kmip.enums import AsynchronousIndicator as Indicator
from kmip.enums import ItemType, UniqueIdentifier
from kmip.errors import InvalidField
from kmip.items import Item
from kmip.structures import Converted, EnumerationForm, Plain, Versioned, wrong_type
from kmip.versions import INTERNAL, V1_4, V2_0, V3_0, ProtocolVersion, Span, since, until

LongInteger = Annotated[int, ItemType.LONG_INTEGER]
BigInteger = Annotated[int, ItemType.BIG_INTEGER]
Interval = Annotated[int, ItemType.INTERVAL]
"""Seconds."""
OpaqueDataType = Annotated[int, ItemType.ENUMERATION]
"""An enumeration in which every value is a vendor's (2.1 section 11.34)."""

TEXTS = frozenset({ItemType.TEXT_STRING, ItemType.IDENTIFIER, ItemType.REFERENCE})


class IdentifierForm(NamedTuple):
    """A Unique Identifier: a text, from 2.0 on also "the result of that operation" or a batch item.

    Attributes:
        type_3_0: the item type that 3.0 gives it.
    """

    type_3_0: ItemType = ItemType.IDENTIFIER

    def read(self, item: Item, version: ProtocolVersion) -> str | UniqueIdentifier | int:
        """The identifier (2.1 section 7.27: Text String, Enumeration or Integer)."""
        if item.type in TEXTS and isinstance(item.value, str):
            return item.value
        if item.type == ItemType.INTEGER and isinstance(item.value, int):
            return item.value
        if item.type == ItemType.ENUMERATION and isinstance(item.value, int):
            try:
                return UniqueIdentifier(item.value)
            except ValueError:
                raise InvalidField("no such Unique Identifier enumeration") from None
        raise wrong_type(item, ItemType.TEXT_STRING)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """A text; in 3.0 an Identifier or a Reference."""
        if isinstance(value, UniqueIdentifier):
            return Item(tag, ItemType.ENUMERATION, int(value))
        if isinstance(value, int):
            return Item(tag, ItemType.INTEGER, value)
        kind = self.type_3_0 if version >= V3_0 else ItemType.TEXT_STRING
        return Item(tag, kind, value)


class DateTimeForm(NamedTuple):
    """A time in seconds; microseconds are accepted and truncated."""

    def read(self, item: Item, version: ProtocolVersion) -> int:
        """Seconds since 1970."""
        if item.type == ItemType.DATE_TIME and isinstance(item.value, int):
            return item.value
        if item.type == ItemType.DATE_TIME_EXTENDED and isinstance(item.value, int):
            return item.value // 1_000_000
        raise wrong_type(item, ItemType.DATE_TIME)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """A Date Time."""
        return Item(tag, ItemType.DATE_TIME, value)


Identifier = Annotated[str | UniqueIdentifier | int, IdentifierForm()]
Reference = Annotated[str | UniqueIdentifier | int, IdentifierForm(ItemType.REFERENCE)]
DateTime = Annotated[int, DateTimeForm()]
"""Seconds since 1970-01-01T00:00:00Z."""
DateTimeExtended = Annotated[int, ItemType.DATE_TIME_EXTENDED]
"""Microseconds since 1970-01-01T00:00:00Z."""


def _from_bool(value: Any) -> Indicator:
    return Indicator.OPTIONAL if value else Indicator.PROHIBITED


def _to_bool(value: Any) -> bool:
    return bool(value != Indicator.PROHIBITED)


AsynchronousIndicator = Annotated[
    Indicator,
    Versioned(
        (
            until(V1_4),
            ItemType.BOOLEAN,
            Converted(Plain(ItemType.BOOLEAN), _from_bool, _to_bool),
        ),
        (since(V2_0), ItemType.ENUMERATION, EnumerationForm(Indicator)),
    ),
]
"""A Boolean up to 1.4 (1.4 section 6.7), an enumeration from 2.0 on (2.1 section 9.3)."""

ONLY_INTERNAL = Span(INTERNAL, INTERNAL)
"""A field for records at rest, never on the wire."""
