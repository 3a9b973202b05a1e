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
    held = await context.find(request.unique_identifier)
    managed = await key_output.deliver(context, held, request)
    if held.attributes.get(Tag.FRESH):
        served = await context.change(held.identifier)  # it may have wrapped itself, and be charged
        served.attributes.set(Tag.FRESH, value=False)
        context.objects.put(served)
    return GetResponse(
        object_type=held.object_type,
        unique_identifier=held.identifier,
        managed_object=managed,
    )
