"""Login (2.1 section 6.1.30)."""

from kmip.enums import Operation
from kmip.payloads.login import LoginRequest, LoginResponse
from server import login_tickets
from server.context import Context
from server.registry import operation


@operation(Operation.LOGIN)
async def login(context: Context, request: LoginRequest) -> LoginResponse:
    """Give the client a ticket that stands for it."""
    return LoginResponse(ticket=await login_tickets.ticket(context, request, None))
