"""Adjust Attribute (2.1 section 6.1.3)."""

from collections.abc import Callable
from typing import Any, Final

from kmip import attribute_rules, lifecycle
from kmip.attribute_table import ATTRIBUTES
from kmip.attributes import AttributeName, VendorAttributeName
from kmip.enums import AdjustmentType, ItemType, Operation
from kmip.errors import InvalidDataType, InvalidField, MultiValuedAttribute, NumericRange
from kmip.items import Item
from kmip.payloads.adjust_attribute import AdjustAttributeRequest, AdjustAttributeResponse
from kmip.structures import Converted, Form, Plain
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.attributes import changes
from server.context import Context
from server.registry import operation

RANGES: Final = {
    ItemType.INTEGER: range(-(1 << 31), 1 << 31),
    ItemType.LONG_INTEGER: range(-(1 << 63), 1 << 63),
    ItemType.DATE_TIME: range(-(1 << 63), 1 << 63),
    ItemType.DATE_TIME_EXTENDED: range(-(1 << 63), 1 << 63),
    ItemType.INTERVAL: range(1 << 32),
}
"""The numbers that each type of item holds."""

ADJUSTMENTS: Final[dict[AdjustmentType, Callable[[int, int], int]]] = {
    AdjustmentType.INCREMENT: lambda value, by: value + by,
    AdjustmentType.DECREMENT: lambda value, by: value - by,
    AdjustmentType.NEGATE: lambda value, by: -value,
}


@operation(Operation.ADJUST_ATTRIBUTE)
async def adjust_attribute(
    context: Context, request: AdjustAttributeRequest
) -> AdjustAttributeResponse:
    """Increase, decrease or negate a number."""
    if len(request.attribute_names) != 1:
        raise InvalidField("one attribute is adjusted at a time")
    managed_object = await context.change(request.unique_identifier)
    attribute = changes.attribute_of(request.attribute_names[0])
    values = managed_object.attributes.all(attribute)
    if len(values) > 1:
        raise MultiValuedAttribute("the attribute has more than one value")
    by = request.adjustment_value
    before = _item(attribute, values[0]) if values else _absent(attribute, by)
    after = adjusted(before, request.adjustment_type, _amount(by))
    value: Any = after
    if not isinstance(attribute, VendorAttributeName):
        value = ATTRIBUTES[attribute].form.read(after, INTERNAL)
    attribute_rules.check_put(attribute, value, changes.situation(context, managed_object))
    managed_object.attributes.set(attribute, value)
    lifecycle.check_order(managed_object.attributes, attribute)
    context.keep(managed_object)
    return AdjustAttributeResponse(unique_identifier=managed_object.identifier)


def adjusted(item: Item, how: AdjustmentType, by: int) -> Item:
    """An item with its number adjusted; a Boolean can be negated.

    Raises:
        InvalidDataType: the item is of a type that cannot be adjusted so.
        NumericRange: the result leaves the type's range.
    """
    if item.type == ItemType.BOOLEAN and how == AdjustmentType.NEGATE:
        return Item(item.tag, item.type, not item.value)
    span, change = RANGES.get(ItemType(item.type)), ADJUSTMENTS.get(how)
    if span is None or change is None or not isinstance(item.value, int):
        raise InvalidDataType("an attribute of this type cannot be adjusted so")
    result = change(item.value, by)
    if result not in span:
        raise NumericRange("the result is out of the attribute's range")
    return Item(item.tag, item.type, result)


def _item(attribute: AttributeName, value: Any) -> Item:
    if isinstance(attribute, VendorAttributeName):
        return Item(Tag.ATTRIBUTE_VALUE, value.type, value.value)
    return ATTRIBUTES[attribute].form.write(Tag.ATTRIBUTE_VALUE, value, INTERNAL)


def _absent(attribute: AttributeName, by: Item | None) -> Item:
    """What an object that lacks the attribute counts as having: 0 or false (2.1 section 6.1.3).

    A vendor's attribute is of the type of what is added to it.

    Raises:
        InvalidDataType: the attribute is of a type that cannot be adjusted.
    """
    if isinstance(attribute, VendorAttributeName):
        kind = ItemType.INTEGER if by is None else ItemType(by.type)
    else:
        kind = _type_of(ATTRIBUTES[attribute].form)
    if kind != ItemType.BOOLEAN and kind not in RANGES:
        raise InvalidDataType("an attribute of this type cannot be adjusted")
    return Item(Tag.ATTRIBUTE_VALUE, kind, value=False if kind == ItemType.BOOLEAN else 0)


def _type_of(form: Form) -> ItemType:
    """The type of the items of a form that a number or a truth may have; else Structure."""
    if isinstance(form, Converted):
        return _type_of(form.form)
    return form.type if isinstance(form, Plain) else ItemType.STRUCTURE


def _amount(value: Item | None) -> int:
    """The Adjustment Value; 1 where there is none."""
    if value is None:
        return 1
    if not isinstance(value.value, int):
        raise InvalidDataType("the Adjustment Value is no number")
    return value.value
