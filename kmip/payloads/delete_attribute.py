"""Delete Attribute (2.1 section 6.1.13; 1.4 section 4.16)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import CurrentAttribute
from kmip.payloads.attribute_instance import DeletedAttribute, ReturnedAttribute
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, V2_0, since, until


@structure
class DeleteAttributeRequest(Structure):
    """The object and what to delete.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        current_attribute: the instance by its value.
        attribute_reference: one instance by its index, or, where it has none, all of them.
    """

    unique_identifier: Identifier | None = None
    current_attribute: Annotated[CurrentAttribute | None, since(V2_0)] = None
    attribute_reference: DeletedAttribute | None = None


@structure
class DeleteAttributeResponse(Structure):
    """The object; in 1.x also the attribute that was."""

    unique_identifier: Identifier
    attribute: Annotated[ReturnedAttribute | None, until(V1_4)] = None
