"""Recover: an archived object comes back (2.1 section 6.1.42; 1.4 section 4.23)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class RecoverRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class RecoverResponse(Structure):
    """The object."""

    unique_identifier: Identifier
