"""Obliterate: an object is deleted with all its attributes (3.0)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class ObliterateRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class ObliterateResponse(Structure):
    """Nothing, as nothing is left to be named."""

    unique_identifier: Identifier | None = None
