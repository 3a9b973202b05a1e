"""Poll: an asynchronous request (2.1 section 6.1.38; 1.4 section 4.28)."""

from __future__ import annotations

from kmip.structures import Structure, structure


@structure
class PollRequest(Structure):
    """The request."""

    asynchronous_correlation_value: bytes


@structure
class PollResponse(Structure):
    """Nothing while it is pending; then the payload of the operation polled."""
