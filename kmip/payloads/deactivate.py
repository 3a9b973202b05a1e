"""Deactivate: an object is used no longer (3.0)."""

from __future__ import annotations

from kmip.attribute_values import DeactivationReason
from kmip.structures import Structure, structure
from kmip.types import DateTime, Identifier


@structure
class DeactivateRequest(Structure):
    """The object, why and when.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    deactivation_reason: DeactivationReason | None = None
    deactivation_date: DateTime | None = None


@structure
class DeactivateResponse(Structure):
    """The object."""

    unique_identifier: Identifier
