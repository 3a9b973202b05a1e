"""Adjust Attribute: change a number by an amount (2.1 section 6.1.3)."""

from __future__ import annotations

from kmip.attribute_encoding import AttributeReferences
from kmip.enums import AdjustmentType
from kmip.items import Item
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class AdjustAttributeRequest(Structure):
    """The object, the attribute and the change.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        attribute_names: exactly one.
        adjustment_value: an item of the attribute's own type; absent: one of its units.
    """

    unique_identifier: Identifier | None = None
    attribute_names: AttributeReferences = ()
    adjustment_type: AdjustmentType
    adjustment_value: Item | None = None


@structure
class AdjustAttributeResponse(Structure):
    """The object."""

    unique_identifier: Identifier
