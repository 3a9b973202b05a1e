"""Deactivate (3.0)."""

from kmip import lifecycle
from kmip.enums import Operation
from kmip.payloads.deactivate import DeactivateRequest, DeactivateResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.DEACTIVATE)
async def deactivate(context: Context, request: DeactivateRequest) -> DeactivateResponse:
    """End the use of an Active object, now or at a date to come."""
    managed_object = await context.change(request.unique_identifier)
    lifecycle.happen(
        managed_object.attributes,
        lifecycle.Event.DEACTIVATE,
        context.now,
        request.deactivation_date,
    )
    if request.deactivation_reason is not None:
        managed_object.attributes.set(Tag.DEACTIVATION_REASON, request.deactivation_reason)
    context.keep(managed_object)
    return DeactivateResponse(unique_identifier=managed_object.identifier)
