"""Create: a new symmetric key, or new secret data (2.1 section 6.1.8)."""

from kmip.enums import Operation, UniqueIdentifier
from kmip.errors import NotCreated
from kmip.payloads.create import CreateRequest, CreateResponse
from server.attributes import defaults, initial, protection_storage
from server.context import Context
from server.keys import generation
from server.registry import operation


@operation(Operation.CREATE)
async def create(context: Context, request: CreateRequest) -> CreateResponse:
    """Make an object from random material."""
    maker = generation.MAKERS.get(request.object_type)
    if maker is None:
        raise NotCreated(f"the server does not create a {request.object_type.title}")
    attributes = await initial.resolve(context, request.attributes)
    attributes = await defaults.completed(context, request.object_type, attributes)
    protection_storage.check(attributes, request.protection_storage_masks)
    content = await maker(context, attributes)
    managed_object = initial.new_object(
        context, request.object_type, content, attributes, created=True
    )
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.CREATE)
    return CreateResponse(
        object_type=managed_object.object_type, unique_identifier=managed_object.identifier
    )
