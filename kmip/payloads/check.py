"""Check: may an object be used in this way (2.1 section 6.1.7; 1.4 section 4.10)."""

from __future__ import annotations

from kmip.masks import CryptographicUsageMask
from kmip.structures import Structure, structure
from kmip.types import Identifier, Interval, LongInteger


@structure
class CheckRequest(Structure):
    """The object and the use.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
    """

    unique_identifier: Identifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None


@structure
class CheckResponse(Structure):
    """The object, or what of the request the policy denies."""

    unique_identifier: Identifier | None = None
    usage_limits_count: LongInteger | None = None
    cryptographic_usage_mask: CryptographicUsageMask | None = None
    lease_time: Interval | None = None
