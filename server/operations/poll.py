"""Poll (2.1 section 6.1.38)."""

from dataclasses import replace

from kmip.encodings import ttlv
from kmip.enums import Operation, ResultReason, ResultStatus
from kmip.messages import ResponseBatchItem, ResponseMessage, version_of
from kmip.payloads.poll import PollRequest, PollResponse
from kmip.structures import from_item
from server.context import Answered, Context
from server.registry import operation
from server.sessions.jobs import Kept, operation_of


@operation(Operation.POLL)
async def poll(context: Context, request: PollRequest) -> PollResponse:
    """Give the answer of an earlier item; or say that it is still pending."""
    jobs, value = context.server.jobs, request.asynchronous_correlation_value
    kept = await jobs.find(value, context.asking, context.now)
    if not kept.job.is_answered:
        pending = replace(
            _of(kept, ResultStatus.OPERATION_PENDING), asynchronous_correlation_value=value
        )
        context.answered = context.plain_answer(pending)
        return PollResponse()
    message = await jobs.answer(kept)
    jobs.obtain(context.objects, kept, context.now)
    if message is None:
        context.answered = context.plain_answer(
            _failure(kept, ResultReason.OPERATION_CANCELED_BY_REQUESTER, "it was canceled")
        )
        return PollResponse()
    item = ttlv.decode(message)
    version = version_of(item)
    answers = from_item(item, ResponseMessage, version).batch_item
    if kept.place < len(answers):
        context.answered = Answered(answers[kept.place], version)
    else:
        stopped = "an item before it failed, and it was not performed"
        context.answered = context.plain_answer(
            _failure(kept, ResultReason.GENERAL_FAILURE, stopped)
        )
    return PollResponse()


def _of(kept: Kept, status: ResultStatus) -> ResponseBatchItem:
    return ResponseBatchItem(
        operation=operation_of(kept.job.operations[kept.place]), result_status=status
    )


def _failure(kept: Kept, reason: ResultReason, message: str) -> ResponseBatchItem:
    failed = _of(kept, ResultStatus.OPERATION_FAILED)
    return replace(failed, result_reason=reason, result_message=message)
