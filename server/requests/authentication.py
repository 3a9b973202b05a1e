"""From a certificate, or a credential in the header, to a `Client`.

The certificate's Common Name is who a client is, unless a credential in the message says otherwise:
then the credential holds, and a wrong one fails the message. Where no user is configured at all,
names and passwords are passed over, because clients send example ones beside their certificate. A
ticket always counts: it may stand for less than its client, and never for more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from kmip.errors import AuthenticationNotSuccessful, KMIPError
from kmip.messages import Authentication, Device, TicketCredential, UsernameAndPassword
from kmip.structures import Structure
from kmip.versions import ProtocolVersion
from server.access.client import Client
from server.access.password_file import Kind
from server.requests import kmip_users
from server.setup import logs
from server.state import Server

MAX_CREDENTIALS: Final = 8
"""Credentials in one message; each may cost a password derivation."""


async def identify(
    server: Server,
    client: Client | None,
    authentication: Authentication | None,
    version: ProtocolVersion,
) -> Client:
    """Who a message is from.

    Args:
        server: knows users and tickets.
        client: whom the certificate names.
        authentication: the header's credentials.
        version: the message's.

    Raises:
        AuthenticationNotSuccessful: a credential does not hold, or there is nothing to go by.
        InvalidTicket, UsageLimitExceeded: a ticket does not hold, or not any more.
        InvalidMessage: a credential is not of the form that its type says.
    """
    credentials = authentication.credential if authentication else ()
    if len(credentials) > MAX_CREDENTIALS:
        raise AuthenticationNotSuccessful("too many credentials")
    no_users = bool(credentials) and server.users.is_empty() and await kmip_users.is_empty(server)
    for credential in credentials:
        value = credential.value(version)
        if no_users and not isinstance(value, TicketCredential):
            continue
        check = _CHECKS.get(type(value))
        if check is None:
            raise AuthenticationNotSuccessful("this type of credential is not taken here")
        client = await check(server, client, value)
    if client is None:
        raise AuthenticationNotSuccessful("a client certificate or a credential is needed")
    return client


def claimed(authentication: Authentication | None, version: ProtocolVersion) -> str:
    """Whom a message's credentials name, rightly or not, for the log; no passwords.

    Returns:
        A phrase that begins with a space, or "" where they name nobody.
    """
    names = []
    for credential in (authentication.credential if authentication else ())[:MAX_CREDENTIALS]:
        try:
            value = credential.value(version)
        except KMIPError:
            continue
        if isinstance(value, UsernameAndPassword):
            names.append(f"user {logs.cut(value.username)!r}")
        elif isinstance(value, Device):
            names.append(f"device {logs.cut(value.device_serial_number or '')!r}")
    return f" as {', '.join(names)}" if names else ""


async def _user(server: Server, certified: Client | None, value: UsernameAndPassword) -> Client:
    password = value.password or ""
    user = await kmip_users.verify(server, certified, value.username, password)
    if user is not None:
        return user
    name = await server.users.verify(value.username, password, Kind.USER, _client_name(certified))
    return Client(name, "user")


async def _device(server: Server, certified: Client | None, value: Device) -> Client:
    serial = value.device_serial_number or ""
    name = await server.users.verify(
        serial, value.password or "", Kind.DEVICE, _client_name(certified)
    )
    return Client(f"device:{name}", "device")


def _client_name(certified: Client | None) -> str:
    return certified.name if certified is not None else ""


async def _ticket(server: Server, certified: Client | None, value: TicketCredential) -> Client:
    permission = server.tickets.use(value.ticket.ticket_value, int(server.clock()))
    return Client(permission.issued.client, "ticket", permission)


Check = Callable[["Server", Client | None, Any], Awaitable[Client]]
"""Gives the client that a credential proves, for whom the certificate or one before names."""

_CHECKS: Final[dict[type[Structure] | type[None], Check]] = {
    UsernameAndPassword: _user,
    Device: _device,
    TicketCredential: _ticket,
}
