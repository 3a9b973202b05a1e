"""Export (2.1 section 6.1.18)."""

from kmip.enums import Operation
from kmip.payloads.export import ExportRequest, ExportResponse
from server.context import Context
from server.keys import key_output
from server.registry import operation


@operation(Operation.EXPORT)
async def export(context: Context, request: ExportRequest) -> ExportResponse:
    """Give an object with all its attributes."""
    held = await context.find(request.unique_identifier)
    attributes = held.view(context.now)
    managed = None
    if not held.is_destroyed:
        managed = await key_output.deliver(context, held, request)
    return ExportResponse(
        object_type=held.object_type,
        unique_identifier=held.identifier,
        attributes=attributes,
        managed_object=managed,
    )
