"""Get Usage Allocation (2.1 section 6.1.23; 1.4 section 4.18)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import Identifier, LongInteger


@structure
class GetUsageAllocationRequest(Structure):
    """The object and how much of its Usage Limits Units.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    usage_limits_count: LongInteger


@structure
class GetUsageAllocationResponse(Structure):
    """The object."""

    unique_identifier: Identifier
