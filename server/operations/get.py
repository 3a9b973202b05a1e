"""Get (2.1 section 6.1.19)."""

from kmip.enums import Operation
from kmip.payloads.get import GetRequest, GetResponse
from kmip.tags import Tag
from server.context import Context
from server.keys import key_output
from server.registry import operation


@operation(Operation.GET)
async def get(context: Context, request: GetRequest) -> GetResponse:
    """Give an object; from then on it is not Fresh any more.

    That this is recorded may have to wait for a store that can be written; the client does not.
    """
    managed_object = await context.find(request.unique_identifier)
    content = await key_output.deliver(context, managed_object, request)
    identifier = managed_object.identifier
    if managed_object.attributes.get(Tag.FRESH) or identifier in context.objects.served:
        # Read again: it may have wrapped itself, and be charged.
        context.objects.serve(await context.change(identifier))
    return GetResponse(
        object_type=managed_object.object_type,
        unique_identifier=managed_object.identifier,
        object=content,
    )
