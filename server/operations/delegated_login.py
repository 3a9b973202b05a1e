"""Delegated Login (2.1 section 6.1.12)."""

from kmip.enums import Operation
from kmip.payloads.delegated_login import DelegatedLoginRequest, DelegatedLoginResponse
from kmip.payloads.rights import Right
from server import logins
from server.context import Context
from server.registry import operation
from server.tickets import Grant


@operation(Operation.DELEGATED_LOGIN)
async def delegated_login(
    context: Context, request: DelegatedLoginRequest
) -> DelegatedLoginResponse:
    """Give the client a ticket to hand on, which stands for it within the rights given."""
    grants = tuple(_grant(context, right) for right in request.rights.right)
    return DelegatedLoginResponse(ticket=logins.ticket(context, request, grants))


def _grant(context: Context, right: Right) -> Grant:
    """A right as it is granted."""
    grant = Grant(left=logins.count(right.usage_limits))
    if right.operations is not None:
        grant.operations = frozenset(right.operations.operation)
    if right.objects is not None:
        named = right.objects.unique_identifier
        grant.objects = frozenset(context.identify(one) for one in named)
    if right.object_groups is not None:
        grant.object_groups = frozenset(right.object_groups.object_group)
    return grant
