"""Process: an asynchronous request is processed at once (2.1 section 6.1.39)."""

from __future__ import annotations

from kmip.structures import Structure, structure


@structure
class ProcessRequest(Structure):
    """The request."""

    asynchronous_correlation_value: bytes


@structure
class ProcessResponse(Structure):
    """Nothing."""
