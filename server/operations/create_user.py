"""Create User (3.0)."""

from typing import Final

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.errors import InvalidObjectType
from kmip.objects import CREDENTIAL_OBJECTS
from kmip.payloads.create_user import CreateUserRequest, CreateUserResponse
from kmip.tags import Tag
from server.attributes import initial
from server.context import Context
from server.registry import operation

CREDENTIALS: Final = frozenset(CREDENTIAL_OBJECTS.values())


@operation(Operation.CREATE_USER)
async def create_user(context: Context, request: CreateUserRequest) -> CreateUserResponse:
    """Make a user, who is known by its Names and lets itself in by its linked credentials."""
    context.require_administrator()
    attributes = await _linked(context, request.attributes)
    managed_object = initial.new_object(context, ObjectType.USER, None, attributes, created=True)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier)
    return CreateUserResponse(unique_identifier=managed_object.identifier)


async def _linked(context: Context, requested: Attributes) -> Attributes:
    """The attributes with the identifiers of the credentials they refer to.

    Raises:
        ObjectNotFound: the administrator has no such credential.
        InvalidObjectType: it is none.
    """
    attributes = requested.copy()
    attributes.set(Tag.CREDENTIAL_LINK, None)
    for reference in requested.all(Tag.CREDENTIAL_LINK):
        credential = await context.find(reference)
        if credential.object_type not in CREDENTIALS:
            raise InvalidObjectType("what a Credential Link points to is no credential")
        attributes.add(Tag.CREDENTIAL_LINK, credential.identifier)
    return attributes
