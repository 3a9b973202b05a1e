"""Get Attributes (2.1 section 6.1.21)."""

from kmip.enums import Operation
from kmip.errors import InvalidMessage
from kmip.payloads.get_attributes import GetAttributesRequest, GetAttributesResponse
from server.attributes import client_view
from server.context import Context
from server.registry import operation


@operation(Operation.GET_ATTRIBUTES)
async def get_attributes(context: Context, request: GetAttributesRequest) -> GetAttributesResponse:
    """Give the attributes asked for that the object has, or all of them."""
    managed_object = await context.find(request.unique_identifier)
    attributes = context.view(managed_object)
    if len(set(request.attribute_names)) < len(request.attribute_names):
        raise InvalidMessage("an attribute is asked for twice")  # 1.4 section 11.13
    if request.attribute_names:
        attributes = attributes.select(request.attribute_names)
    else:
        attributes = client_view.complete(context, attributes)
    return GetAttributesResponse(unique_identifier=managed_object.identifier, attributes=attributes)
