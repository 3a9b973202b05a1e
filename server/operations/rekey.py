"""Re-key (2.1 section 6.1.46)."""

from kmip.enums import ObjectType, Operation, UniqueIdentifier
from kmip.errors import InvalidObjectType
from kmip.payloads.rekey import ReKeyRequest, ReKeyResponse
from server.attributes import inheritance, initial, protection_storage
from server.context import Context
from server.keys import generation
from server.registry import operation


@operation(Operation.REKEY)
async def rekey(context: Context, request: ReKeyRequest) -> ReKeyResponse:
    """Make a key to replace a symmetric key."""
    old = await context.change(request.unique_identifier)
    if old.object_type != ObjectType.SYMMETRIC_KEY:
        raise InvalidObjectType("only a symmetric key can be re-keyed")
    inheritance.check_replaceable(old, context.now)
    requested = await initial.resolve(context, request.attributes)
    initial.check_set(context, old.object_type, requested)
    attributes = inheritance.inherited(context, old, requested, request.offset)
    protection_storage.check(attributes, request.protection_storage_masks)
    content = await generation.symmetric_key(context, attributes)
    new = initial.new_object(
        context, old.object_type, content, attributes, created=True, checked=True
    )
    await inheritance.replace(context, old, new)
    context.remember(new.identifier, UniqueIdentifier.REKEY)
    return ReKeyResponse(unique_identifier=new.identifier)
