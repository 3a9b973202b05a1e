"""Process (2.1 section 6.1.39)."""

from kmip.enums import Operation
from kmip.errors import InvalidAsynchronousCorrelationValue
from kmip.payloads.process import ProcessRequest, ProcessResponse
from server.context import Context
from server.registry import operation


@operation(Operation.PROCESS)
async def process(context: Context, request: ProcessRequest) -> ProcessResponse:
    """Every request is answered at once: there is none to hurry."""
    raise InvalidAsynchronousCorrelationValue("no request waits for its answer here")
