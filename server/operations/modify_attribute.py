"""Modify Attribute (2.1 section 6.1.34)."""

from kmip import attribute_rules, lifecycle
from kmip.attributes import AttributeInstance
from kmip.enums import Operation
from kmip.errors import InvalidField
from kmip.payloads.modify_attribute import ModifyAttributeRequest, ModifyAttributeResponse
from server.attributes import changes
from server.context import Context
from server.registry import operation


@operation(Operation.MODIFY_ATTRIBUTE)
async def modify_attribute(
    context: Context, request: ModifyAttributeRequest
) -> ModifyAttributeResponse:
    """Put another value in the place of one that the object has."""
    managed_object = await context.change(request.unique_identifier)
    attribute, value = request.new_attribute.attribute, request.new_attribute.value
    if value is None:
        raise InvalidField("there is no Attribute Value")
    value = changes.as_set(attribute, value)
    attribute_rules.check_modify(attribute, value, changes.situation(context, managed_object))
    index = changes.index_of(
        managed_object, attribute, request.current_attribute, request.new_attribute.index
    )
    changes.replace(managed_object.attributes, attribute, index, value)
    lifecycle.check_order(managed_object.attributes, attribute)
    context.keep(managed_object)
    return ModifyAttributeResponse(
        unique_identifier=managed_object.identifier,
        attribute=AttributeInstance(attribute, value, index),
    )
