"""Interop (2.1 section 6.1.26): a test says when it begins and ends."""

from kmip.enums import Operation
from kmip.payloads.interop import InteropRequest, InteropResponse
from server.context import Context
from server.registry import operation


@operation(Operation.INTEROP)
async def interop(context: Context, request: InteropRequest) -> InteropResponse:
    """Take note; nothing is reset, since a test's objects are a client's objects."""
    return InteropResponse()
