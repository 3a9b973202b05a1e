"""Set Attribute (2.1 section 6.1.51)."""

from kmip import attribute_rules, lifecycle
from kmip.enums import Operation
from kmip.errors import InvalidField
from kmip.payloads.set_attribute import SetAttributeRequest, SetAttributeResponse
from server.attributes import changes
from server.context import Context
from server.registry import operation


@operation(Operation.SET_ATTRIBUTE)
async def set_attribute(context: Context, request: SetAttributeRequest) -> SetAttributeResponse:
    """Give an attribute its one value, whether the object has it already or not."""
    managed_object = await context.change(request.unique_identifier)
    attribute, value = request.new_attribute.attribute, request.new_attribute.value
    if value is None:
        raise InvalidField("there is no Attribute Value")
    value = changes.as_set(attribute, value)
    attribute_rules.check_put(attribute, value, changes.situation(context, managed_object))
    managed_object.attributes.set(attribute, value)
    lifecycle.check_order(managed_object.attributes, attribute)
    context.keep(managed_object)
    return SetAttributeResponse(unique_identifier=managed_object.identifier)
