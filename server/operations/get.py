"""Get (2.1 section 6.1.19)."""

from kmip.enums import Operation
from kmip.payloads.get import GetRequest, GetResponse
from kmip.tags import Tag
from server.context import Context
from server.keys import key_output
from server.registry import operation


@operation(Operation.GET)
async def get(context: Context, request: GetRequest) -> GetResponse:
    """Give an object; from then on it is not Fresh any more."""
    managed_object = await context.find(request.unique_identifier)
    content = await key_output.deliver(context, managed_object, request)
    if managed_object.attributes.get(Tag.FRESH):
        served = await context.change(
            managed_object.identifier
        )  # it may have wrapped itself, and be charged
        served.attributes.set(Tag.FRESH, value=False)
        context.objects.put(served)
    return GetResponse(
        object_type=managed_object.object_type,
        unique_identifier=managed_object.identifier,
        object=content,
    )
