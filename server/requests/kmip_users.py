"""Users that administrators make through KMIP itself (3.0: Create User, Create Credential).

A User is a managed object with Names and Credential Links and no material; a credential is a
managed object whose secret lies sealed in the store with every other secret, and never leaves it
(Sensitive, not Extractable). Whoever shows a user's name and the password of one of its password
credentials is that user. Users made so are other clients than those of the same name in the users'
file or in a certificate: their client name is `user:` and the User's Unique Identifier, so that no
administrator becomes the owner of another client's keys by making a user of its name.

Password credentials alone let somebody in so far. Device, one-time password, hashed password and
certificate credentials are kept as safely, and are there to be read about; who shows a certificate
is known by its Common Name, whatever user it is a credential of.

A user and a credential count while they are Pre-Active or Active, and while whoever made them is
among the setting `administrators`.

A name is looked for here and then in the users' file, which does its work and counts the failure
for every name alike: so neither the answer nor its time tells whether there is such a user.
"""

from __future__ import annotations

import hmac
from typing import Final

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.enums import ObjectType, State
from kmip.objects import PasswordCredential
from kmip.tags import Tag
from server.access.client import Client
from server.access.password_file import encoded
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from server.sessions.identification import Identification, Means
from server.state import Server

MAX_CANDIDATES: Final = 16
"""Users of one name, and credentials of one user, that are looked at: more than anybody needs."""
VALID: Final = (State.PRE_ACTIVE, State.ACTIVE)


async def is_empty(server: Server) -> bool:
    """Whether administrators have made no user."""
    everyone = Attributes([(Tag.OBJECT_TYPE, ObjectType.USER)])
    for administrator in server.config.administrators:
        if (await _transaction(server).locate(everyone, administrator, limit=1)).identifiers:
            return False
    return True


async def verify(server: Server, name: str, password: str) -> Client | None:
    """The user of this name and password; None where there is none.

    Args:
        server: whose users.
        name: one of the user's Names.
        password: what the client sent.
    """
    objects = _transaction(server)
    for user in await _users(server, objects, name):
        for credential, secret in await _passwords(server, objects, user):
            if hmac.compare_digest(encoded(secret), encoded(password)):
                identified = Identification(Means.KMIP_USER, user.identifier, credential)
                return Client(f"user:{user.identifier}", "user", identification=identified)
    return None


async def is_valid(server: Server, identifier: str, credential: str) -> bool:
    """Whether a user may still come in by a credential.

    Args:
        server: whose user.
        identifier: the User's Unique Identifier.
        credential: that of the password credential.
    """
    objects = _transaction(server)
    user = await objects.find(identifier)
    if user is None or not _counts(server, objects, user, ObjectType.USER):
        return False
    if credential not in user.attributes.all(Tag.CREDENTIAL_LINK)[:MAX_CANDIDATES]:
        return False
    found = await objects.find(credential)
    return found is not None and _counts(server, objects, found, ObjectType.PASSWORD_CREDENTIAL)


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


async def _users(server: Server, objects: Transaction, name: str) -> list[ManagedObject]:
    """The users of this name that count now."""
    wanted = Attributes([(Tag.OBJECT_TYPE, ObjectType.USER), (Tag.NAME, Name(name_value=name))])
    found = []
    for administrator in server.config.administrators:
        located = await objects.locate(wanted, administrator, limit=MAX_CANDIDATES)
        for identifier in located.identifiers:
            user = await objects.find(identifier)
            if user is not None and user.state(objects.now) in VALID:
                found.append(user)
    return found


async def _passwords(
    server: Server, objects: Transaction, user: ManagedObject
) -> list[tuple[str, str]]:
    """The user's credentials that count now, and their passwords."""
    found = []
    for identifier in user.attributes.all(Tag.CREDENTIAL_LINK)[:MAX_CANDIDATES]:
        credential = await objects.find(identifier)
        if credential is None or not _counts(
            server, objects, credential, ObjectType.PASSWORD_CREDENTIAL
        ):
            continue
        content = await objects.load(credential)
        if isinstance(content, PasswordCredential):
            found.append((identifier, content.password))
    return found
