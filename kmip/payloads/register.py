"""Register: an object that the client has (2.1 section 6.1.43; 1.4 section 4.3)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import ObjectType
from kmip.objects import ObjectField
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, V2_0, since, until


@structure
class RegisterRequest(Structure):
    """The object and its attributes.

    Attributes:
        object: 1.0 and 1.1 do not require it.
    """

    object_type: ObjectType
    attributes: Template = field(default_factory=Attributes)
    object: ObjectField | None = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class RegisterResponse(Structure):
    """The identifier it got."""

    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
