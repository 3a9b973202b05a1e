"""Delegated Login (2.1 section 6.1.12)."""

from typing import Final

from kmip.enums import Operation
from kmip.errors import ServerLimitExceeded
from kmip.payloads.delegated_login import DelegatedLoginRequest, DelegatedLoginResponse
from kmip.payloads.rights import Right
from server import login_tickets
from server.context import Context
from server.registry import operation
from server.sessions.rights import Grant

MAX_SIZE: Final = 100_000
"""Bytes, roughly, of the rights of a ticket and what they name, some 1000 objects: they are
arranged at once, and stay in memory while the ticket is used (`server.sessions.tickets`)."""


@operation(Operation.DELEGATED_LOGIN)
async def delegated_login(
    context: Context, request: DelegatedLoginRequest
) -> DelegatedLoginResponse:
    """Give the client a ticket to hand on, which stands for it within the rights given."""
    if sum(map(_size, request.rights.right)) > MAX_SIZE:
        raise ServerLimitExceeded("the rights of a ticket are too many, or name too much")
    grants = tuple(_grant(context, right) for right in request.rights.right)
    ticket = await login_tickets.ticket(context, request, grants)
    return DelegatedLoginResponse(ticket=ticket)


def _size(right: Right) -> int:
    """Bytes, roughly, of a right and of what it names."""
    objects = right.objects.unique_identifier if right.objects is not None else ()
    groups = right.object_groups.object_group if right.object_groups is not None else ()
    operations = right.operations.operation if right.operations is not None else ()
    return 64 + 16 * len(set(operations)) + sum(64 + len(str(name)) for name in (*objects, *groups))


def _grant(context: Context, right: Right) -> Grant:
    """A right as it is granted."""
    grant = Grant(left=login_tickets.count(right.usage_limits))
    if right.operations is not None:
        grant.operations = frozenset(right.operations.operation)
    if right.objects is not None:
        named = right.objects.unique_identifier
        grant.objects = frozenset(context.identify(one) for one in named)
    if right.object_groups is not None:
        grant.object_groups = frozenset(right.object_groups.object_group)
    return grant
