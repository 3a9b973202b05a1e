"""Get Usage Allocation (2.1 section 6.1.23)."""

from kmip import lifecycle
from kmip.enums import Operation
from kmip.errors import InvalidField, NoUsageLimits, WrongKeyLifecycleState
from kmip.payloads.get_usage_allocation import (
    GetUsageAllocationRequest,
    GetUsageAllocationResponse,
)
from server.attributes import usage_limits
from server.context import Context
from server.registry import operation


@operation(Operation.GET_USAGE_ALLOCATION)
async def get_usage_allocation(
    context: Context, request: GetUsageAllocationRequest
) -> GetUsageAllocationResponse:
    """Give a client part of what may still be protected with an object."""
    managed_object = await context.change(request.unique_identifier)
    limits = managed_object.usage_limits
    if limits is None:
        raise NoUsageLimits("the object has no Usage Limits")
    if request.usage_limits_count < 1:
        raise InvalidField("at least one unit is allocated")
    if not lifecycle.may_use(managed_object.attributes, context.now, protects=True):
        raise WrongKeyLifecycleState("the object's state or dates do not allow this use")
    managed_object.allocated += request.usage_limits_count
    usage_limits.spend(context, managed_object, limits, request.usage_limits_count)
    return GetUsageAllocationResponse(unique_identifier=managed_object.identifier)
