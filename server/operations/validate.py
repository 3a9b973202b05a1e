"""Validate (2.1 section 6.1.57)."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from kmip.enums import Operation, State, ValidityIndicator
from kmip.errors import InvalidField, InvalidObjectType
from kmip.objects import Certificate
from kmip.payloads.validate import ValidateRequest, ValidateResponse
from server.context import Context, RequestedIdentifier
from server.crypto import costs
from server.pki import issuance, issuer, path_validation
from server.registry import operation

REVOKED: Final = (State.DEACTIVATED, State.COMPROMISED)
"""States in which a certificate in the store proves nothing any more."""

DATES: Final = range(1 << 37)
"""Seconds since 1970 that can be asked about: up to the year 6325."""


@operation(Operation.VALIDATE)
async def validate(context: Context, request: ValidateRequest) -> ValidateResponse:
    """Tell whether certificates, given or in the store, form a chain that holds."""
    count = len(request.certificate) + len(request.unique_identifier)
    if not 0 < count <= path_validation.MAX_CERTIFICATES:
        raise InvalidField(f"a chain has 1 to {path_validation.MAX_CERTIFICATES} certificates")
    date = context.now if request.validity_date is None else request.validity_date
    if date not in DATES:
        raise InvalidField("the Validity Date is out of range")
    stored = [await _stored(context, one) for one in request.unique_identifier]
    kept = [certificate for certificate, _ in stored]
    sent = [issuance.load(one.certificate_value) for one in request.certificate]
    anchors = await issuer.anchors(context)

    def judge() -> ValidityIndicator:
        roots = [one for one in kept if path_validation.signs_itself(one)]
        return path_validation.judge([*sent, *kept], [*roots, *anchors], date)

    cost = costs.VERIFYING * (len(sent) + 2 * len(kept))
    indicator = await context.compute(cost, judge)
    if any(is_revoked for _, is_revoked in stored):
        indicator = ValidityIndicator.INVALID
    return ValidateResponse(validity_indicator=indicator)


async def _stored(
    context: Context, identifier: RequestedIdentifier
) -> tuple[x509.Certificate, bool]:
    """A certificate in the store, and whether it has been revoked."""
    managed_object = await context.find(identifier)
    content = await context.content(managed_object)
    if not isinstance(content, Certificate):
        raise InvalidObjectType("certificates are validated")
    return issuance.load(content.certificate_value), managed_object.state(context.now) in REVOKED
