"""Set Attribute: add it or replace its one value (2.1 section 6.1.51)."""

from __future__ import annotations

from kmip.attribute_encoding import NewAttribute
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class SetAttributeRequest(Structure):
    """The object and the attribute.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    new_attribute: NewAttribute


@structure
class SetAttributeResponse(Structure):
    """The object."""

    unique_identifier: Identifier
