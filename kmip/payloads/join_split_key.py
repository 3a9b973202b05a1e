"""Join Split Key: a key from its parts (2.1 section 6.1.27; 1.4 section 4.39)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.enums import ObjectType, SecretDataType
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_2, V1_4, V2_0, Span, since, until


@structure
class JoinSplitKeyRequest(Structure):
    """The parts and what they make."""

    object_type: ObjectType
    unique_identifier: tuple[Identifier, ...] = ()
    secret_data_type: SecretDataType | None = None
    attributes: Template | None = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class JoinSplitKeyResponse(Structure):
    """What was made."""

    object_type: Annotated[ObjectType | None, Span(V1_2, V1_2)] = None
    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
