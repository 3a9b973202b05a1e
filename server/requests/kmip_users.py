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

Wrong passwords are answered as those of the users' file are, after the same work. Failures are
counted by client and user name (`server.sessions.lockout`).
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


async def verify(
    server: Server, certified: Client | None, name: str, password: str
) -> Client | None:
    """The user of this name and password; None where there is none.

    Args:
        server: whose users.
        certified: whom the certificate names.
        name: one of the user's Names.
        password: what the client sent.
    """
    now, client_name = server.clock(), certified.name if certified is not None else ""
    objects = _transaction(server)
    users = await _users(server, objects, name)
    if not users or server.failed_logins.is_locked_out(client_name, name, now):
        return None
    for user in users:
        for secret in await _passwords(server, objects, user):
            if hmac.compare_digest(encoded(secret), encoded(password)):
                return Client(f"user:{user.identifier}", "user")
    server.failed_logins.count(client_name, name, now)
    return None


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


async def _passwords(server: Server, objects: Transaction, user: ManagedObject) -> list[str]:
    """The passwords of the user's credentials that count now."""
    found = []
    for identifier in user.attributes.all(Tag.CREDENTIAL_LINK)[:MAX_CANDIDATES]:
        credential = await objects.find(identifier)
        if (
            credential is None
            or credential.object_type != ObjectType.PASSWORD_CREDENTIAL
            or credential.owner not in server.config.administrators
            or credential.state(objects.now) not in VALID
        ):
            continue
        content = await objects.load(credential)
        if isinstance(content, PasswordCredential):
            found.append(content.password)
    return found
