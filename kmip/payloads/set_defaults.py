"""Set Defaults: what objects get where a client sets nothing (2.1 section 6.1.53)."""

from __future__ import annotations

from kmip.payloads.factory_defaults import DefaultsInformation
from kmip.structures import Structure, structure


@structure
class SetDefaultsRequest(Structure):
    """The defaults; none: those of the server's own."""

    defaults_information: DefaultsInformation | None = None


@structure
class SetDefaultsResponse(Structure):
    """Nothing."""
