"""Destroy (2.1 section 6.1.15)."""

from kmip import lifecycle
from kmip.enums import Operation
from kmip.errors import ObjectDestroyed
from kmip.payloads.destroy import DestroyRequest, DestroyResponse
from server.context import Context
from server.registry import operation


@operation(Operation.DESTROY)
async def destroy(context: Context, request: DestroyRequest) -> DestroyResponse:
    """Destroy an object's material; its attributes stay, and tell when it was destroyed."""
    managed_object = await context.change(request.unique_identifier)
    if managed_object.is_destroyed:
        raise ObjectDestroyed("the object is destroyed already")
    lifecycle.happen(managed_object.attributes, lifecycle.Event.DESTROY, context.now)
    managed_object.content = managed_object.opened = None
    context.keep(managed_object, body=True)
    return DestroyResponse(unique_identifier=managed_object.identifier)
