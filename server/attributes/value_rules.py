"""What the values of an object's attributes must be, however they come to it.

Who may set an attribute is a table (`kmip.attribute_rules`), and what type its values have another
(`kmip.attribute_table`). Here are the rules on values themselves, which hold for all operations and
for attributes in templates and in Key Values alike: so they are checked on what a batch item has
changed, once it has done its work. Only values that are new are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kmip import rotation
from kmip.attributes import name_of
from kmip.enums import ObjectType
from kmip.errors import ApplicationNamespaceNotSupported, InvalidField
from kmip.tags import Tag
from server.attributes import references
from server.context import Context
from server.objects.managed_object import ManagedObject


async def check(context: Context) -> None:
    """Refuse what the rules do not allow in the objects that this batch item has changed.

    Raises:
        ApplicationNamespaceNotSupported, InvalidField: a value is not allowed.
        ItemNotFound: a link refers to what no earlier item has made.
    """
    for managed_object, before in await context.objects.changes():
        attributes = managed_object.attributes
        references.resolve(context, attributes)
        for attribute, rule in RULES.items():
            for value in attributes.all(attribute):
                if before is None or before.attributes.find(attribute, value) is None:
                    rule(managed_object.object_type, value)
        _begin_set(managed_object)


def _application_data(_: ObjectType, value: Any) -> None:
    """The server knows no namespace, and makes no data for any (1.x section 3.36; 2.1: 4.4)."""
    if value.application_data is None:
        raise ApplicationNamespaceNotSupported("the server makes no Application Data; give it")


def _rotate_automatic(object_type: ObjectType, value: Any) -> None:
    """What the server cannot rotate is not accepted for rotation (2.1 section 4.48)."""
    if value and object_type not in rotation.REPLACED_BY:
        raise InvalidField(f"a {object_type.title} cannot be rotated by the server")


def _rotate_interval(_: ObjectType, value: Any) -> None:
    """An interval of nothing would rotate without end (2.1 section 4.51)."""
    if value == 0:
        raise InvalidField(f"{name_of(Tag.ROTATE_INTERVAL)} is a second at least")


RULES: Final[dict[Tag, Callable[[ObjectType, Any], None]]] = {
    Tag.APPLICATION_SPECIFIC_INFORMATION: _application_data,
    Tag.ROTATE_AUTOMATIC: _rotate_automatic,
    Tag.ROTATE_INTERVAL: _rotate_interval,
}
"""What is checked of a new value, by the object's type."""


def _begin_set(managed_object: ManagedObject) -> None:
    """Make an object the latest of its set, where it begins one (2.1 sections 4.50, 4.52, 4.53).

    So a client that knows a key by its Rotate Name finds the latest in the same way before the
    first rotation and after it.
    """
    attributes = managed_object.attributes
    begins = Tag.ROTATE_NAME in attributes or attributes.get(Tag.ROTATE_AUTOMATIC)
    if begins and Tag.ROTATE_LATEST not in attributes:
        attributes.set(Tag.ROTATE_LATEST, value=True)
        if Tag.ROTATE_GENERATION not in attributes:
            attributes.set(Tag.ROTATE_GENERATION, 0)
