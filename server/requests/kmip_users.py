"""Users that administrators make through KMIP itself (3.0: Create User, Create Credential).

A User is a managed object with Names and Credential Links and no material; a credential is a
managed object whose secret lies sealed in the store with every other secret, and never leaves it
(Sensitive, not Extractable). Users made so are other clients than those of the same name in the
users' file or in a certificate: their client name is `user:` and the User's Unique Identifier, so
that no administrator becomes the owner of another client's keys by making a user of its name.

What a user comes in by is in `server.requests.kmip_credentials`.

A user and a credential count while they are Pre-Active or Active, and while whoever made them is
among the setting `administrators`.

A name is looked for here and then in the users' file, which does its work and counts the failure
for every name alike: so neither the answer nor its time tells whether there is such a user.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.enums import ObjectType, State
from kmip.structures import Structure
from kmip.tags import Tag
from server.access.client import Client
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from server.sessions.identification import Identification, Means
from server.state import Server

MAX_CANDIDATES: Final = 16
"""Users of one name, and credentials of one user, that are looked at: more than anybody needs."""
VALID: Final = (State.PRE_ACTIVE, State.ACTIVE)
CREDENTIALS: Final = frozenset(
    {
        ObjectType.CERTIFICATE,
        ObjectType.HASHED_PASSWORD_CREDENTIAL,
        ObjectType.ONE_TIME_PASSWORD_CREDENTIAL,
        ObjectType.PASSWORD_CREDENTIAL,
    }
)
"""What lets a user in."""


class Linked(NamedTuple):
    """A credential that counts.

    Attributes:
        identifier: its Unique Identifier.
        content: its fields; secret.
    """

    identifier: str
    content: Structure


@dataclass(frozen=True, slots=True)
class User:
    """A user that counts.

    Attributes:
        server: whose user.
        objects: reads objects.
        managed_object: the User.
    """

    server: Server = field(repr=False)
    objects: Transaction = field(repr=False)
    managed_object: ManagedObject = field(repr=False)

    async def credentials(self, kind: ObjectType) -> list[Linked]:
        """The user's credentials of a type that count now."""
        found = []
        for identifier in self._links:
            credential = await self.objects.find(identifier)
            if credential is None or not _counts(self.server, self.objects, credential, kind):
                continue
            content = await self.objects.load(credential)
            if content is not None:
                found.append(Linked(identifier, content))
        return found

    async def needs_one_time_password(self) -> bool:
        """Whether nothing lets the user in without one: one is linked, in whatever state.

        A generator that was lost is revoked, and that must not make a password suffice. So must
        nothing that is linked besides: more credentials than are looked at count as one.
        """
        if len(self.managed_object.attributes.all(Tag.CREDENTIAL_LINK)) > MAX_CANDIDATES:
            return True
        for identifier in self._links:
            credential = await self.objects.find(identifier)
            if (
                credential is not None
                and credential.object_type == ObjectType.ONE_TIME_PASSWORD_CREDENTIAL
            ):
                return True
        return False

    @property
    def _links(self) -> list[str]:
        links = self.managed_object.attributes.all(Tag.CREDENTIAL_LINK)
        return [str(each) for each in links[:MAX_CANDIDATES]]

    def client(
        self,
        *credentials: str,
        certificate: Identification | None = None,
        answer: bytes | None = None,
    ) -> Client:
        """The client that the user is.

        Args:
            credentials: identifiers of those that it has come in by.
            certificate: the certificate, where that is one of them.
            answer: the Server Hashed Password, where a hashed one is.
        """
        identified = Identification(
            Means.KMIP_USER,
            self.managed_object.identifier,
            " ".join(credentials),
            until=certificate.until if certificate is not None else None,
            chain=certificate.chain if certificate is not None else (),
            memory=certificate.memory if certificate is not None else 0,
        )
        return Client(
            f"user:{self.managed_object.identifier}",
            "user",
            identification=identified,
            server_hashed_password=answer,
        )


async def is_empty(server: Server) -> bool:
    """Whether administrators have made no user."""
    everyone = Attributes([(Tag.OBJECT_TYPE, ObjectType.USER)])
    for administrator in server.config.administrators:
        if (await _transaction(server).locate(everyone, administrator, limit=1)).identifiers:
            return False
    return True


async def named(server: Server, name: str) -> list[User]:
    """The users of this name that count now.

    Args:
        server: whose users.
        name: one of the user's Names.
    """
    objects = _transaction(server)
    wanted = Attributes([(Tag.OBJECT_TYPE, ObjectType.USER), (Tag.NAME, Name(name_value=name))])
    found = []
    for administrator in server.config.administrators:
        located = await objects.locate(wanted, administrator, limit=MAX_CANDIDATES)
        for identifier in located.identifiers:
            user = await objects.find(identifier)
            if user is not None and user.state(objects.now) in VALID:
                found.append(User(server, objects, user))
    return found


async def is_valid(server: Server, identifier: str, credentials: str) -> bool:
    """Whether a user may still come in by the credentials that it came in by.

    Args:
        server: whose user.
        identifier: the User's Unique Identifier.
        credentials: those of the credentials, with blanks between them.
    """
    objects = _transaction(server)
    user = await objects.find(identifier)
    if user is None or not _counts(server, objects, user, ObjectType.USER):
        return False
    for credential in credentials.split(" "):
        if credential not in user.attributes.all(Tag.CREDENTIAL_LINK)[:MAX_CANDIDATES]:
            return False
        found = await objects.find(credential)
        if found is None or found.object_type not in CREDENTIALS:
            return False
        if not _counts(server, objects, found, found.object_type):
            return False
    return True


def _counts(
    server: Server, objects: Transaction, managed_object: ManagedObject, kind: ObjectType
) -> bool:
    """Whether it is of this type, made by an administrator, and neither revoked nor destroyed."""
    return (
        managed_object.object_type == kind
        and managed_object.owner in server.config.administrators
        and managed_object.state(objects.now) in VALID
    )


def _transaction(server: Server) -> Transaction:
    return Transaction(server.store, server.opened, int(server.clock()))
