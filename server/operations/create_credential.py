"""Create Credential (3.0)."""

from typing import Final

from kmip.enums import CredentialType, ObjectType, Operation
from kmip.errors import InvalidField, InvalidObjectType
from kmip.objects import (
    CREDENTIAL_OBJECTS,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
    object_type_of,
)
from kmip.payloads.create_credential import CreateCredentialRequest, CreateCredentialResponse
from kmip.structures import Structure
from kmip.tags import Tag
from server.access.one_time_passwords import generator_of
from server.access.password_file import MAX_PASSWORD_BYTES, encoded
from server.attributes import initial
from server.context import Context
from server.objects.managed_object import ManagedObject
from server.registry import operation

HASH_BYTES: Final = (32, 48, 64)
COPIED: Final = (
    Tag.OTP_ALGORITHM,
    Tag.OTP_COUNTER,
    Tag.OTP_DIGITS,
    Tag.OTP_INTERVAL,
    Tag.OTP_SERIAL,
)
"""Attributes that are copied from a one-time password's fields; its seed is none of them."""


@operation(Operation.CREATE_CREDENTIAL)
async def create_credential(
    context: Context, request: CreateCredentialRequest
) -> CreateCredentialResponse:
    """Keep a credential, whose secret then never leaves the server."""
    context.require_administrator()
    object_type = CREDENTIAL_OBJECTS.get(request.credential_type)
    if object_type is None:
        raise InvalidField("there are no credential objects of this type")
    content = request.object
    if object_type_of(content) != object_type:
        raise InvalidObjectType("the object is not of the Credential Type given")
    _check(content)
    attributes = request.attributes.copy()
    if object_type != ObjectType.CERTIFICATE:
        attributes.set(Tag.SENSITIVE, value=True)
        attributes.set(Tag.EXTRACTABLE, value=False)
    managed_object = initial.new_object(context, object_type, content, attributes, created=False)
    _describe(managed_object, request.credential_type, content)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier)
    return CreateCredentialResponse(unique_identifier=managed_object.identifier)


def _check(content: Structure) -> None:
    """Let pass what somebody can come in by.

    Raises:
        InvalidField: nobody could, or anybody.
    """
    if isinstance(content, PasswordCredential) and not (
        0 < len(encoded(content.password)) <= MAX_PASSWORD_BYTES
    ):
        raise InvalidField(f"a password has 1 to {MAX_PASSWORD_BYTES} bytes")
    if isinstance(content, OTPCredential):
        generator_of(content)
    if isinstance(content, HashedPasswordCredential):
        hashes = (content.hashed_username_password, content.hashed_password_username)
        if any(each is not None and len(each) not in HASH_BYTES for each in hashes):
            raise InvalidField("a hashed password is a SHA-256, SHA-384 or SHA-512")


def _describe(
    managed_object: ManagedObject, credential_type: CredentialType, content: Structure
) -> None:
    if managed_object.object_type == ObjectType.CERTIFICATE:
        return
    managed_object.attributes.set(Tag.CREDENTIAL_TYPE, credential_type)
    for tag in COPIED:
        value = getattr(content, tag.name.lower(), None)
        if value is not None:
            managed_object.attributes.set(tag, value)
