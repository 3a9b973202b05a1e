"""Import (2.1 section 6.1.25)."""

from kmip.enums import KeyWrapType, Operation, UniqueIdentifier
from kmip.errors import InvalidField, InvalidObjectType, ObjectAlreadyExists
from kmip.objects import object_type_of
from kmip.payloads.import_ import ImportRequest, ImportResponse
from server.access import policy
from server.attributes import imported, initial, protection_storage
from server.context import Context
from server.keys import key_input, wrapped_input
from server.registry import operation

LONGEST = 127
"""Bytes of an identifier: libkmip cannot read longer ones."""


@operation(Operation.IMPORT)
async def import_(context: Context, request: ImportRequest) -> ImportResponse:
    """Take in an object under its own identifier, with its own attributes."""
    identifier = request.unique_identifier
    if not isinstance(identifier, str) or not 0 < len(identifier.encode()) <= LONGEST:
        raise InvalidField(f"an imported identifier is a text of 1 to {LONGEST} bytes")
    content = request.object
    if request.object_type not in (None, object_type_of(content)):
        raise InvalidObjectType("the object is not of the Object Type given")
    if request.key_wrap_type == KeyWrapType.NOT_WRAPPED:
        content = await wrapped_input.plain(context, content)
    content = wrapped_input.identified(context, initial.in_der(content))
    facts = await initial.read(context, content)
    object_type = request.object_type or object_type_of(content)
    content, key = await key_input.completed(context, object_type, content)
    described = await wrapped_input.accessible(context, content)
    brought = imported.supplied(request.attributes, described)
    attributes = imported.settable(brought, context.now, facts)
    protection_storage.check(attributes, None)
    existing = await context.objects.find(identifier)
    if existing is not None:
        policy.permit(context.client, context.operation, existing)
        if not request.replace_existing and not existing.is_destroyed:
            raise ObjectAlreadyExists("there is an object with this identifier already")
        context.objects.remove(existing)
    managed_object = initial.new_object(
        context,
        object_type,
        content,
        attributes,
        created=False,
        identifier=identifier,
        facts=facts,
        described=described,
    )
    managed_object.opened = key
    key_input.mark_presence(managed_object, content)
    await wrapped_input.link(context, managed_object, content)
    await imported.complete(context, managed_object, brought, described)
    context.objects.add(managed_object)
    context.remember(identifier, UniqueIdentifier.IMPORT)
    return ImportResponse(unique_identifier=identifier)
