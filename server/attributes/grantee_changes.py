"""What a grantee does not change on another's object, whichever operations it has been granted.

Grants on a group are grants on what is in it. So who could put an object into a group could grant
itself more; and who could change the groups of a User, or its credentials, could become somebody.
Nor does a grantee give an object a new name: the refusal of a name that is taken would tell it of
an object on which it has been granted nothing. A replacement has the names of what it replaces.
"""

from collections.abc import Iterable
from typing import Any

from kmip.attributes import Attributes, name_of
from kmip.errors import PermissionDenied
from kmip.tags import Tag
from server.access.policy import KEPT_FROM_GRANTEES
from server.context import Context


async def check(context: Context) -> None:
    """Refuse changes of another's objects that are the owner's alone to make.

    Raises:
        PermissionDenied: there is one.
    """
    if context.objects.changed_owners <= {context.client.name}:
        return
    changes = await context.objects.changes()
    others = [each for each in changes if each[0].owner != context.client.name]
    for changed, before in others:
        for tag in KEPT_FROM_GRANTEES:
            if before is not None and changed.attributes.all(tag) != before.attributes.all(tag):
                raise PermissionDenied(f"{name_of(tag)} is the owner's alone to change")
    old = _names(before.attributes for _, before in others if before is not None)
    if _names(changed.attributes for changed, _ in others) - old:
        raise PermissionDenied("a name is the owner's alone to give")


def _names(every: Iterable[Attributes]) -> set[Any]:
    """All names in these attributes."""
    names = (name for attributes in every for name in attributes.all(Tag.NAME))
    return {(name.name_value, name.name_type) for name in names}
