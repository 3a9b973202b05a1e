"""Cancel (2.1 sections 6.1.5 and 11.7)."""

from kmip.enums import CancellationResult, Operation
from kmip.payloads.cancel import CancelRequest, CancelResponse
from server.context import Context
from server.registry import operation


@operation(Operation.CANCEL)
async def cancel(context: Context, request: CancelRequest) -> CancelResponse:
    """Every request is answered at once: there is none that could be cancelled."""
    return CancelResponse(
        asynchronous_correlation_value=request.asynchronous_correlation_value,
        cancellation_result=CancellationResult.UNAVAILABLE,
    )
