"""Export: an object with all its attributes (2.1 section 6.1.18; 1.4 section 4.40)."""

from __future__ import annotations

from dataclasses import field

from kmip.attribute_encoding import AttributeList
from kmip.attributes import Attributes
from kmip.enums import KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType
from kmip.key_block import KeyWrappingSpecification
from kmip.objects import ObjectField
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class ExportRequest(Structure):
    """The object and the form it is wanted in.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    key_format_type: KeyFormatType | None = None
    key_wrap_type: KeyWrapType | None = None
    key_compression_type: KeyCompressionType | None = None
    key_wrapping_specification: KeyWrappingSpecification | None = None


@structure
class ExportResponse(Structure):
    """The object."""

    object_type: ObjectType
    unique_identifier: Identifier
    attributes: AttributeList = field(default_factory=Attributes)
    object: ObjectField | None = None
