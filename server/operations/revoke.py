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
    managed_object = await context.change(request.unique_identifier)
    event = lifecycle.EVENTS.get(request.revocation_reason.revocation_reason_code)
    if event is None:
        raise InvalidField("this Revocation Reason Code is not known here")
    if event != lifecycle.Event.COMPROMISE and request.compromise_occurrence_date is not None:
        raise InvalidField("only a compromise has a Compromise Occurrence Date")
    lifecycle.happen(managed_object.attributes, event, context.now)
    if event == lifecycle.Event.COMPROMISE:
        occurred = request.compromise_occurrence_date
        if occurred is None:
            occurred = managed_object.attributes.get(Tag.INITIAL_DATE)
        managed_object.attributes.set(Tag.COMPROMISE_OCCURRENCE_DATE, occurred)
    managed_object.attributes.set(Tag.REVOCATION_REASON, request.revocation_reason)
    context.keep(managed_object)
    return RevokeResponse(unique_identifier=managed_object.identifier)
