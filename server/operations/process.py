"""Process (2.1 section 6.1.39)."""

from kmip.enums import Operation
from kmip.errors import DuplicateProcessRequest, ServerLimitExceeded
from kmip.payloads.process import ProcessRequest, ProcessResponse
from server.context import Context
from server.registry import operation


@operation(Operation.PROCESS)
async def process(context: Context, request: ProcessRequest) -> ProcessResponse:
    """Perform a request before others, and answer when it has ended, so that Poll finds it."""
    jobs, value = context.server.jobs, request.asynchronous_correlation_value
    kept = await jobs.find(value, context.asking, context.now)
    if kept.job.is_answered:
        raise DuplicateProcessRequest("the request has ended; Poll gives its answer")
    if context.turn is not None:
        context.turn.release()
    if not await jobs.finished(kept.key):
        raise ServerLimitExceeded("the request takes longer; Poll it later")
    return ProcessResponse()
