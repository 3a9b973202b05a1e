"""Query Asynchronous Requests (2.1 section 6.1.41)."""

from __future__ import annotations

from kmip.payloads.asynchronous import AsynchronousCorrelationValues, AsynchronousRequest
from kmip.payloads.rights import Operations
from kmip.structures import Structure, structure


@structure
class QueryAsynchronousRequestsRequest(Structure):
    """Which of the requests."""

    asynchronous_correlation_values: AsynchronousCorrelationValues | None = None
    operations: Operations | None = None


@structure
class QueryAsynchronousRequestsResponse(Structure):
    """The requests."""

    asynchronous_request: tuple[AsynchronousRequest, ...] = ()
