"""Revoke: an object is used no longer, or is compromised (2.1 section 6.1.44; 1.4 section 4.20)."""

from __future__ import annotations

from kmip.attribute_values import RevocationReason
from kmip.structures import Structure, structure
from kmip.types import DateTime, Identifier


@structure
class RevokeRequest(Structure):
    """The object and why.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    revocation_reason: RevocationReason
    compromise_occurrence_date: DateTime | None = None


@structure
class RevokeResponse(Structure):
    """The object."""

    unique_identifier: Identifier
