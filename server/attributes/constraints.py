"""Constraints: what objects must satisfy that are made (2.1 sections 6.1.22, 6.1.52 and 7.6).

The specification leaves open how several constraints go together. Here a constraint pertains to the
objects of its types and groups, all where it names none, and asks for values of its attributes:

-   constraints on the same attributes are alternatives, of which an object must satisfy one;
-   those that name a group which the object is in come in place of those that name none;
-   constraints on different attributes must be satisfied each.

So "AES of 256 bits in group A; AES of 192 bits" means 256 in the group and 192 elsewhere. A value
of a mask is the most that an object may have; any other value is the one that it must have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from kmip import attribute_rules
from kmip.attributes import AttributeName, Attributes
from kmip.enums import ObjectType
from kmip.errors import ConstraintViolation
from kmip.payloads.factory_defaults import Constraint
from kmip.tags import Tag
from kmip.vocabulary import Mask
from server.attributes import rules_store
from server.context import Context
from server.objects.managed_object import ManagedObject

NOT_CONSTRAINED: Final = frozenset({ObjectType.TEMPLATE})
"""A template is not what is made of it."""


async def in_force(context: Context) -> list[tuple[Constraint, ...]]:
    """The constraints on what the client makes: its own, and everybody's."""
    return [each.constraint for each in await rules_store.in_force(context)]


async def set_(context: Context, constraints: Sequence[Constraint]) -> None:
    """Set the client's constraints, or everybody's where it is an administrator."""
    await rules_store.change(context, constraint=tuple(constraints))


async def check(context: Context) -> None:
    """Refuse new objects that do not satisfy the constraints, before they are made durable.

    Raises:
        ConstraintViolation: one does not.
    """
    made = context.objects.added
    if not made:
        return
    for constraints in await in_force(context):
        for managed_object in made:
            if managed_object.object_type not in NOT_CONSTRAINED:
                _check(managed_object, constraints)


def _check(managed_object: ManagedObject, constraints: Sequence[Constraint]) -> None:
    for keys, alternatives in _pertaining(managed_object, constraints).items():
        if not any(
            _satisfies(managed_object, one.attributes or Attributes()) for one in alternatives
        ):
            names = ", ".join(sorted(attribute_rules.name_of(attribute) for attribute in keys))
            raise ConstraintViolation(f"the constraints allow no such {names}")


def _pertaining(
    managed_object: ManagedObject, constraints: Sequence[Constraint]
) -> dict[frozenset[AttributeName], list[Constraint]]:
    """The constraints that pertain to an object, by the attributes that they are on."""
    groups = set(managed_object.attributes.all(Tag.OBJECT_GROUP))
    general: dict[frozenset[AttributeName], list[Constraint]] = defaultdict(list)
    particular: dict[frozenset[AttributeName], list[Constraint]] = defaultdict(list)
    for one in constraints:
        if rules_store.pertains(
            one.object_types, one.object_groups, managed_object.object_type, groups
        ):
            keys = frozenset((one.attributes or Attributes()).values)
            (general if one.object_groups is None else particular)[keys].append(one)
    return general | particular


def _satisfies(managed_object: ManagedObject, wanted: Attributes) -> bool:
    return all(
        any(
            _meets(value, other)
            for value in managed_object.attributes.all(attribute)
            for other in allowed
        )
        for attribute, allowed in (
            (attribute, wanted.all(attribute)) for attribute in wanted.values
        )
        if attribute_rules.applies_to(attribute, managed_object.object_type)
    )


def _meets(value: Any, allowed: Any) -> bool:
    if isinstance(allowed, Mask):
        return not value & ~allowed
    return bool(value == allowed)
