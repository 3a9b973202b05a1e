"""Get Attribute List (2.1 section 6.1.20)."""

from kmip.enums import Operation
from kmip.payloads.get_attribute_list import GetAttributeListRequest, GetAttributeListResponse
from server.attributes import client_view
from server.context import Context
from server.registry import operation


@operation(Operation.GET_ATTRIBUTE_LIST)
async def get_attribute_list(
    context: Context, request: GetAttributeListRequest
) -> GetAttributeListResponse:
    """Name the attributes that the object has."""
    managed_object = await context.find(request.unique_identifier)
    attributes = client_view.complete(context, context.view(managed_object))
    return GetAttributeListResponse(
        unique_identifier=managed_object.identifier, attribute_names=tuple(attributes.values)
    )
