"""Get Constraints (2.1 section 6.1.22)."""

from __future__ import annotations

from kmip.payloads.factory_defaults import Constraints
from kmip.structures import Structure, structure


@structure
class GetConstraintsRequest(Structure):
    """Nothing."""


@structure
class GetConstraintsResponse(Structure):
    """The constraints in force."""

    constraints: Constraints
