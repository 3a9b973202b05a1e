"""Cancel: an asynchronous request (2.1 section 6.1.5; 1.4 section 4.27)."""

from __future__ import annotations

from kmip.enums import CancellationResult
from kmip.structures import Structure, structure


@structure
class CancelRequest(Structure):
    """The request."""

    asynchronous_correlation_value: bytes


@structure
class CancelResponse(Structure):
    """What became of it."""

    asynchronous_correlation_value: bytes
    cancellation_result: CancellationResult
