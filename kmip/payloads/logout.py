"""Logout: a ticket ends (2.1 section 6.1.31)."""

from __future__ import annotations

from kmip.messages import Ticket
from kmip.structures import Structure, structure


@structure
class LogoutRequest(Structure):
    """The ticket."""

    ticket: Ticket


@structure
class LogoutResponse(Structure):
    """Nothing."""
