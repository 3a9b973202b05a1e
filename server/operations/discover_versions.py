"""Discover Versions (2.1 section 6.1.16)."""

from kmip.enums import Operation
from kmip.payloads.discover_versions import DiscoverVersionsRequest, DiscoverVersionsResponse
from kmip.versions import SUPPORTED
from server.context import Context
from server.registry import operation


@operation(Operation.DISCOVER_VERSIONS)
async def discover_versions(
    context: Context, request: DiscoverVersionsRequest
) -> DiscoverVersionsResponse:
    """Give what is spoken here, best first; of the client's list, what is also in it."""
    versions = request.protocol_version
    spoken = tuple(one for one in SUPPORTED if not versions or one in versions)
    return DiscoverVersionsResponse(protocol_version=spoken)
