"""Archive: an object may leave the on-line storage (2.1 section 6.1.4; 1.4 section 4.22)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class ArchiveRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class ArchiveResponse(Structure):
    """The object."""

    unique_identifier: Identifier
