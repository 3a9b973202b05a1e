"""RNG Retrieve (2.1 section 6.1.49; 1.4 section 4.35)."""

from __future__ import annotations

from kmip.structures import Structure, structure


@structure
class RNGRetrieveRequest(Structure):
    """How many random bytes."""

    data_length: int


@structure
class RNGRetrieveResponse(Structure):
    """Random bytes."""

    data: bytes
