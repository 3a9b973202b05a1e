"""Modify Attribute (2.1 section 6.1.34; 1.4 section 4.15)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import CurrentAttribute
from kmip.payloads.attribute_instance import ModifiedAttribute, ReturnedAttribute
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, V2_0, since, until


@structure
class ModifyAttributeRequest(Structure):
    """The object, which instance to replace, and what by.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        current_attribute: the instance by its value; in 1.x the new attribute's index names it.
        new_attribute: its index is None where it means the only instance.
    """

    unique_identifier: Identifier | None = None
    current_attribute: Annotated[CurrentAttribute | None, since(V2_0)] = None
    new_attribute: ModifiedAttribute


@structure
class ModifyAttributeResponse(Structure):
    """The object; in 1.x also the attribute as it is now."""

    unique_identifier: Identifier
    attribute: Annotated[ReturnedAttribute | None, until(V1_4)] = None
