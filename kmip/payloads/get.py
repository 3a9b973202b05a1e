"""Get: an object (2.1 section 6.1.19; 1.4 section 4.11)."""

from __future__ import annotations

from typing import Annotated

from kmip.enums import KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType
from kmip.key_block import KeyWrappingSpecification
from kmip.objects import ObjectField
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, since


@structure
class GetRequest(Structure):
    """The object and the form it is wanted in.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: Annotated[KeyWrapType | None, since(V1_4)] = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@structure
class GetResponse(Structure):
    """The object.

    Attributes:
        object: absent for users and groups of 3.0, which have attributes only.
    """

    object_type: ObjectType
    unique_identifier: Identifier
    object: ObjectField | None = None
