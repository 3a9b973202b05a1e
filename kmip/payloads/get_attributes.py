"""Get Attributes (2.1 section 6.1.20; 1.4 section 4.12)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import References
from kmip.attributes import Attributes
from kmip.payloads.attribute_instance import ReturnedAttributes
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class GetAttributesRequest(Structure):
    """The object and what is asked for.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        attribute_names: none: all attributes.
    """

    unique_identifier: Identifier | None = None
    attribute_names: References = ()


@structure
class GetAttributesResponse(Structure):
    """The object and what it has of it."""

    unique_identifier: Identifier
    attributes: ReturnedAttributes = field(default_factory=Attributes)
