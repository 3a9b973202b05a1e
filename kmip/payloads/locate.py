"""Locate: objects by their attributes (2.1 section 6.1.28; 1.4 section 4.9)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import AttributeList
from kmip.attributes import Attributes
from kmip.enums import ObjectGroupMember
from kmip.masks import StorageStatusMask
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_1, V1_3, V2_1, V3_0, Span, since


@structure
class LocateRequest(Structure):
    """What must match.

    Attributes:
        object_class_mask: bits of Object Class (3.0: 1 user, 2 system).
    """

    maximum_items: int | None = None
    offset_items: Annotated[int | None, since(V1_3)] = None
    storage_status_mask: StorageStatusMask | None = None
    object_group_member: Annotated[ObjectGroupMember | None, Span(V1_1, V2_1)] = None
    object_class_mask: Annotated[int | None, since(V3_0)] = None
    attributes: AttributeList = field(default_factory=Attributes)


@structure
class LocateResponse(Structure):
    """What matches.

    Attributes:
        located_items: how many match in all, whatever Maximum Items is.
    """

    located_items: Annotated[int | None, since(V1_3)] = None
    unique_identifier: tuple[Identifier, ...] = ()
