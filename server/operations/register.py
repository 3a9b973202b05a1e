"""Register: an object that the client has (2.1 section 6.1.43)."""

from dataclasses import replace
from typing import Any

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation, UniqueIdentifier
from kmip.errors import InvalidField, InvalidObjectType
from kmip.objects import Template, key_block_of, object_type_of
from kmip.payloads.register import RegisterRequest, RegisterResponse
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import initial, protection_storage
from server.context import Context
from server.crypto.keys import key_costs
from server.crypto.keys.material_facts import LOADERS, material_facts
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.REGISTER)
async def register(context: Context, request: RegisterRequest) -> RegisterResponse:
    """Keep an object as it is given, wrapped or plain."""
    content = request.object
    if content is None:
        raise InvalidField("there is no object to register")
    if object_type_of(content) != request.object_type:
        raise InvalidObjectType("the object is not of the Object Type given")
    attributes = await initial.resolve(context, request.attributes)
    if isinstance(content, Template):
        attributes = _named(attributes, content)
    protection_storage.check(attributes, request.protection_storage_masks)
    content, key = await _completed(context, request.object_type, initial.in_der(content))
    managed_object = initial.new_object(
        context,
        request.object_type,
        content,
        attributes,
        created=False,
        facts=await initial.read(context, content),
    )
    managed_object.opened = key
    check_key_value(managed_object, content)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.REGISTER)
    return RegisterResponse(unique_identifier=managed_object.identifier)


async def _completed(
    context: Context, object_type: ObjectType, content: Structure
) -> tuple[Structure, Any]:
    """An object whose key block also says what its material alone tells; and the key itself.

    A private key is checked here once, and from then on loaded without that.
    """
    block = key_block_of(content)
    if block is None or block.key_material is None or block.key_wrapping_data is not None:
        return content, None
    if object_type not in LOADERS:
        return content, None
    facts = await context.compute(
        key_costs.of_loading(block.key_material, private=object_type == ObjectType.PRIVATE_KEY),
        material_facts,
        object_type,
        block.key_format_type,
        block.key_material,
        block.cryptographic_algorithm,
    )
    completed = replace(
        block,
        cryptographic_algorithm=block.cryptographic_algorithm or facts.algorithm,
        cryptographic_length=block.cryptographic_length or facts.length,
    )
    return replace(content, key_block=completed), facts.key


def _named(attributes: Attributes, template: Template) -> Attributes:
    """A template's own attributes: those of the request and what it lends, its name above all."""
    own = attributes.copy()
    for key, value in template.attributes:
        own.add(key, value)
    return own


def check_key_value(managed_object: ManagedObject, content: Structure) -> None:
    """Mark an object whose key value is elsewhere; it may say where (2.1 section 4.27)."""
    block = key_block_of(content)
    if block is not None and block.key_value is None:
        managed_object.attributes.set(Tag.KEY_VALUE_PRESENT, value=False)
    elif Tag.KEY_VALUE_LOCATION in managed_object.attributes:
        managed_object.attributes.set(Tag.KEY_VALUE_PRESENT, value=True)
