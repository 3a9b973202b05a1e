"""Who may do what: one table.

An object belongs to the client that made it. `PERMITTED` says for each relation of a client to an
object which operations it may perform; grants and groups are rows to come, not code. Whoever has
no row does not learn that the object exists.
"""

from enum import Enum
from typing import Final

from kmip.enums import Operation
from kmip.errors import (
    AttributesNotFound,
    ItemNotFound,
    KMIPError,
    NotAuthorised,
    ObjectNotFound,
    PermissionDenied,
)
from server.access.client import Client
from server.objects.managed_object import ManagedObject


class Relation(Enum):
    """What a client is to an object."""

    OWNER = "made it"
    ANYONE = "knows its name at most"


EVERYTHING: Final = frozenset(Operation)

PERMITTED: Final[dict[Relation, frozenset[Operation]]] = {
    Relation.OWNER: EVERYTHING,
    Relation.ANYONE: frozenset(),
}


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


def relation(client: Client, managed_object: ManagedObject) -> Relation:
    """What the client is to the object."""
    return Relation.OWNER if managed_object.owner == client.name else Relation.ANYONE


def is_allowed(client: Client, operation: Operation) -> bool:
    """Whether the client may ask for the operation at all."""
    return client.permission is None or client.permission.covers(operation)


def permit(client: Client, operation: Operation, managed_object: ManagedObject) -> None:
    """Let the client perform the operation on the object, or raise.

    Raises:
        ObjectNotFound: the client may do nothing at all with it.
        NotAuthorised: its ticket does not reach it (2.1 section 6.1.12).
        PermissionDenied: it may do other things with it.
    """
    permitted = PERMITTED[relation(client, managed_object)]
    permission = client.permission
    if permission is not None and permitted and not permission.touch(managed_object):
        raise NotAuthorised("the ticket gives no right to this object")
    if operation in permitted:
        return
    if not permitted:
        raise missing(client, operation, managed_object.identifier)
    raise PermissionDenied(f"this client may not {operation.title} this object")
