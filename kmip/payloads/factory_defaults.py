"""What applies to objects yet to be made: defaults and constraints (2.1 sections 7.6 to 7.24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Annotated, Any, NamedTuple

from kmip.attribute_encoding import Template
from kmip.attributes import Attributes
from kmip.enums import ItemType, ObjectType
from kmip.items import Item
from kmip.structures import Structure, structure, wrong_type
from kmip.tags import Tag
from kmip.versions import DIALECTS, V2_1, ProtocolVersion, since


@structure
class ObjectTypes(Structure):
    """2.1 section 7.24."""

    object_type: tuple[ObjectType, ...] = ()


class GroupNames(NamedTuple):
    """Object Groups by their names; in 3.0 Group Links, as the attribute is one there."""

    @property
    def tags(self) -> Sequence[int]:
        """Both tags."""
        return (Tag.OBJECT_GROUP, Tag.GROUP_LINK)

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> tuple[str, ...]:
        """The names."""
        for item in items:
            if item.type not in (ItemType.TEXT_STRING, ItemType.NAME_REFERENCE):
                raise wrong_type(item, ItemType.TEXT_STRING)
        return tuple(str(item.value) for item in items)

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """One item for each name."""
        if DIALECTS[version].links_are_attributes:
            return (Item(Tag.GROUP_LINK, ItemType.NAME_REFERENCE, name) for name in value)
        return (Item(Tag.OBJECT_GROUP, ItemType.TEXT_STRING, name) for name in value)


@structure
class ObjectGroups(Structure):
    """2.1 section 7.23."""

    object_group: Annotated[tuple[str, ...], GroupNames()] = ()


@structure
class ObjectDefaults(Structure):
    """The attributes that objects of a type get (2.1 section 7.22).

    Attributes:
        object_type: one type; from 2.1 on `object_types` may be used instead.
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
