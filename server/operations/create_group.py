"""Create Group (3.0)."""

from kmip.enums import ObjectType, Operation
from kmip.payloads.create_group import CreateGroupRequest, CreateGroupResponse
from server.attributes import initial
from server.context import Context
from server.registry import operation


@operation(Operation.CREATE_GROUP)
async def create_group(context: Context, request: CreateGroupRequest) -> CreateGroupResponse:
    """Make a group, which others join by a Group Link to it; it grants nothing."""
    context.require_administrator()
    managed_object = initial.new_object(
        context, ObjectType.GROUP, None, request.attributes, created=True
    )
    context.objects.add(managed_object)
    context.remember(managed_object.identifier)
    return CreateGroupResponse(unique_identifier=managed_object.identifier)
