"""Create Split Key: a key and its parts (2.1 section 6.1.10; 1.4 section 4.38)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import ObjectType, SplitKeyMethod
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import BigInteger, Identifier
from kmip.versions import V1_2, V1_4, V2_0, Span, since, until


@structure
class CreateSplitKeyRequest(Structure):
    """How to split, and what.

    Attributes:
        unique_identifier: the key to split; absent: a new one.
    """

    object_type: ObjectType
    unique_identifier: Identifier | None = None
    split_key_parts: int
    split_key_threshold: int
    split_key_method: SplitKeyMethod
    prime_field_size: BigInteger | None = None
    attributes: Template = field(default_factory=Attributes)
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CreateSplitKeyResponse(Structure):
    """The parts.

    Attributes:
        object_type: only the table of 1.2 has it.
    """

    object_type: Annotated[ObjectType | None, Span(V1_2, V1_2)] = None
    unique_identifier: tuple[Identifier, ...] = ()
    attributes: Annotated[Template | None, until(V1_4)] = None
