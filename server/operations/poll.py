"""Poll (2.1 section 6.1.38)."""

from kmip.enums import Operation
from kmip.errors import InvalidAsynchronousCorrelationValue
from kmip.payloads.poll import PollRequest, PollResponse
from server.context import Context
from server.registry import operation


@operation(Operation.POLL)
async def poll(context: Context, request: PollRequest) -> PollResponse:
    """Every request is answered at once: there is none to be polled."""
    raise InvalidAsynchronousCorrelationValue("no request waits for its answer here")
