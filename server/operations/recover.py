"""Recover (2.1 section 6.1.42)."""

from kmip.enums import Operation
from kmip.payloads.recover import RecoverRequest, RecoverResponse
from server.context import Context
from server.registry import operation


@operation(Operation.RECOVER)
async def recover(context: Context, request: RecoverRequest) -> RecoverResponse:
    """Bring an object back from archival storage."""
    held = await context.change(request.unique_identifier)
    if held.archived:
        held.archived = False
        context.keep(held)
    return RecoverResponse(unique_identifier=held.identifier)
