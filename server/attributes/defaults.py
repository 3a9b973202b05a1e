"""Defaults: attributes that objects get which their client leaves out (2.1 sections 6.1.53, 7.22).

They are for what the server makes of its own (Create, Create Key Pair, Derive Key); an object that
is registered brings its own facts along. A client's own defaults come before everybody's, those for
a group before those for all, and what the request says before both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kmip import attribute_rules, lifecycle
from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.errors import InvalidField
from kmip.payloads.factory_defaults import ObjectDefaults, ObjectGroups, ObjectTypes
from kmip.tags import Tag
from server.attributes import rules_store
from server.context import Context

MADE_BY: Final[dict[ObjectType, Operation]] = {
    ObjectType.PRIVATE_KEY: Operation.CREATE_KEY_PAIR,
    ObjectType.PUBLIC_KEY: Operation.CREATE_KEY_PAIR,
    ObjectType.SYMMETRIC_KEY: Operation.CREATE,
    ObjectType.SECRET_DATA: Operation.CREATE,
}
"""The types that have defaults, and what makes objects of them."""


async def set_(context: Context, object_defaults: Sequence[ObjectDefaults]) -> None:
    """Set the client's defaults, or everybody's where it is an administrator.

    Raises:
        InvalidField: they are for no type of object, or for one that the server does not make; or
            their dates are not in their order.
        InvalidAttribute, AttributeReadOnly: objects of the type get no such attribute.
    """
    for defaults in object_defaults:
        lifecycle.check_order(defaults.attributes)
        types = _types(defaults).object_type
        if not types:
            raise InvalidField("defaults are for a type of object")
        for kind in dict.fromkeys(types):
            if kind not in MADE_BY:
                raise InvalidField(f"the server makes no {kind.title} for itself")
            for attribute in defaults.attributes.values:
                attribute_rules.check_set(attribute, kind, MADE_BY[kind])
    await rules_store.change(context, object_defaults=tuple(object_defaults))


async def in_force(context: Context, groups: ObjectGroups | None = None) -> list[ObjectDefaults]:
    """The client's defaults and everybody's; those of certain groups only where they are given."""
    every = [one for each in await rules_store.in_force(context) for one in each.object_defaults]
    if groups is None:
        return every
    wanted = set(groups.object_group)
    return [
        one
        for one in every
        if one.object_groups is None or wanted & set(one.object_groups.object_group)
    ]


async def completed(context: Context, kind: ObjectType, attributes: Attributes) -> Attributes:
    """The attributes of an object to be made, with the defaults of those it lacks."""
    groups = set(attributes.all(Tag.OBJECT_GROUP))
    full = attributes.copy()
    for each in await rules_store.in_force(context):
        for defaults in sorted(each.object_defaults, key=lambda one: one.object_groups is None):
            if rules_store.pertains(_types(defaults), defaults.object_groups, kind, groups):
                for attribute in defaults.attributes.values:
                    if attribute not in full:
                        for value in defaults.attributes.all(attribute):
                            full.add(attribute, value)
    return full


def _types(defaults: ObjectDefaults) -> ObjectTypes:
    if defaults.object_types is not None:
        return defaults.object_types
    return ObjectTypes(object_type=(defaults.object_type,) if defaults.object_type else ())
