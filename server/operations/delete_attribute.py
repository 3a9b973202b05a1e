"""Delete Attribute (2.1 section 6.1.13)."""

from kmip import attribute_rules
from kmip.attributes import AttributeInstance, AttributeName
from kmip.enums import LinkType, Operation
from kmip.errors import AttributeNotFound, InvalidField
from kmip.payloads.delete_attribute import DeleteAttributeRequest, DeleteAttributeResponse
from kmip.tags import Tag
from server.attributes import changes
from server.context import Context
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.DELETE_ATTRIBUTE)
async def delete_attribute(
    context: Context, request: DeleteAttributeRequest
) -> DeleteAttributeResponse:
    """Take an attribute, or one value of one, from an object."""
    managed_object = await context.change(request.unique_identifier)
    attribute, indices = _meant(managed_object, request)
    attribute_rules.check_delete(attribute, changes.situation(context, managed_object))
    value = managed_object.attributes.values[attribute][indices[0]]
    for index in indices:
        managed_object.attributes.remove(attribute, index)
    context.keep(managed_object)
    return DeleteAttributeResponse(
        unique_identifier=managed_object.identifier,
        attribute=AttributeInstance(attribute, value, indices[0]),
    )


def _meant(
    managed_object: ManagedObject, request: DeleteAttributeRequest
) -> tuple[AttributeName, list[int]]:
    """The attribute and the instances of it that are to go."""
    current, reference = request.current_attribute, request.attribute_reference
    if current is not None:
        return current.attribute, [
            changes.index_of(managed_object, current.attribute, current, None)
        ]
    if reference is None:
        raise InvalidField("no attribute is named")
    if isinstance(reference.attribute, LinkType):
        links = managed_object.attributes.select([reference.attribute]).values.get(Tag.LINK)
        if not links:
            raise AttributeNotFound(f"the object has no {reference.attribute.title}")
        return Tag.LINK, list(links)
    attribute = reference.attribute
    if reference.index is not None:
        return attribute, [changes.index_of(managed_object, attribute, None, reference.index)]
    return attribute, list(changes.present(managed_object, attribute))
