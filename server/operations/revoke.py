"""Revoke (2.1 section 6.1.44)."""

from kmip import lifecycle
from kmip.enums import Operation
from kmip.errors import InvalidField
from kmip.payloads.revoke import RevokeRequest, RevokeResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.REVOKE)
async def revoke(context: Context, request: RevokeRequest) -> RevokeResponse:
    """Deactivate an object, or mark it as compromised, as the reason says."""
    held = await context.change(request.unique_identifier)
    event = lifecycle.EVENTS.get(request.revocation_reason.revocation_reason_code)
    if event is None:
        raise InvalidField("this Revocation Reason Code is not known here")
    lifecycle.happen(held.attributes, event, context.now)
    if event == lifecycle.Event.COMPROMISE:
        occurred = request.compromise_occurrence_date
        if occurred is None:
            occurred = held.attributes.get(Tag.INITIAL_DATE)
        held.attributes.set(Tag.COMPROMISE_OCCURRENCE_DATE, occurred)
    held.attributes.set(Tag.REVOCATION_REASON, request.revocation_reason)
    context.keep(held)
    return RevokeResponse(unique_identifier=held.identifier)
