"""Attributes changed by clients: which instance is meant, and whether it may be changed so.

1.x names an instance by its index and 2.x by its value; here both have become an index. What may
be changed is a table (`kmip.attribute_rules`).
"""

from __future__ import annotations

from typing import Any

from kmip.attribute_rules import Situation
from kmip.attributes import AttributeInstance, AttributeName, Attributes, is_single, name_of
from kmip.enums import LinkType
from kmip.errors import (
    AttributeInstanceNotFound,
    AttributeNotFound,
    IndexOutOfBounds,
    InvalidField,
)
from kmip.tags import Tag
from server.attributes import usage_limits
from server.context import Context
from server.objects.managed_object import ManagedObject


def situation(context: Context, managed_object: ManagedObject) -> Situation:
    """What the rules look at."""
    return Situation(
        object_type=managed_object.object_type,
        state=managed_object.state(context.now),
        attributes=managed_object.attributes,
        now=context.now,
        allocated=bool(managed_object.allocated) or is_used(managed_object),
    )


def is_used(managed_object: ManagedObject) -> bool:
    """Whether the server has counted uses against the Usage Limits: those it gives out to itself.

    Otherwise whoever has used up a key would set the limits anew.
    """
    limits = managed_object.usage_limits
    return limits is not None and usage_limits.units_left(limits) < limits.usage_limits_total


def as_set(attribute: AttributeName, value: Any) -> Any:
    """A value that a client sets, with what in it is the server's: the Count of Usage Limits."""
    return usage_limits.begun(value) if attribute == Tag.USAGE_LIMITS else value


def attribute_of(selector: AttributeName | LinkType) -> AttributeName:
    """The attribute that holds what is selected."""
    return Tag.LINK if isinstance(selector, LinkType) else selector


def present(managed_object: ManagedObject, attribute: AttributeName) -> dict[int, Any]:
    """The instances of an attribute that the object must have.

    Raises:
        AttributeNotFound: it has none.
    """
    instances = managed_object.attributes.values.get(attribute)
    if not instances:
        raise AttributeNotFound(f"the object has no {name_of(attribute)}")
    return instances


def index_of(
    managed_object: ManagedObject,
    attribute: AttributeName,
    current: AttributeInstance | None,
    index: int | None,
) -> int:
    """The one instance that a request means.

    Args:
        managed_object: the object.
        attribute: the attribute.
        current: the instance by its value, where the request gives it.
        index: the instance by its index, where the request gives it.

    Raises:
        AttributeNotFound: the object has no such attribute.
        AttributeInstanceNotFound: no instance has the value.
        IndexOutOfBounds: no instance has the index.
        InvalidField: neither is given, and there are several (2.1 section 6.1.34).
    """
    instances = present(managed_object, attribute)
    if current is not None:
        found = managed_object.attributes.find(attribute, current.value)
        if found is None:
            raise AttributeInstanceNotFound(f"the object has no {name_of(attribute)} of this value")
        return found
    if index is not None and index not in instances:
        raise IndexOutOfBounds(f"the object has no {name_of(attribute)} with index {index}")
    if index is None and len(instances) > 1:
        raise InvalidField(f"the object has more than one {name_of(attribute)}: say which")
    return next(iter(instances)) if index is None else index


def replace(attributes: Attributes, attribute: AttributeName, index: int, value: Any) -> None:
    """Put a value in an instance's place."""
    if is_single(attribute):
        attributes.set(attribute, value)
    else:
        attributes.values[attribute][index] = value
