"""Check (2.1 section 6.1.7): may an object be used so."""

from kmip.enums import Operation
from kmip.errors import (
    IncompatibleCryptographicUsageMask,
    KMIPError,
    PermissionDenied,
    UsageLimitExceeded,
)
from kmip.masks import CryptographicUsageMask
from kmip.payloads.check import CheckRequest, CheckResponse
from kmip.tags import Tag
from server.attributes import initial, usage_limits
from server.context import Context
from server.registry import operation


@operation(Operation.CHECK)
async def check(context: Context, request: CheckRequest) -> CheckResponse:
    """Fail where one of the uses asked for is not allowed, and say what would be."""
    managed_object = await context.find(request.unique_identifier)
    response = CheckResponse()
    refused: KMIPError | None = None
    limits = managed_object.usage_limits
    units = request.usage_limits_count
    if units is not None and limits is not None and units > usage_limits.units_left(limits):
        response.usage_limits_count = usage_limits.units_left(limits)
        refused = UsageLimitExceeded("the Usage Limits do not allow this much")
    allowed = managed_object.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    mask = request.cryptographic_usage_mask
    if mask is not None and mask & ~allowed:
        response.cryptographic_usage_mask = allowed
        refused = IncompatibleCryptographicUsageMask("the usage mask does not allow this use")
    lease = managed_object.attributes.get(Tag.LEASE_TIME, initial.LEASE_SECONDS)
    if request.lease_time is not None and request.lease_time > lease:
        response.lease_time = lease
        refused = PermissionDenied("the object is not lent for this long")
    if refused is None:
        return CheckResponse(unique_identifier=managed_object.identifier)
    refused.payload = response
    raise refused
