"""Add Attribute (2.1 section 6.1.2; 1.4 section 4.14)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import NewAttribute
from kmip.payloads.attribute_instance import ReturnedAttribute
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, until


@structure
class AddAttributeRequest(Structure):
    """The object and the attribute.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    new_attribute: NewAttribute


@structure
class AddAttributeResponse(Structure):
    """The object; in 1.x also the attribute as it is now."""

    unique_identifier: Identifier
    attribute: Annotated[ReturnedAttribute | None, until(V1_4)] = None
