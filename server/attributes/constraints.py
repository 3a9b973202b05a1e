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
from kmip.attributes import AttributeName, Attributes, written
from kmip.enums import ObjectType
from kmip.errors import ConstraintViolation
from kmip.items import Item
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
    having = _Having(managed_object)
    for keys, alternatives in _pertaining(managed_object, constraints).items():
        if not any(having.satisfies(one.attributes or Attributes()) for one in alternatives):
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


class _Having:
    """What an object has, to be compared with many constraints.

    Each takes the time that it takes to read it, however many values the object has.

    Args:
        managed_object: the object.
    """

    def __init__(self, managed_object: ManagedObject) -> None:
        self.managed_object = managed_object
        self._written: dict[AttributeName, frozenset[Item]] = {}

    def satisfies(self, wanted: Attributes) -> bool:
        """Whether it has an allowed value of each attribute that its type has."""
        return all(
            any(self._has(attribute, allowed) for allowed in wanted.all(attribute))
            for attribute in wanted.values
            if attribute_rules.applies_to(attribute, self.managed_object.object_type)
        )

    def _has(self, attribute: AttributeName, allowed: Any) -> bool:
        if isinstance(allowed, Mask):  # an object has one value of each mask
            mask = self.managed_object.attributes.get(attribute)
            return mask is not None and not mask & ~allowed
        return written(attribute, allowed) in self._values(attribute)

    def _values(self, attribute: AttributeName) -> frozenset[Item]:
        found = self._written.get(attribute)
        if found is None:
            values = self.managed_object.attributes.all(attribute)
            found = frozenset(written(attribute, value) for value in values)
            self._written[attribute] = found
        return found
