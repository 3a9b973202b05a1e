"""Put: a server gives a client an object (2.1 section 6.2.3; 1.4 section 5.2)."""

from __future__ import annotations

from kmip.attribute_encoding import AttributeList
from kmip.enums import PutFunction
from kmip.objects import ObjectField
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class PutRequest(Structure):
    """The object.

    Attributes:
        replaced_unique_identifier: the object that this one replaces, if it does.
    """

    unique_identifier: Identifier
    put_function: PutFunction
    replaced_unique_identifier: Identifier | None = None
    object: ObjectField
    attributes: AttributeList | None = None


@structure
class PutResponse(Structure):
    """Nothing."""
