"""Ping (2.1 section 6.1.36)."""

from kmip.enums import Operation
from kmip.payloads.ping import PingRequest, PingResponse
from server.context import Context
from server.registry import operation


@operation(Operation.PING)
async def ping(context: Context, request: PingRequest) -> PingResponse:
    """Show that the server is there."""
    return PingResponse()
