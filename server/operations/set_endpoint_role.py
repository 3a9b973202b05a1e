"""Set Endpoint Role (2.1 section 6.1.54)."""

from kmip.enums import EndpointRole, Operation
from kmip.errors import FeatureNotSupported
from kmip.payloads.set_endpoint_role import SetEndpointRoleRequest, SetEndpointRoleResponse
from server.context import Context
from server.registry import operation


@operation(Operation.SET_ENDPOINT_ROLE)
async def set_endpoint_role(
    context: Context, request: SetEndpointRoleRequest
) -> SetEndpointRoleResponse:
    """Stay the server; there is nothing that this server would ask of its clients."""
    if request.endpoint_role != EndpointRole.SERVER:
        raise FeatureNotSupported("the server sends no requests, and stays the server")
    return SetEndpointRoleResponse(endpoint_role=EndpointRole.SERVER)
