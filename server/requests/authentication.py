"""From a certificate, or a credential in the header, to a `Client`.

The certificate's Common Name is who a client is, unless a credential in the message says otherwise:
then the credential holds, and a wrong one fails the message. Where no user is configured at all,
names and passwords are passed over, because clients send example ones beside their certificate. A
ticket always counts: it may stand for less than its client, and never for more.

Failures are counted for whom the certificate or the token names, at the name that was tried; where
neither names anybody, for the address, at that name and at all names together.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from kmip.errors import (
    AttestationFailed,
    AttestationRequired,
    AuthenticationNotSuccessful,
    InvalidTicket,
    KMIPError,
)
from kmip.messages import (
    Attestation,
    Authentication,
    Credential,
    Device,
    HashedPassword,
    OneTimePassword,
    TicketCredential,
    UsernameAndPassword,
)
from kmip.structures import Structure
from kmip.versions import ProtocolVersion
from server.access.client import Client, unreserved
from server.access.client_certificates import NotAccepted
from server.access.password_file import Kind
from server.access.replaced_certificates import REPLACED
from server.requests import bearer, kmip_credentials, kmip_users
from server.sessions.guesses import REFUSED
from server.sessions.identification import Identification, Means
from server.sessions.issued import Issued
from server.sessions.networks import network_of
from server.sessions.permission import Permission
from server.sessions.tickets import NO_TICKET
from server.setup import logs
from server.state import Server

log: Final = logging.getLogger(__name__)

MAX_CREDENTIALS: Final = 8
"""Credentials in one message; each may cost a password derivation."""


async def identify(
    server: Server,
    client: Client | None,
    authentication: Authentication | None,
    version: ProtocolVersion,
    address: str = "",
    *,
    can_attest: bool = False,
) -> Client:
    """Who a message is from.

    Args:
        server: knows users and tickets.
        client: whom the certificate or a token names.
        authentication: the header's credentials.
        version: the message's.
        address: where it comes from.
        can_attest: whether the client says that it can make an Attestation credential.

    Raises:
        AuthenticationNotSuccessful: a credential does not hold, or there is nothing to go by.
        AttestationRequired: the same, of a client that can attest itself where that is taken.
        AttestationFailed: an attestation does not hold.
        InvalidTicket, UsageLimitExceeded: a ticket does not hold, or not any more.
        InvalidMessage: a credential is not of the form that its type says.
    """
    credentials = authentication.credential if authentication else ()
    client = await _present(server, client, credentials)
    if len(credentials) > MAX_CREDENTIALS:
        raise AuthenticationNotSuccessful("too many credentials")
    if client is None and not credentials and can_attest and server.attested_clients:
        raise AttestationRequired("attest yourself to the nonce in the header")
    if client is not None or not credentials:
        certified = client.name if client is not None else ""
        return await _checked(server, certified, client, credentials, version)
    network, now = network_of(address), server.clock()
    if server.address_guesses.are_spent(network, now):
        raise AuthenticationNotSuccessful(REFUSED)
    try:
        return await _checked(server, sender_of(None, address), None, credentials, version)
    except (AuthenticationNotSuccessful, AttestationFailed, InvalidTicket):
        if server.address_guesses.count(network, now):
            log.warning("too many wrong credentials come from %s", network)
        raise


def sender_of(client: Client | None, address: str) -> str:
    """For whom failures are counted and nonces made: a client, or the address of none."""
    return client.name if client is not None else f"address {network_of(address)}"


async def _present(
    server: Server, client: Client | None, credentials: Sequence[Credential]
) -> Client | None:
    """Whom the connection names now; what it may do is less once its certificate is replaced.

    Raises:
        AuthenticationNotSuccessful: the certificate is replaced, and lets nobody in, whatever is
            shown besides.
    """
    is_replaced = client is not None and server.replaced_certificates.have(client.identification)
    if is_replaced and credentials:
        raise AuthenticationNotSuccessful(REPLACED)
    return await server.replaced_certificates.narrowed(client, server.tickets, server.clock())


async def _checked(
    server: Server,
    certified: str,
    client: Client | None,
    credentials: Sequence[Credential],
    version: ProtocolVersion,
) -> Client:
    """Whom the last of the credentials proves, all of which hold; see `identify`."""
    connected = client
    no_users = (
        bool(credentials) and await server.users.is_empty() and await kmip_users.is_empty(server)
    )
    for credential in credentials:
        value = credential.value(version)
        if isinstance(value, Attestation) and server.attested_clients:
            client = await _attested(server, certified, connected, value)
            continue
        if no_users and not isinstance(value, TicketCredential):
            continue
        check = _CHECKS.get(type(value))
        if check is None:
            raise AuthenticationNotSuccessful("this type of credential is not taken here")
        client = await check(server, certified, client, value)
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
        if isinstance(value, UsernameAndPassword | HashedPassword | OneTimePassword):
            names.append(f"user {logs.cut(value.username)!r}")
        elif isinstance(value, Device):
            names.append(f"device {logs.cut(value.device_serial_number or '')!r}")
    return f" as {', '.join(names)}" if names else ""


async def _user(
    server: Server, certified: str, before: Client | None, value: UsernameAndPassword
) -> Client:
    name, password = value.username, value.password or ""
    mark = await server.users.mark(name, Kind.USER)

    async def verify() -> Client | None:
        if password:
            user = await kmip_credentials.by_password(server, name, password)
        else:
            user = await kmip_credentials.by_certificate(server, name, before)
        if user is not None:
            return user
        if not await server.users.verify(name, password, Kind.USER):
            return None
        identified = Identification(Means.USER, name, mark)
        return Client(unreserved(name), "user", identification=identified)

    return await server.guesses.judge(certified, f"{Kind.USER}:{name}", password, verify, mark)


async def _hashed(
    server: Server, certified: str, _before: Client | None, value: HashedPassword
) -> Client:
    async def verify() -> Client | None:
        return await kmip_credentials.by_hashed_password(server, value)

    secret = f"{value.timestamp} {value.hashed_password.hex()}"
    return await _judged(server, certified, value.username, secret, verify)


async def _one_time(
    server: Server, certified: str, before: Client | None, value: OneTimePassword
) -> Client:
    async def verify() -> Client | None:
        return await kmip_credentials.by_one_time_password(server, value, before)

    secret = f"{value.password or ''}\0{value.one_time_password}"
    return await _judged(server, certified, value.username, secret, verify)


async def _judged(
    server: Server,
    certified: str,
    name: str,
    secret: str,
    verify: Callable[[], Awaitable[Client | None]],
) -> Client:
    """Whom a credential of KMIP's own users proves, counted as a guess at the name.

    One that is wrong costs the same derivation as a wrong password, whether there is the name or
    not.
    """

    async def verify_or_work() -> Client | None:
        found = await verify()
        if found is None:
            await server.users.verify(name, "", Kind.USER)
        return found

    mark = await server.users.mark(name, Kind.USER)
    return await server.guesses.judge(
        certified, f"{Kind.USER}:{name}", secret, verify_or_work, mark
    )


async def _attested(
    server: Server, sender: str, connected: Client | None, value: Attestation
) -> Client:
    """Whom evidence of a TEE proves, over a nonce of this server's and the present certificate."""
    known_by = connected.identification if connected is not None else None
    certificate = None
    if known_by is not None and known_by.means == Means.CERTIFICATE:
        certificate = bytes.fromhex(known_by.subject)
    return await server.attested_clients.identify(
        value, sender, certificate, server.clock, server.thread_shares
    )


