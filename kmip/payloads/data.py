"""Data of cryptographic operations, or a reference to it (2.1 section 7.9)."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from kmip.enums import Data as DataReference
from kmip.enums import ItemType
from kmip.errors import InvalidField
from kmip.items import Item
from kmip.structures import wrong_type
from kmip.versions import ProtocolVersion


class DataForm(NamedTuple):
    """A byte string; from 2.0 on also a reference to what another batch item returned.

    An enumeration means the data of the last operation of that kind, an integer the data of the
    response with that number, counted from 0, or backwards where it is negative.
    """

    def read(self, item: Item, version: ProtocolVersion) -> bytes | DataReference | int:
        """The bytes or the reference."""
        if item.type == ItemType.BYTE_STRING and isinstance(item.value, bytes):
            return item.value
        if item.type == ItemType.INTEGER and isinstance(item.value, int):
            return item.value
        if item.type == ItemType.ENUMERATION and isinstance(item.value, int):
            try:
                return DataReference(item.value)
            except ValueError:
                raise InvalidField("no such Data enumeration") from None
        raise wrong_type(item, ItemType.BYTE_STRING)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """An item of the value's own type."""
        if isinstance(value, DataReference):
            return Item(tag, ItemType.ENUMERATION, int(value))
        kind = ItemType.BYTE_STRING if isinstance(value, bytes) else ItemType.INTEGER
        return Item(tag, kind, value)


Data = Annotated[bytes | DataReference | int, DataForm()]
"""Data of a request; that of a response is always `bytes`."""
