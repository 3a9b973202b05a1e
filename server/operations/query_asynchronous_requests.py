"""Query Asynchronous Requests (2.1 sections 6.1.41 and 7.2)."""

from kmip.enums import Operation, ProcessingStage
from kmip.payloads.asynchronous import AsynchronousRequest
from kmip.payloads.query_asynchronous_requests import (
    QueryAsynchronousRequestsRequest,
    QueryAsynchronousRequestsResponse,
)
from server.context import Context
from server.registry import operation
from server.sessions.jobs import operation_of


@operation(Operation.QUERY_ASYNCHRONOUS_REQUESTS)
async def query_asynchronous_requests(
    context: Context, request: QueryAsynchronousRequestsRequest
) -> QueryAsynchronousRequestsResponse:
    """List the client's requests whose answers it has not got yet."""
    named, kinds = request.asynchronous_correlation_values, request.operations
    values = None if named is None else set(named.asynchronous_correlation_value)
    operations = None if kinds is None else set(kinds.operation)
    found = []
    outstanding = await context.server.jobs.outstanding(context.asking, context.now)
    for value, place, job in outstanding:
        performed = operation_of(job.operations[place])
        if values is not None and value not in values:
            continue
        if not isinstance(performed, Operation) or (operations and performed not in operations):
            continue
        found.append(
            AsynchronousRequest(
                asynchronous_correlation_value=value,
                operation=performed,
                submission_date=job.submitted,
                processing_stage=ProcessingStage(job.stage),
            )
        )
    return QueryAsynchronousRequestsResponse(asynchronous_request=tuple(found))
