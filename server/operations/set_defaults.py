"""Set Defaults (2.1 section 6.1.53)."""

from kmip.enums import Operation
from kmip.payloads.set_defaults import SetDefaultsRequest, SetDefaultsResponse
from server.attributes import defaults
from server.context import Context
from server.registry import operation


@operation(Operation.SET_DEFAULTS)
async def set_defaults(context: Context, request: SetDefaultsRequest) -> SetDefaultsResponse:
    """Set what the objects to be made get, in place of what was set before."""
    information = request.defaults_information
    await defaults.set_(context, information.object_defaults if information is not None else ())
    return SetDefaultsResponse()
