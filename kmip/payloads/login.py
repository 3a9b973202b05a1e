"""Login: a ticket for further requests (2.1 section 6.1.30)."""

from __future__ import annotations

from kmip.attribute_values import UsageLimits
from kmip.messages import Ticket
from kmip.payloads.rights import TicketLease
from kmip.structures import Structure, structure


@structure
class LoginRequest(Structure):
    """How long and how often the ticket may be used."""

    lease_time: TicketLease | None = None
    request_count: int | None = None
    usage_limits: UsageLimits | None = None


@structure
class LoginResponse(Structure):
    """The ticket."""

    ticket: Ticket
