"""Register: an object that the client has (2.1 section 6.1.43)."""

from kmip.attributes import Attributes
from kmip.enums import Operation, UniqueIdentifier
from kmip.errors import InvalidField, InvalidObjectType
from kmip.objects import Template, object_type_of
from kmip.payloads.register import RegisterRequest, RegisterResponse
from server.attributes import description, initial, protection_storage
from server.context import Context
from server.keys import key_input, pkcs12_input, wrapped_input
from server.registry import operation


@operation(Operation.REGISTER)
async def register(context: Context, request: RegisterRequest) -> RegisterResponse:
    """Keep an object as it is given, wrapped or plain; a PKCS#12 container as what is in it."""
    content = request.object
    if content is None:
        raise InvalidField("there is no object to register")
    if object_type_of(content) != request.object_type:
        raise InvalidObjectType("the object is not of the Object Type given")
    attributes = await initial.resolve(context, request.attributes)
    if isinstance(content, Template):
        attributes = _named(attributes, content)
    unpacked = await pkcs12_input.unpacked(context, content, attributes)
    content = wrapped_input.identified(context, initial.in_der(unpacked.content))
    content, key = await key_input.completed(context, request.object_type, content)
    accessible = await wrapped_input.accessible(context, content)
    if accessible is not content:
        accessible, _ = await key_input.completed(context, request.object_type, accessible)
    travelling = description.travelling(request.object_type, accessible, context.operation)
    attributes = unpacked.attributes.united(travelling)
    protection_storage.check(attributes, request.protection_storage_masks)
    managed_object = initial.new_object(
        context,
        request.object_type,
        content,
        attributes,
        created=False,
        facts=await initial.read(context, content),
        described=accessible,
    )
    managed_object.opened = key
    key_input.mark_presence(managed_object, content)
    await wrapped_input.link(context, managed_object, content)
    await pkcs12_input.keep_certificates(context, managed_object, unpacked.certificates)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.REGISTER)
    return RegisterResponse(unique_identifier=managed_object.identifier)


def _named(attributes: Attributes, template: Template) -> Attributes:
    """A template's own attributes: those of the request and what it lends, its name above all."""
    own = attributes.copy()
    for key, value in template.attributes:
        own.add(key, value)
    return own
