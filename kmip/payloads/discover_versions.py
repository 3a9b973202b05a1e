"""Discover Versions (2.1 section 6.1.16; 1.4 section 4.26)."""

from __future__ import annotations

from kmip.messages import Version
from kmip.structures import Structure, structure


@structure
class DiscoverVersionsRequest(Structure):
    """The versions of the client, best first; none: any."""

    protocol_version: tuple[Version, ...] = ()


@structure
class DiscoverVersionsResponse(Structure):
    """Those of them that the server has, best first."""

    protocol_version: tuple[Version, ...] = ()
