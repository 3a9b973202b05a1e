"""Logout (2.1 section 6.1.31)."""

from kmip.enums import Operation
from kmip.payloads.logout import LogoutRequest, LogoutResponse
from server.context import Context
from server.registry import operation


@operation(Operation.LOGOUT)
async def logout(context: Context, request: LogoutRequest) -> LogoutResponse:
    """End one of the client's tickets, whether or not it is the one that is shown."""
    value = request.ticket.ticket_value
    await context.server.tickets.end(context.objects, value, context.client.name)
    return LogoutResponse()
