"""Cancel (2.1 sections 6.1.5 and 11.7)."""

from kmip.enums import CancellationResult, Operation, ProcessingStage
from kmip.errors import InvalidAsynchronousCorrelationValue
from kmip.payloads.cancel import CancelRequest, CancelResponse
from server.context import Context
from server.registry import operation
from server.sessions.jobs import Kept


@operation(Operation.CANCEL)
async def cancel(context: Context, request: CancelRequest) -> CancelResponse:
    """Have a request that has not begun not be performed, with all items of its message."""
    jobs, value = context.server.jobs, request.asynchronous_correlation_value
    try:
        kept = await jobs.find(value, context.asking, context.now)
    except InvalidAsynchronousCorrelationValue:
        result = CancellationResult.UNAVAILABLE
    else:
        result = _result(kept)
        if result == CancellationResult.CANCELED and not kept.job.is_canceled:
            jobs.cancel(context.objects, kept, context.now)
    return CancelResponse(asynchronous_correlation_value=value, cancellation_result=result)


def _result(kept: Kept) -> CancellationResult:
    job = kept.job
    if job.stage == ProcessingStage.SUBMITTED or job.is_canceled:
        return CancellationResult.CANCELED
    if not job.is_answered:
        return CancellationResult.UNABLE_TO_CANCEL
    failed = kept.place in job.failed
    return CancellationResult.FAILED if failed else CancellationResult.COMPLETED
