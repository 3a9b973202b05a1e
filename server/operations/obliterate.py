"""Obliterate (3.0)."""

from kmip.enums import Operation
from kmip.payloads.obliterate import ObliterateRequest, ObliterateResponse
from server.context import Context
from server.registry import operation


@operation(Operation.OBLITERATE)
async def obliterate(context: Context, request: ObliterateRequest) -> ObliterateResponse:
    """Remove an object with its attributes, as if it had never been."""
    managed_object = await context.find(request.unique_identifier)
    context.objects.remove(managed_object)
    return ObliterateResponse()
