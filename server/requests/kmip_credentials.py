"""What a user of KMIP 3.0 comes in by: passwords, proofs of them, one-time passwords, certificates.

    Username and Password   a password credential of the user of that name; without a password, a
                            certificate credential that is the certificate of the connection
    Hashed Password         a proof (`server.access.hashed_passwords`) of a password credential, or
                            of a hashed password credential with both hashes
    One Time Password       a one-time password credential (`server.access.one_time_passwords`),
                            beside a password credential's password

A user to whom a one-time password credential is linked, in whatever state, comes in by nothing
else. One who has no password besides comes in by it only on a connection that a certificate or a
token has identified: a few digits alone can be guessed from many addresses.

That each proof and each one-time password is taken once is kept in the store, where all servers
compare and set it before the client is let in.

Each function gives None for what is not right, whatever it is; counting failures, and doing the
same work for names that there are not, is its caller's (`server.requests.authentication`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from kmip.enums import HashingAlgorithm, ObjectType
from kmip.errors import InvalidField
from kmip.messages import HashedPassword, OneTimePassword
from kmip.objects import (
    Certificate,
    HashedPasswordCredential,
    OTPCredential,
    PasswordCredential,
)
from server.access import hashed_passwords
from server.access.client import Client
from server.access.hashed_passwords import DIGESTS, MICROSECONDS, SKEW_SECONDS, Halves, halves_of
from server.access.one_time_passwords import generator_of
from server.access.password_file import encoded
from server.objects.own_records import OwnRecords
from server.requests import kmip_users
from server.requests.kmip_users import Linked, User
from server.sessions.identification import Means
from server.state import Server
from storage import Put, Record

ONE_TIME_PASSWORDS: Final = b"one-time passwords"
"""Kind of record: the least number of a generator that is still good, 8 bytes."""
OF_CONNECTIONS: Final = frozenset({"certificate", "token", "jwt"})
"""How a client is identified that no credential in the message names."""
HASHED_PASSWORDS: Final = b"hashed passwords"
"""Kind of record: the last time stamp of a credential, 8 bytes."""


async def by_password(server: Server, name: str, password: str) -> Client | None:
    """The user of this name and password; None where there is none.

    Args:
        server: whose users.
        name: one of the user's Names.
        password: what the client sent.
    """
    for user in await kmip_users.named(server, name):
        right = await _password(user, password)
        if right is not None and not await user.needs_one_time_password():
            return user.client(right)
    return None


async def _password(user: User, password: str) -> str | None:
    """Which of the user's password credentials has this password."""
    for identifier, content in await user.credentials(ObjectType.PASSWORD_CREDENTIAL):
        if isinstance(content, PasswordCredential) and hmac.compare_digest(
            encoded(content.password), encoded(password)
        ):
            return identifier
    return None


async def by_certificate(server: Server, name: str, before: Client | None) -> Client | None:
    """The user of this name whose credential is the connection's certificate; None: there is none.

    Args:
        server: whose users.
        name: one of the user's Names.
        before: whom the certificate names.
    """
    presented = before.identification if before is not None else None
    if presented is None or presented.means != Means.CERTIFICATE:
        return None
    for user in await kmip_users.named(server, name):
        if await user.needs_one_time_password():
            continue
        for identifier, content in await user.credentials(ObjectType.CERTIFICATE):
            if (
                isinstance(content, Certificate)
                and hashlib.sha256(content.certificate_value).hexdigest() == presented.subject
            ):
                return user.client(identifier, certificate=presented)
    return None


async def by_hashed_password(server: Server, value: HashedPassword) -> Client | None:
    """The user whose password this proves; None where there is none.

    Args:
        server: whose users.
        value: the credential as it was sent.
    """
    digest = DIGESTS.get(value.hashing_algorithm or HashingAlgorithm.SHA_256)
    if digest is None or not hashed_passwords.is_present(value.timestamp, server.clock()):
        return None
    for user in await kmip_users.named(server, value.username):
        if await user.needs_one_time_password():
            continue
        for identifier, halves in await _halves(user, value.username, digest):
            if halves.holds(value.hashed_password, value.timestamp, digest):
                if not await _is_later(server, identifier, value.timestamp):
                    return None
                answer = halves.answer(value.timestamp, digest)
                return user.client(identifier, answer=answer)
    return None


