"""Activate (2.1 section 6.1.1)."""

from kmip.enums import Operation, State
from kmip.errors import WrongKeyLifecycleState
from kmip.payloads.activate import ActivateRequest, ActivateResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.ACTIVATE)
async def activate(context: Context, request: ActivateRequest) -> ActivateResponse:
    """Make a Pre-Active object Active from now on."""
    held = await context.change(request.unique_identifier)
    if held.state(context.now) != State.PRE_ACTIVE:
        raise WrongKeyLifecycleState("only a Pre-Active object can be activated")
    held.attributes.set(Tag.ACTIVATION_DATE, context.now)
    context.keep(held)
    return ActivateResponse(unique_identifier=held.identifier)
