"""Destroy: the key material is deleted (2.1 section 6.1.15; 1.4 section 4.21)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class DestroyRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class DestroyResponse(Structure):
    """The object."""

    unique_identifier: Identifier
