"""Set Constraints (2.1 section 6.1.52)."""

from kmip.enums import Operation
from kmip.payloads.set_constraints import SetConstraintsRequest, SetConstraintsResponse
from server.attributes import constraints
from server.context import Context
from server.registry import operation


@operation(Operation.SET_CONSTRAINTS)
async def set_constraints(
    context: Context, request: SetConstraintsRequest
) -> SetConstraintsResponse:
    """Set what the objects to be made must satisfy, in place of what was set before."""
    requested = request.constraints.constraint if request.constraints is not None else ()
    await constraints.set_(context, requested)
    return SetConstraintsResponse()
