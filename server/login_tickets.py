"""What Login and Delegated Login have in common: a ticket for the client that asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kmip.attribute_values import UsageLimits
from kmip.enums import TicketType, UsageLimitsUnit
from kmip.errors import FeatureNotSupported, InvalidField, PermissionDenied
from kmip.messages import Ticket
from kmip.payloads.rights import TicketTime
from server.context import Context
from server.sessions import issued
from server.sessions.issued import Issued
from server.sessions.rights import Grant


class Wanted(Protocol):
    """How long and how often a ticket is to be good."""

    lease_time: TicketTime | None
    request_count: int | None
    usage_limits: UsageLimits | None


async def ticket(context: Context, wanted: Wanted, grants: Sequence[Grant] | None) -> Ticket:
    """A new ticket of the client's.

    Args:
        context: of the request.
        wanted: what the request says of the ticket.
        grants: its rights; None: all.

    Raises:
        PermissionDenied: the client itself has shown a ticket, or a token of some rights only, and
            would outlive or outdo it.
        InvalidField: the lease has ended already, or a count is negative.
        FeatureNotSupported: the limits count bytes.
        ServerLimitExceeded: too many tickets are out, or this one is too long.
    """
    if context.client.permission is not None:
        raise PermissionDenied(f"a {context.client.permission.called} gives no tickets")
    lease = wanted.lease_time
    if lease is not None and lease.absolute and lease.seconds and lease.seconds <= context.now:
        raise InvalidField("the lease would have ended already")
    if wanted.request_count is not None and wanted.request_count < 0:
        raise InvalidField("a Request Count is not negative")
    wanted_ticket = Issued(
        client=context.client.name,
        until=_until(lease, context.now),
        requests=wanted.request_count or None,  # 0: any number
        left=count(wanted.usage_limits),
        identification=context.client.identification,
        since=context.now,
    )
    tickets = context.server.tickets
    value = await tickets.issue(context.objects, wanted_ticket, context.now, grants)
    return Ticket(ticket_type=TicketType.LOGIN, ticket_value=value)


def _until(lease: TicketTime | None, now: int) -> int:
    """When a ticket's lease ends; 0 asks for no end, and gets the longest that there is."""
    if lease is None:
        return issued.until(None, now)
    if not lease.seconds:
        return issued.until(issued.MAX_LEASE_SECONDS, now)
    return issued.until(lease.seconds, now, absolute=lease.absolute)


def count(limits: UsageLimits | None) -> int | None:
    """The operations that Usage Limits allow; None: any number.

    Raises:
        InvalidField: it is not positive.
        FeatureNotSupported: they count bytes.
    """
    if limits is None:
        return None
    if limits.usage_limits_unit == UsageLimitsUnit.BYTE:
        raise FeatureNotSupported("the limits of a ticket count operations, not bytes")
    left = limits.usage_limits_count
    left = limits.usage_limits_total if left is None else left
    if left <= 0:
        raise InvalidField("Usage Limits are positive")
    return left
