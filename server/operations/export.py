"""Export (2.1 section 6.1.18)."""

from kmip.enums import Operation
from kmip.payloads.export import ExportRequest, ExportResponse
from server.context import Context
from server.keys import key_output
from server.registry import operation


@operation(Operation.EXPORT)
async def export(context: Context, request: ExportRequest) -> ExportResponse:
    """Give an object with all its attributes."""
    managed_object = await context.find(request.unique_identifier)
    attributes = context.view(managed_object)
    content = None
    if not managed_object.is_destroyed:
        content = await key_output.deliver(context, managed_object, request)
    context.remember(managed_object.identifier)
    return ExportResponse(
        object_type=managed_object.object_type,
        unique_identifier=managed_object.identifier,
        attributes=attributes,
        object=content,
    )