async def _device(server: Server, certified: str, _before: Client | None, value: Device) -> Client:
    serial, password = value.device_serial_number or "", value.password or ""
    mark = await server.users.mark(serial, Kind.DEVICE)

    async def verify() -> Client | None:
        if not await server.users.verify(serial, password, Kind.DEVICE):
            return None
        identified = Identification(Means.DEVICE, serial, mark)
        return Client(f"device:{serial}", "device", identification=identified)

    return await server.guesses.judge(certified, f"{Kind.DEVICE}:{serial}", password, verify, mark)


async def _ticket(
    server: Server, _certified: str, before: Client | None, value: TicketCredential
) -> Client:
    issued = await server.tickets.find(value.ticket.ticket_value, int(server.clock()))
    await _check_ticket(server, issued)
    await server.tickets.use(issued)
    permission = Permission(issued, server.tickets)
    shown_by = None
    if before is not None:
        shown_by = before.shown_by if before.how == "ticket" else before.name
    return Client(issued.client, "ticket", permission, shown_by=shown_by)


async def _check_ticket(server: Server, issued: Issued) -> None:
    """End a ticket whose client would not be identified any more as it was.

    Raises:
        InvalidTicket: it has ended.
    """
    if server.ended_tickets.covers(issued.client, issued.since) or not await _still_holds(
        server, issued.identification, server.clock()
    ):
        await server.tickets.drop(issued)
        raise InvalidTicket(NO_TICKET)


