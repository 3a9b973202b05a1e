"""Log: a line for the server's log (2.1 section 6.1.29)."""

from __future__ import annotations

from kmip.structures import Structure, structure


@structure
class LogRequest(Structure):
    """The line."""

    log_message: str


@structure
class LogResponse(Structure):
    """Nothing."""
