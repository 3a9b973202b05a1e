"""Interop: a test begins or ends (2.1 section 6.1.26)."""

from __future__ import annotations

from kmip.enums import InteropFunction
from kmip.structures import Structure, structure


@structure
class InteropRequest(Structure):
    """The test."""

    interop_function: InteropFunction
    interop_identifier: str


@structure
class InteropResponse(Structure):
    """Nothing."""
