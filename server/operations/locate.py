"""Locate (2.1 section 6.1.28).

A client finds its own objects, and after them those on which it has been granted something, unless
the setting `locate_granted` leaves these out.

Where more is found than fits into a response, the newest that fit are given, and Located Items
tells how many there are: a server may limit what it gives. A client that has set a Maximum Response
Size is told Response Too Large instead, as it asked for.

The default member of a group (Object Group Member) is defined by the server's policy: the newest
that is Active, or where none is, the newest.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from kmip.attribute_values import NameText
from kmip.attributes import Attributes
from kmip.enums import ObjectGroupMember, Operation, State, UniqueIdentifier
from kmip.errors import InvalidField
from kmip.payloads.locate import LocateRequest, LocateResponse
from kmip.tags import Tag
from server.attributes import references
from server.context import Context, Room
from server.objects.transaction import Located
from server.registry import operation

ITEM_HEADER: Final = 8
"""Bytes of tag, type and length of an item."""

LEAST_ITEM: Final = 2 * ITEM_HEADER
"""Bytes of the shortest Unique Identifier item."""

LOCATED_BYTES: Final = 24
"""Bytes of the response payload beside the identifiers: its header, and Located Items."""


@operation(Operation.LOCATE)
async def locate(context: Context, request: LocateRequest) -> LocateResponse:
    """Find the client's objects that have all the attributes given, newest first, and others'."""
    for number in (request.maximum_items, request.offset_items):
        if number is not None and number < 0:
            raise InvalidField("Maximum Items and Offset Items are not negative")
    found = await _found(context, request)
    if len(found.identifiers) == 1:
        context.remember(found.identifiers[0], UniqueIdentifier.LOCATE)
    else:
        context.empty_placeholder()
    fitting = _fitting(found.identifiers, context.room)
    return LocateResponse(located_items=found.total, unique_identifier=tuple(fitting))


async def _found(context: Context, request: LocateRequest) -> Located:
    """The objects that match; of a group's members by default one, where that is asked for."""
    attributes = _filter(context, request)
    locate = partial(
        context.objects.locate_among,
        reaches=await context.reaches(),
        status=request.storage_status_mask,
        classes=request.object_class_mask,
    )
    member = request.object_group_member
    if member == ObjectGroupMember.GROUP_MEMBER_DEFAULT and Tag.OBJECT_GROUP in attributes:
        return await _default_member(attributes, locate)
    return await locate(
        attributes,
        offset=request.offset_items or 0,
        limit=_limit(request.maximum_items, context.room),
    )


async def _default_member(
    attributes: Attributes, locate: Callable[..., Awaitable[Located]]
) -> Located:
    """The default object of a group: its newest that is Active, or else its newest."""
    active = attributes.copy()
    if Tag.STATE not in active:
        active.set(Tag.STATE, State.ACTIVE)
    for wanted in (active, attributes):
        found = await locate(wanted, limit=1)
        if found.identifiers:
            return Located(found.identifiers, 1)
    return Located([], 0)


def _limit(maximum: int | None, room: Room) -> int | None:
    """How many to look for: no more than could fit, or one more to see that they do not."""
    if room.left is None:
        return maximum
    most = max(2, room.left // LEAST_ITEM + room.is_clients)
    return most if maximum is None else min(maximum, most)


def _fitting(identifiers: Sequence[str], room: Room) -> Sequence[str]:
    """The first of the identifiers that fit into the response."""
    if room.left is None or room.is_clients:
        return identifiers
    left = room.left - LOCATED_BYTES
    for place, identifier in enumerate(identifiers):
        left -= ITEM_HEADER + -(-len(identifier.encode()) // 8) * 8
        if left < 0:
            return identifiers[:place]
    return identifiers


def _with_names_of_any_type(attributes: Attributes) -> Attributes:
    """The filter of a client whose version has no Name Type, and who sees names of each type."""
    found = attributes.copy()
    found.remove(Tag.NAME)
    for name in attributes.all(Tag.NAME):
        found.add(Tag.NAME, NameText(name_value=name.name_value))
    return found


def _filter(context: Context, request: LocateRequest) -> Attributes:
    """The attributes of the request; a fresh member of a group is one never given to a client."""
    attributes = request.attributes
    if references.has_any(attributes):
        attributes = attributes.copy()
        references.resolve(context, attributes)
    if Tag.NAME in attributes and not context.knows(Tag.NAME_TYPE):
        attributes = _with_names_of_any_type(attributes)
    if request.object_group_member != ObjectGroupMember.GROUP_MEMBER_FRESH:
        return attributes
    fresh = attributes.copy()
    fresh.set(Tag.FRESH, value=True)
    return fresh
