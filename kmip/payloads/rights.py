"""What a ticket permits and for how long (2.1 sections 6.1.12 and 7.21 to 7.39)."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from kmip.attribute_values import UsageLimits
from kmip.enums import ItemType, Operation
from kmip.items import Item
from kmip.payloads.factory_defaults import ObjectGroups
from kmip.structures import Structure, structure
from kmip.types import DateTimeForm, Identifier
from kmip.versions import V2_1, ProtocolVersion, since


class TicketTime(NamedTuple):
    """How long a ticket is valid.

    Attributes:
        seconds: an interval, or seconds since 1970-01-01T00:00:00Z.
        absolute: whether it is the latter.
    """

    seconds: int
    absolute: bool = False


class TicketTimeForm(NamedTuple):
    """An Interval or a Date Time (2.1 section 6.1.30)."""

    def read(self, item: Item, version: ProtocolVersion) -> TicketTime:
        """Either of them."""
        if item.type == ItemType.INTERVAL and isinstance(item.value, int):
            return TicketTime(item.value)
        return TicketTime(DateTimeForm().read(item, version), absolute=True)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """An item of the type that it was."""
        kind = ItemType.DATE_TIME if value.absolute else ItemType.INTERVAL
        return Item(tag, kind, value.seconds)


TicketLease = Annotated[TicketTime, TicketTimeForm()]


@structure
class Operations(Structure):
    """2.1 section 7.25."""

    operation: tuple[Operation, ...] = ()


@structure
class Objects(Structure):
    """2.1 section 7.21."""

    unique_identifier: tuple[Identifier, ...] = ()


@structure
class Right(Structure):
    """What may be done with what; a field that is absent restricts nothing (2.1 section 7.34)."""

    usage_limits: UsageLimits | None = None
    operations: Operations | None = None
    objects: Objects | None = None
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class Rights(Structure):
    """2.1 section 7.35."""

    right: tuple[Right, ...] = ()