async def _halves(user: User, name: str, digest: str) -> list[tuple[str, Halves]]:
    """What the user's proofs are made of, by credential."""
    found = []
    for identifier, content in await user.credentials(ObjectType.PASSWORD_CREDENTIAL):
        if isinstance(content, PasswordCredential):
            found.append((identifier, halves_of(name, content.password, digest)))
    for identifier, content in await user.credentials(ObjectType.HASHED_PASSWORD_CREDENTIAL):
        if isinstance(content, HashedPasswordCredential):
            first, second = content.hashed_username_password, content.hashed_password_username
            size = hashlib.new(digest).digest_size
            if first and second and len(first) == len(second) == size:
                found.append((identifier, Halves(first, second)))
    return found


async def _is_later(server: Server, identifier: str, timestamp: int) -> bool:
    """Whether a time stamp is later than a credential's last one; from now on it is the last one.

    Raises:
        storage.StorageError: that cannot be kept.
    """
    ends = timestamp // MICROSECONDS + SKEW_SECONDS + 1

    def following(last: int | None) -> tuple[int, int | None] | None:
        return None if last is not None and timestamp <= last else (timestamp, ends)

    return await _moved(server, HASHED_PASSWORDS, identifier, following)


async def by_one_time_password(
    server: Server, value: OneTimePassword, before: Client | None
) -> Client | None:
    """The user whose generator gave this; None where there is none.

    Args:
        server: whose users.
        value: the credential as it was sent.
        before: whom the certificate, a token or the credential before names.
    """
    is_known = before is not None and before.how in OF_CONNECTIONS
    for user in await kmip_users.named(server, value.username):
        has_password = bool(await user.credentials(ObjectType.PASSWORD_CREDENTIAL))
        right = await _password(user, value.password or "") if has_password else None
        if right is None and (has_password or not is_known):
            continue
        for linked in await user.credentials(ObjectType.ONE_TIME_PASSWORD_CREDENTIAL):
            if await _is_taken(server, linked, value.one_time_password):
                return user.client(*([] if right is None else [right]), linked.identifier)
    return None


async def _is_taken(server: Server, linked: Linked, password: str) -> bool:
    """Whether a generator's password is good; from now on it is not.

    Raises:
        storage.StorageError: that cannot be kept.
    """
    if not isinstance(linked.content, OTPCredential):
        return False
    try:
        generator = generator_of(linked.content)
    except InvalidField:  # made before credentials were checked
        return False
    now = server.clock()

    def following(least: int | None) -> tuple[int, int | None] | None:
        least = generator.counter if least is None else least
        number = generator.number_of(password, least, now)
        return None if number is None else (number + 1, generator.ends(number))

    return await _moved(server, ONE_TIME_PASSWORDS, linked.identifier, following)


async def _moved(
    server: Server,
    kind: bytes,
    identifier: str,
    following: Callable[[int | None], tuple[int, int | None] | None],
) -> bool:
    """Whether a number that only goes up has gone up, for all servers.

    Args:
        server: whose store.
        kind: of the record.
        identifier: of the credential whose number it is.
        following: gives for the number now (None: there is none yet) the one to be kept and when
            it may be forgotten, or None: it stays, and what was presented is refused.

    Raises:
        storage.StorageError: it cannot be kept.
    """
    records = OwnRecords(server.store, kind)
    has_moved = False

    def decide(record: Record | None) -> Put | None:
        nonlocal has_moved
        found = following(None if record is None else int.from_bytes(record.meta, signed=True))
        has_moved = found is not None
        if found is None:
            return None
        number, ends = found
        content = number.to_bytes(8, signed=True)
        expected = record.version if record is not None else 0
        return records.put(identifier.encode(), content, expected, ends=ends)

    await records.change(identifier.encode(), decide)
    return has_moved
