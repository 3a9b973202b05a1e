"""Attributes changed by clients: which instance is meant, and whether it may be changed so.

1.x names an instance by its index and 2.x by its value; here both have become an index. What may
be changed is a table (`kmip.attribute_rules`).
"""

from __future__ import annotations

from typing import Any

from kmip.attribute_rules import Situation
from kmip.attributes import Attributes, Instance, Key, is_single, name_of
from kmip.enums import LinkType
from kmip.errors import (
    AttributeInstanceNotFound,
    AttributeNotFound,
    IndexOutOfBounds,
)
from kmip.tags import Tag
from server.context import Context
from server.keys import key_use
from server.objects.managed_object import Held


def situation(context: Context, held: Held) -> Situation:
    """What the rules look at."""
    return Situation(
        object_type=held.object_type,
        state=held.state(context.now),
        attributes=held.attributes,
        now=context.now,
        allocated=bool(held.allocated) or is_used(held),
    )


def is_used(held: Held) -> bool:
    """Whether the server has counted uses against the Usage Limits: those it gives out to itself.

    Otherwise whoever has used up a key would set the limits anew.
    """
    limits = held.usage_limits
    return limits is not None and key_use.units_left(limits) < limits.usage_limits_total


def key_of(selector: Key | LinkType) -> Key:
    """The attribute that holds what is selected."""
    return Tag.LINK if isinstance(selector, LinkType) else selector


def present(held: Held, key: Key) -> dict[int, Any]:
    """The instances of an attribute that the object must have.

    Raises:
        AttributeNotFound: it has none.
    """
    instances = held.attributes.values.get(key)
    if not instances:
        raise AttributeNotFound(f"the object has no {name_of(key)}")
    return instances


def index_of(held: Held, key: Key, current: Instance | None, index: int | None) -> int:
    """The one instance that a request means.

    Args:
        held: the object.
        key: the attribute.
        current: the instance by its value, where the request gives it.
        index: the instance by its index, where the request gives it.

    Raises:
        AttributeNotFound: the object has no such attribute.
        AttributeInstanceNotFound: no instance has the value.
        IndexOutOfBounds: no instance has the index.
    """
    instances = present(held, key)
    if current is not None:
        found = held.attributes.find(key, current.value)
        if found is None:
            raise AttributeInstanceNotFound(f"the object has no {name_of(key)} of this value")
        return found
    if index is not None and index not in instances:
        raise IndexOutOfBounds(f"the object has no {name_of(key)} with index {index}")
    return next(iter(instances)) if index is None else index


def replace(attributes: Attributes, key: Key, index: int, value: Any) -> None:
    """Put a value in an instance's place."""
    if is_single(key):
        attributes.set(key, value)
    else:
        attributes.values[key][index] = value
