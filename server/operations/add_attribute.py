"""Add Attribute (2.1 section 6.1.2)."""

from kmip import attribute_rules, lifecycle
from kmip.attributes import AttributeInstance
from kmip.enums import Operation
from kmip.errors import InvalidField
from kmip.payloads.add_attribute import AddAttributeRequest, AddAttributeResponse
from server.attributes import changes
from server.context import Context
from server.registry import operation


@operation(Operation.ADD_ATTRIBUTE)
async def add_attribute(context: Context, request: AddAttributeRequest) -> AddAttributeResponse:
    """Give an object an attribute, or one more value of one."""
    managed_object = await context.change(request.unique_identifier)
    attribute, value = request.new_attribute.attribute, request.new_attribute.value
    if value is None:
        raise InvalidField("there is no Attribute Value")
    if request.new_attribute.index is not None:  # 1.4 sections 4.14 and 11.15
        raise InvalidField("the server chooses the Attribute Index of a value that is added")
    value = changes.as_set(attribute, value)
    attribute_rules.check_add(attribute, value, changes.situation(context, managed_object))
    index = managed_object.attributes.add(attribute, value)
    lifecycle.check_order(managed_object.attributes, attribute)
    context.keep(managed_object)
    return AddAttributeResponse(
        unique_identifier=managed_object.identifier,
        attribute=AttributeInstance(attribute, value, index),
    )
