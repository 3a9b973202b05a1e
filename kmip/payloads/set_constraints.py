"""Set Constraints: what objects to be made must satisfy (2.1 section 6.1.52)."""

from __future__ import annotations

from kmip.payloads.factory_defaults import Constraints
from kmip.structures import Structure, structure


@structure
class SetConstraintsRequest(Structure):
    """The constraints; the cases of 2.1 leave them out to lift them."""

    constraints: Constraints | None = None


@structure
class SetConstraintsResponse(Structure):
    """Nothing."""
