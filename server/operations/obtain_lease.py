"""Obtain Lease (2.1 section 6.1.35)."""

from kmip.enums import Operation, State
from kmip.errors import WrongKeyLifecycleState
from kmip.payloads.obtain_lease import ObtainLeaseRequest, ObtainLeaseResponse
from kmip.tags import Tag
from server.attributes import initial
from server.context import Context
from server.registry import operation


@operation(Operation.OBTAIN_LEASE)
async def obtain_lease(context: Context, request: ObtainLeaseRequest) -> ObtainLeaseResponse:
    """Let a client use an Active object for its Lease Time; a compromised one is not lent."""
    managed_object = await context.find(request.unique_identifier)
    if managed_object.state(context.now) not in (State.PRE_ACTIVE, State.ACTIVE, State.DEACTIVATED):
        raise WrongKeyLifecycleState("the object is compromised or destroyed")
    return ObtainLeaseResponse(
        unique_identifier=managed_object.identifier,
        lease_time=managed_object.attributes.get(Tag.LEASE_TIME, initial.LEASE_SECONDS),
        last_change_date=managed_object.attributes.get(Tag.LAST_CHANGE_DATE, context.now),
    )
