"""RNG Seed (2.1 section 6.1.50; 1.4 section 4.36)."""

from __future__ import annotations

from kmip.payloads.data import Data
from kmip.structures import Structure, structure


@structure
class RNGSeedRequest(Structure):
    """The seed."""

    data: Data


@structure
class RNGSeedResponse(Structure):
    """How many bytes of it were used."""

    data_length: int
