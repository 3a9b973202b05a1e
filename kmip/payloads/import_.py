"""Import: an object under its own identifier (2.1 section 6.1.25; 1.4 section 4.41)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attribute_encoding import AttributeList
from kmip.attributes import Attributes
from kmip.enums import KeyWrapType, ObjectType
from kmip.objects import ObjectField
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V2_0, since


@structure
class ImportRequest(Structure):
    """The object with all its attributes.

    Attributes:
        object_type: 1.4 has the object only, whose tag names it.
        key_wrap_type: whether a wrapped object is to be unwrapped before it is stored.
    """

    unique_identifier: Identifier
    object_type: Annotated[ObjectType | None, since(V2_0)] = None
    replace_existing: bool | None = None
    key_wrap_type: KeyWrapType | None = None
    attributes: AttributeList = field(default_factory=Attributes)
    object: ObjectField


@structure
class ImportResponse(Structure):
    """The object."""

    unique_identifier: Identifier
