"""Activate: an object becomes active (2.1 section 6.1.1; 1.4 section 4.19)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class ActivateRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class ActivateResponse(Structure):
    """The object."""

    unique_identifier: Identifier
