"""Create: a new symmetric key or secret data (2.1 section 6.1.8; 1.4 section 4.1)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import ObjectType
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, V2_0, since, until


@structure
class CreateRequest(Structure):
    """What to make."""

    object_type: ObjectType
    attributes: Template = field(default_factory=Attributes)
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CreateResponse(Structure):
    """What was made.

    Attributes:
        attributes: those that the server chose itself, where it returns them (1.x).
    """

    object_type: ObjectType
    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
