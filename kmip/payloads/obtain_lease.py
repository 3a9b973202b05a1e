"""Obtain Lease (2.1 section 6.1.35; 1.4 section 4.17)."""

from __future__ import annotations

from kmip.structures import Structure, structure
from kmip.types import DateTime, Identifier, Interval


@structure
class ObtainLeaseRequest(Structure):
    """The object.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None


@structure
class ObtainLeaseResponse(Structure):
    """The object, how long it may be used, and when it was last changed."""

    unique_identifier: Identifier
    lease_time: Interval
    last_change_date: DateTime
