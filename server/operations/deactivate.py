"""Deactivate (3.0)."""

from kmip.enums import Operation, State
from kmip.errors import WrongKeyLifecycleState
from kmip.payloads.deactivate import DeactivateRequest, DeactivateResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.DEACTIVATE)
async def deactivate(context: Context, request: DeactivateRequest) -> DeactivateResponse:
    """End the use of an Active object, now or at a date to come."""
    held = await context.change(request.unique_identifier)
    if held.state(context.now) != State.ACTIVE:
        raise WrongKeyLifecycleState("only an Active object can be deactivated")
    date = request.deactivation_date
    held.attributes.set(Tag.DEACTIVATION_DATE, context.now if date is None else date)
    if request.deactivation_reason is not None:
        held.attributes.set(Tag.DEACTIVATION_REASON, request.deactivation_reason)
    context.keep(held)
    return DeactivateResponse(unique_identifier=held.identifier)
