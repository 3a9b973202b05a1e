"""Ping (2.1 section 6.1.36)."""

from __future__ import annotations

from kmip.structures import Structure, structure


@structure
class PingRequest(Structure):
    """Nothing."""


@structure
class PingResponse(Structure):
    """Nothing."""
