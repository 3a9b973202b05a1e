"""Activate (2.1 section 6.1.1)."""

from kmip import lifecycle
from kmip.enums import Operation
from kmip.payloads.activate import ActivateRequest, ActivateResponse
from server.context import Context
from server.registry import operation


@operation(Operation.ACTIVATE)
async def activate(context: Context, request: ActivateRequest) -> ActivateResponse:
    """Make a Pre-Active object Active from now on."""
    managed_object = await context.change(request.unique_identifier)
    lifecycle.happen(managed_object.attributes, lifecycle.Event.ACTIVATE, context.now)
    context.keep(managed_object)
    return ActivateResponse(unique_identifier=managed_object.identifier)
