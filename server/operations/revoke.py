"""Revoke (2.1 section 6.1.44)."""

from kmip.enums import Operation, RevocationReasonCode, State
from kmip.errors import WrongKeyLifecycleState
from kmip.payloads.revoke import RevokeRequest, RevokeResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation

COMPROMISES = frozenset({RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE})
"""Reasons that make an object Compromised; every other one makes an Active object Deactivated."""


@operation(Operation.REVOKE)
async def revoke(context: Context, request: RevokeRequest) -> RevokeResponse:
    """Deactivate an object, or mark it as compromised."""
    held = await context.change(request.unique_identifier)
    state = held.state(context.now)
    reason = request.revocation_reason
    if state in (State.DESTROYED, State.DESTROYED_COMPROMISED) and (
        reason.revocation_reason_code not in COMPROMISES
    ):
        raise WrongKeyLifecycleState("a destroyed object can only become compromised")
    if reason.revocation_reason_code in COMPROMISES:
        held.attributes.set(Tag.COMPROMISE_DATE, context.now)
        occurred = request.compromise_occurrence_date
        if occurred is None:
            occurred = held.attributes.get(Tag.INITIAL_DATE)
        held.attributes.set(Tag.COMPROMISE_OCCURRENCE_DATE, occurred)
    elif state != State.ACTIVE:
        raise WrongKeyLifecycleState("only an Active object can be revoked for this reason")
    else:
        held.attributes.set(Tag.DEACTIVATION_DATE, context.now)
    held.attributes.set(Tag.REVOCATION_REASON, reason)
    context.keep(held)
    return RevokeResponse(unique_identifier=held.identifier)
