"""Check (2.1 section 6.1.7): may an object be used so."""

from kmip.enums import Operation
from kmip.masks import CryptographicUsageMask
from kmip.payloads.check import CheckRequest, CheckResponse
from kmip.tags import Tag
from server import making
from server.context import Context
from server.registry import operation


@operation(Operation.CHECK)
async def check(context: Context, request: CheckRequest) -> CheckResponse:
    """Say which of the asked uses the object does not allow; none is left where all are."""
    held = await context.find(request.unique_identifier)
    response = CheckResponse(unique_identifier=held.identifier)
    limits = held.usage_limits
    asked = request.usage_limits_count
    if asked is not None and limits is not None and asked > (limits.usage_limits_count or 0):
        response.usage_limits_count = limits.usage_limits_count
    allowed = held.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask(0))
    mask = request.cryptographic_usage_mask
    if mask is not None and mask & ~allowed:
        response.cryptographic_usage_mask = allowed
    lease = held.attributes.get(Tag.LEASE_TIME, making.LEASE_SECONDS)
    if request.lease_time is not None and request.lease_time > lease:
        response.lease_time = lease
    return response
