"""Notify: a server informs a client of changed attributes (2.1 section 6.2.2; 1.4 section 5.1)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import AttributeList, AttributeReferences
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V2_0, since


@structure
class NotifyRequest(Structure):
    """The object and what changed.

    Attributes:
        attributes: those that have another value now.
        attribute_names: those that were deleted.
    """

    unique_identifier: Identifier
    attributes: AttributeList | None = None
    attribute_names: Annotated[AttributeReferences, since(V2_0)] = ()


@structure
class NotifyResponse(Structure):
    """Nothing."""
