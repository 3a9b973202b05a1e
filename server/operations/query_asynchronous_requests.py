"""Query Asynchronous Requests (2.1 section 6.1.41)."""

from kmip.enums import Operation
from kmip.payloads.query_asynchronous_requests import (
    QueryAsynchronousRequestsRequest,
    QueryAsynchronousRequestsResponse,
)
from server.context import Context
from server.registry import operation


@operation(Operation.QUERY_ASYNCHRONOUS_REQUESTS)
async def query_asynchronous_requests(
    context: Context, request: QueryAsynchronousRequestsRequest
) -> QueryAsynchronousRequestsResponse:
    """Every request is answered at once: there is none outstanding."""
    return QueryAsynchronousRequestsResponse()
