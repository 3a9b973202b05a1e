"""Get Attributes (2.1 section 6.1.20; 1.4 section 4.12)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import AttributeReferences
from kmip.attributes import Attributes
from kmip.payloads.attribute_instance import ReturnedAttributes
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class GetAttributesRequest(Structure):
    """The object and the attributes.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        attribute_names: none: all attributes.
    """

    unique_identifier: Identifier | None = None
    attribute_names: AttributeReferences = ()


@structure
class GetAttributesResponse(Structure):
    """The object and those of the attributes that it has."""

    unique_identifier: Identifier
    attributes: ReturnedAttributes = field(default_factory=Attributes)
