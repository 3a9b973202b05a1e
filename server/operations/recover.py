"""Recover (2.1 section 6.1.42)."""

from kmip.enums import Operation
from kmip.payloads.recover import RecoverRequest, RecoverResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.RECOVER)
async def recover(context: Context, request: RecoverRequest) -> RecoverResponse:
    """Bring an object back from archival storage."""
    managed_object = await context.change(request.unique_identifier)
    if managed_object.archived:
        managed_object.archived = False
        managed_object.attributes.remove(Tag.ARCHIVE_DATE)
        context.keep(managed_object)
    context.remember(managed_object.identifier)
    return RecoverResponse(unique_identifier=managed_object.identifier)
