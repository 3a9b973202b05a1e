"""Logout (2.1 section 6.1.31)."""

from functools import partial

from kmip.enums import Operation
from kmip.payloads.logout import LogoutRequest, LogoutResponse
from server.context import Context
from server.registry import operation


@operation(Operation.LOGOUT)
async def logout(context: Context, request: LogoutRequest) -> LogoutResponse:
    """End one of the client's tickets, whether or not it is the one that is shown."""
    value, tickets = request.ticket.ticket_value, context.server.tickets
    ended = context.once(lambda: tickets.end(value, context.client.name))
    context.when_undone(partial(tickets.restore, ended), "ticket")
    return LogoutResponse()
