"""Get Constraints (2.1 section 6.1.22)."""

from kmip.enums import Operation
from kmip.payloads.factory_defaults import Constraints
from kmip.payloads.get_constraints import GetConstraintsRequest, GetConstraintsResponse
from server.attributes import constraints
from server.context import Context
from server.registry import operation


@operation(Operation.GET_CONSTRAINTS)
async def get_constraints(
    context: Context, request: GetConstraintsRequest
) -> GetConstraintsResponse:
    """Tell which constraints apply to what the client makes."""
    in_force = [one for each in await constraints.in_force(context) for one in each]
    return GetConstraintsResponse(constraints=Constraints(constraint=tuple(in_force)))
