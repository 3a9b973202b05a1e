"""Who may do what: one table.

An object belongs to the client that made it. `PERMITTED` says for each relation of a client to an
object which operations it may perform: its owner everything, its grantees of `GRANTABLE` what they
have been granted, others nothing. Whoever may do nothing does not learn that the object exists. An
administrator is nobody special here: Users and Groups are objects of theirs, and no others are.

A grant is to a client by its name, to the members of a Group (3.0), or to everyone
(`server.access.granted`). It is made and taken back by the owner alone. Whatever is granted on an
object lets Locate find it.

An operation needs to be granted on every object that it touches, for example on a key and the key
that wraps it. Not to be granted is what gives an object to somebody (Import over it), what makes
material for others of it (Create Split Key, Join Split Key), and what makes new statements of it
(Certify, Re-certify). A grantee that replaces a key by Re-key makes one of the owner's, with the
same grants; nothing about it is the grantee's to choose but the Offset. `KEPT_FROM_GRANTEES` are
attributes that would change who may do what.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from kmip.enums import Operation
from kmip.enums import Operation as Op
from kmip.errors import (
    AttributesNotFound,
    ItemNotFound,
    KMIPError,
    NotAuthorised,
    ObjectNotFound,
    PermissionDenied,
)
from kmip.tags import Tag
from server.access.client import Client
from server.objects.grants import NO_OPERATIONS
from server.objects.managed_object import ManagedObject


class Relation(Enum):
    """What a client is to an object."""

    OWNER = "made it"
    GRANTEE = "has been granted something on it by the owner"
    ANYONE = "knows its name at most"


EVERYTHING: Final = frozenset(Operation)

GRANTABLE: Final = frozenset(
    {Op.LOCATE, Op.GET, Op.EXPORT, Op.GET_ATTRIBUTES, Op.GET_ATTRIBUTE_LIST, Op.CHECK}
    | {Op.ENCRYPT, Op.DECRYPT, Op.SIGN, Op.SIGNATURE_VERIFY, Op.MAC, Op.MAC_VERIFY}
    | {Op.DERIVE_KEY, Op.VALIDATE, Op.GET_USAGE_ALLOCATION, Op.OBTAIN_LEASE}
    | {Op.ADD_ATTRIBUTE, Op.MODIFY_ATTRIBUTE, Op.DELETE_ATTRIBUTE, Op.SET_ATTRIBUTE}
    | {Op.ADJUST_ATTRIBUTE, Op.ACTIVATE, Op.DEACTIVATE, Op.REVOKE, Op.DESTROY, Op.OBLITERATE}
    | {Op.ARCHIVE, Op.RECOVER, Op.REKEY, Op.REKEY_KEY_PAIR}
)
"""What an owner may grant."""

PERMITTED: Final[dict[Relation, frozenset[Operation]]] = {
    Relation.OWNER: EVERYTHING,
    Relation.GRANTEE: GRANTABLE,
    Relation.ANYONE: frozenset(),
}
"""What a client of each relation may do; a grantee no more of it than it has been granted."""

KEPT_FROM_GRANTEES: Final[Mapping[Tag, str]] = {
    Tag.OBJECT_GROUP: "grants on a group are grants on what is in it",
    Tag.GROUP_LINK: "the same; and of a User it says of what groups it is a member",
    Tag.CREDENTIAL_LINK: "who is let in as a User",
}
"""Attributes that a grantee does not change, whatever it has been granted, and why."""


NOT_FOUND: Final[dict[Operation, type[KMIPError]]] = {
    Operation.ADJUST_ATTRIBUTE: ItemNotFound,
    Operation.CERTIFY: ItemNotFound,
    Operation.CREATE_SPLIT_KEY: ItemNotFound,
    Operation.GET_ATTRIBUTES: AttributesNotFound,
}
"""How operations say that there is no object, where they do not say Object Not Found (the tables
"Error Handling" of 2.1 section 6.1)."""


def missing(client: Client, operation: Operation, identifier: str) -> KMIPError:
    """The error for an object that is not there, or that the client may not know of.

    A ticket to some objects is told the same of everything else, whether it exists or not.
    """
    if client.permission is not None and client.permission.is_narrow:
        return NotAuthorised("the ticket gives no right to this object")
    return not_found(operation, identifier)


def not_found(operation: Operation, identifier: str) -> KMIPError:
    """The error for an object that is not there, or that the client may not know of."""
    kind = NOT_FOUND.get(operation, ObjectNotFound)
    return kind(f"there is no object {identifier[:LONGEST]!r}")


LONGEST: Final = 128
"""Characters of an identifier that an error repeats."""


def relation(
    client: Client, managed_object: ManagedObject, granted: frozenset[Operation] = NO_OPERATIONS
) -> Relation:
    """What the client is to the object.

    Args:
        client: who asks.
        managed_object: the object.
        granted: what it has been granted on it.
    """
    if managed_object.owner == client.name:
        return Relation.OWNER
    return Relation.GRANTEE if granted else Relation.ANYONE


def is_allowed(client: Client, operation: Operation) -> bool:
    """Whether the client may ask for the operation at all."""
    return client.permission is None or client.permission.covers(operation)


def permit(
    client: Client,
    operation: Operation,
    managed_object: ManagedObject,
    granted: frozenset[Operation] = NO_OPERATIONS,
) -> None:
    """Let the client perform the operation on the object, or raise.

    Args:
        client: who asks.
        operation: what it asks for.
        managed_object: the object.
        granted: what it has been granted on it.

    Raises:
        ObjectNotFound: the client may do nothing at all with it.
        NotAuthorised: its ticket does not reach it (2.1 section 6.1.12).
        PermissionDenied: it may do other things with it.
    """
    who = relation(client, managed_object, granted)
    permitted = PERMITTED[who]
    if who is Relation.GRANTEE:
        permitted &= granted
    permission = client.permission
    if permission is not None and permitted and not permission.touch(managed_object):
        raise NotAuthorised("the ticket gives no right to this object")
    if operation in permitted:
        return
    if not permitted:
        raise missing(client, operation, managed_object.identifier)
    raise PermissionDenied(f"this client may not {operation.title} this object")
