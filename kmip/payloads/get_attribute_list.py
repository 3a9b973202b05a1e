"""Get Attribute List: which attributes an object has (2.1 section 6.1.21; 1.4 section 4.13)."""

from __future__ import annotations

from kmip.attribute_encoding import AttributeReferences
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class GetAttributeListRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class GetAttributeListResponse(Structure):
    """The object and its attributes."""

    unique_identifier: Identifier
    attribute_names: AttributeReferences = ()
