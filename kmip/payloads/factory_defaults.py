"""What applies to objects yet to be made: defaults and constraints (2.1 sections 7.6 to 7.24)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from kmip.attributes import Attributes
from kmip.carriage import Template
from kmip.enums import ObjectType
from kmip.structures import Structure, structure
from kmip.versions import V2_1, since


@structure
class ObjectTypes(Structure):
    """2.1 section 7.24."""

    object_type: tuple[ObjectType, ...] = ()


@structure
class ObjectGroups(Structure):
    """2.1 section 7.23."""

    object_group: tuple[str, ...] = ()


@structure
class ObjectDefaults(Structure):
    """The attributes that objects of a type get (2.1 section 7.22).

    Attributes:
        object_type: one type; from 2.1 on `object_types` may stand instead.
        object_groups: the groups it pertains to; absent: all.
    """

    object_type: ObjectType | None = None
    object_types: Annotated[ObjectTypes | None, since(V2_1)] = None
    attributes: Template = field(default_factory=Attributes)
    object_groups: Annotated[ObjectGroups | None, since(V2_1)] = None


@structure
class DefaultsInformation(Structure):
    """2.1 section 7.11."""

    object_defaults: tuple[ObjectDefaults, ...] = ()


@structure
class Constraint(Structure):
    """A constraint on operations that make objects (2.1 section 7.6)."""

    object_types: ObjectTypes | None = None
    object_groups: ObjectGroups | None = None
    attributes: Template | None = None


@structure
class Constraints(Structure):
    """2.1 section 7.7."""

    constraint: tuple[Constraint, ...] = ()
