"""Locate (2.1 section 6.1.32)."""

from kmip.attributes import Attributes
from kmip.enums import ObjectGroupMember, Operation, UniqueIdentifier
from kmip.errors import InvalidField
from kmip.payloads.locate import LocateRequest, LocateResponse
from kmip.tags import Tag
from server.context import Context
from server.registry import operation


@operation(Operation.LOCATE)
async def locate(context: Context, request: LocateRequest) -> LocateResponse:
    """Find the client's objects that have all the attributes given, newest first."""
    for number in (request.maximum_items, request.offset_items):
        if number is not None and number < 0:
            raise InvalidField("Maximum Items and Offset Items are not negative")
    found = await context.objects.locate(
        _filter(request),
        context.client.name,
        status=request.storage_status_mask,
        offset=request.offset_items or 0,
        limit=request.maximum_items,
        classes=request.object_class_mask,
    )
    if len(found.identifiers) == 1:
        context.remember(found.identifiers[0], UniqueIdentifier.LOCATE)
    return LocateResponse(located_items=found.total, unique_identifier=tuple(found.identifiers))


def _filter(request: LocateRequest) -> Attributes:
    """The attributes of the request; a fresh member of a group is one never given to a client."""
    if request.object_group_member != ObjectGroupMember.GROUP_MEMBER_FRESH:
        return request.attributes
    fresh = request.attributes.copy()
    fresh.set(Tag.FRESH, value=True)
    return fresh
