"""Delegated Login: a ticket for another client (2.1 section 6.1.12)."""

from __future__ import annotations

from kmip.attribute_values import UsageLimits
from kmip.messages import Ticket
from kmip.payloads.rights import Rights, TicketLease
from kmip.structures import Structure, structure


@structure
class DelegatedLoginRequest(Structure):
    """How long and how often the ticket may be used, and for what."""

    lease_time: TicketLease | None = None
    request_count: int | None = None
    usage_limits: UsageLimits | None = None
    rights: Rights


@structure
class DelegatedLoginResponse(Structure):
    """The ticket."""

    ticket: Ticket