async def identify_again(
    server: Server, client: Client, known_by: Identification | None, ticket: bytes
) -> Client:
    """A client whose message was identified before, with the rights that it has now.

    Args:
        server: knows users and tickets.
        client: whom the message was from, without its permission.
        known_by: what it was identified by.
        ticket: the key of the ticket's record; empty without one.

    Raises:
        AuthenticationNotSuccessful: it would not be identified so any more.
        InvalidTicket: the ticket has ended.
        storage.StorageError: the store does not say.
    """
    if client.how == "ticket":
        issued = await server.tickets.find_kept(ticket, int(server.clock()))
        await _check_ticket(server, issued)
        permission = Permission(issued, server.tickets)
        return Client(issued.client, "ticket", permission, shown_by=client.shown_by)
    if known_by is not None and known_by.means == Means.API_TOKEN:
        token = await server.api_tokens.marked(known_by.subject, known_by.mark, server.clock())
        if token is not None:
            return bearer.of_api_token(server, token)
    elif await _still_holds(server, known_by, server.clock()):
        return replace(client, identification=known_by)
    raise AuthenticationNotSuccessful("what identified the client does not hold any more")


async def _still_holds(server: Server, known_by: Identification | None, now: float) -> bool:
    """Whether a client would still be identified as it was when it was given a ticket."""
    if known_by is None:
        return True
    match known_by.means:
        case Means.CERTIFICATE:
            ended = known_by.until is not None and now >= known_by.until
            return not ended and _is_accepted(server, known_by, now)
        case Means.USER:
            return await server.users.mark(known_by.subject, Kind.USER) == known_by.mark
        case Means.DEVICE:
            return await server.users.mark(known_by.subject, Kind.DEVICE) == known_by.mark
        case Means.API_TOKEN:
            return await server.api_tokens.holds(known_by.subject, known_by.mark, now)
        case Means.JWT:
            is_over = known_by.until is None or now >= known_by.until
            return not is_over and known_by.mark in server.jwt_issuers
        case Means.ATTESTATION:
            is_over = known_by.until is None or now >= known_by.until
            return not is_over and server.attested_clients.have(known_by)
        case Means.KMIP_USER:
            ended = known_by.until is not None and now >= known_by.until
            if ended or not _is_accepted(server, known_by, now):
                return False
            return await kmip_users.is_valid(server, known_by.subject, known_by.mark)


def _is_accepted(server: Server, known_by: Identification, now: float) -> bool:
    """Whether the certificate would be let in now: not revoked, refused or replaced."""
    if server.replaced_certificates.have(known_by):
        return False
    if server.certificate_rules is None or not known_by.chain:
        return True
    try:
        server.certificate_rules().check(known_by.chain, datetime.fromtimestamp(now, UTC))
    except NotAccepted:
        return False
    return True


Check = Callable[["Server", str, Client | None, Any], Awaitable[Client]]
"""Gives the client that a credential proves. It is called with whom failures are counted for
(whom the certificate or the token names, or else the address), and with whom the certificate, the
token or the credential before names."""

_CHECKS: Final[dict[type[Structure] | type[None], Check]] = {
    UsernameAndPassword: _user,
    HashedPassword: _hashed,
    OneTimePassword: _one_time,
    Device: _device,
    TicketCredential: _ticket,
}
