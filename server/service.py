"""The service put together: store, users, chip, sockets, sessions."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import trio

from enclave.claims import Role
from enclave.errors import EnclaveError
from enclave.ratls import Attester
from enclave.tee import Tee
from server import operations
from server.access.password_file import Users
from server.acme.challenges import PROTOCOL
from server.attestation import attester
from server.attestation.identity import Shown
from server.setup import open_store, provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.setup.shutdown import Shutdown
from server.state import Server
from server.transport import tls
from server.transport.acceptor import Acceptor, Door, Peer, Stream, open_listeners
from server.transport.http import HTTPConnection, Limits, Routes
from server.transport.kmip import Connection
from storage import SealedStore

log: Final = logging.getLogger(__name__)

DEFAULT_HTTPS_PORT: Final = 9998

HTTP_IDLE_SECONDS: Final = 60.0
"""Between two requests: operators and verifiers ask one after the other and leave."""
HTTP_SHARE: Final = 3
"""HTTP takes at most one in so many connections: its clients show no certificate, KMIP's do."""

NO_USERS: Final = Path(os.devnull) / "none"
"""A server that was given its secrets takes no users from its disk, which is the host's."""


class Up(NamedTuple):
    """Where a server listens, each as `host:port`.

    Attributes:
        kmip: for KMIP.
        https: for attestation; empty where there is no chip.
        simulated: whether the chip is a pretended one.
    """

    kmip: Sequence[str]
    https: Sequence[str] = ()
    simulated: bool = False


class Given(NamedTuple):
    """What a server was given after its start, in place of what it would take from its disk.

    Attributes:
        provisioning: store, secrets, identity, clients.
        tee: the chip that the operator has verified.
        https: the sockets that the operator came by, which stay open for attestation.
        after: is set when these sockets are free.
        instance: this server's number, as the operator saw it in the claims.
    """

    provisioning: Provisioning
    tee: Tee
    https: Sequence[trio.SocketListener]
    after: trio.Event
    instance: bytes


async def serve(
    config: Config,
    *,
    started: Callable[[Up], None] = lambda up: None,
    stop: trio.Event | None = None,
    given: Given | None = None,
) -> None:
    """Serve KMIP, and attestation where there is a chip, until `stop` is set.

    Args:
        config: the settings.
        started: is told where it listens, once it is up.
        stop: ends it gracefully.
        given: what an operator gave.

    Raises:
        OSError, ssl.SSLError, storage.StorageError, server.setup.failure.Failure: it cannot start.
    """
    operations.load()
    shutdown = Shutdown(trio.Event() if stop is None else stop)
    async with AsyncExitStack() as stack:
        listeners = await opened(stack, config.kmip_host, config.kmip_port)
        sealed = await stack.enter_async_context(_store(config, given))
        nursery = await stack.enter_async_context(trio.open_nursery())
        stack.callback(nursery.cancel_scope.cancel)
        server = Server(
            config=config,
            store=sealed,
            users=Users(NO_USERS if given else config.users_file),
            clock=time.time,  # noqa: TID251 - this is where the clock comes from
            shutdown=shutdown,
        )
        tee = given.tee if given else attester.find_tee(config, now())
        if given:
            await provisioning.check_number(sealed, given.provisioning)
        with chip_trouble_told():
            maker = None if tee is None else await _maker(config, tee, sealed, given)
            shown = Shown(config, maker, _identity(given), nursery)
            kmip = await kmip_context(config, shown, given)
            doors = [kmip_door(server, listeners, kmip)]
            sockets = given.https if given else await _attestation_sockets(stack, config, tee)
            if sockets:
                after = given.after if given else None
                context, told = await shown.attested(after, shutdown, now)
                doors.append(http_door(config, sockets, context, told.routes, shutdown, after))
            if given:
                await provisioning.keep(config.data, given.tee, sealed, given.provisioning)
        given = None  # it is secret, and not needed any more
        up = Up(doors[0].addresses, [a for door in doors[1:] for a in door.addresses], shown.fake)
        await Acceptor(config, shutdown).serve(doors, lambda: started(up))


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def opened(stack: AsyncExitStack, host: str, port: int) -> list[trio.SocketListener]:
    """Sockets that listen until the stack ends.

    Raises:
        OSError: the address cannot be had.
    """
    listeners = await open_listeners(host, port)
    for listener in listeners:
        stack.push_async_callback(listener.aclose)
    return listeners


def _store(config: Config, given: Given | None) -> AbstractAsyncContextManager[SealedStore]:
    opening = provisioning.opening(given.provisioning) if given else None
    return open_store.opened(config, opening=opening)


@contextmanager
def chip_trouble_told() -> Iterator[None]:
    """Have the chip's troubles end in a sentence.

    Raises:
        Failure: the chip did not answer within this block.
    """
    try:
        yield
    except EnclaveError as error:
        raise Failure(f"This machine's chip does not answer: {error}.") from None


async def _maker(config: Config, tee: Tee, sealed: SealedStore, given: Given | None) -> Attester:
    def state() -> bytes:
        return str(sealed.anchor).encode()

    instance = given.instance if given else attester.instance(config.data)
    return await attester.attester(config, tee, Role.API, now, instance=instance, store=state)


def _identity(given: Given | None) -> tls.Identity | None:
    if given is None or given.provisioning.pkcs12 is None:
        return None
    return tls.open_pkcs12(given.provisioning.pkcs12, given.provisioning.pkcs12_password)


async def _attestation_sockets(
    stack: AsyncExitStack, config: Config, tee: Tee | None
) -> list[trio.SocketListener]:
    """Sockets for attestation; none without a chip, or where the default port is taken."""
    if tee is None:
        return []
    try:
        sockets = await https_sockets(config, config.https_port)
    except Failure as failure:
        if config.use_certbot or config.https_port != DEFAULT_HTTPS_PORT:
            raise
        log.warning("no attestation, see https_port: %s", failure)
        return []
    for each in sockets:
        stack.push_async_callback(each.aclose)
    return sockets


async def https_sockets(config: Config, port: int) -> list[trio.SocketListener]:
    """Sockets that listen for HTTPS, to be closed by the caller.

    Raises:
        Failure: the address cannot be had.
    """
    host = config.https_host or config.kmip_host
    try:
        return await open_listeners(host, port)
    except OSError as error:
        raise Failure(f"{host} port {port} cannot be had: {error.strerror}.") from None


async def kmip_context(config: Config, shown: Shown, given: Given | None) -> ssl.SSLContext:
    """The TLS settings of KMIP.

    Raises:
        Failure: a given authority or identity cannot be used.
    """
    if given is None:
        return tls.context_of_files(config)
    context = tls.empty_context(config)
    if given.provisioning.client_ca:
        tls.trust_clients(context, given.provisioning.client_ca)
    elif not config.insecure_allow_no_client_certificate:
        raise Failure("No authority for client certificates has been given.")
    await shown.present(context)
    return context


def kmip_door(
    server: Server, listeners: Sequence[trio.SocketListener], context: ssl.SSLContext
) -> Door:
    """The door at which KMIP messages come in."""

    async def session(stream: Stream, peer: Peer) -> None:
        await Connection(server, stream, peer.client).serve()

    return Door(listeners, context, session)


def http_door(
    config: Config,
    listeners: Sequence[trio.SocketListener],
    context: ssl.SSLContext,
    routes: Routes,
    shutdown: Shutdown,
    after: trio.Event | None = None,
) -> Door:
    """A door for HTTP requests."""
    idle = min(config.idle_seconds, HTTP_IDLE_SECONDS)
    limits = Limits(idle, config.read_seconds, config.write_seconds)
    most = max(1, config.max_connections // HTTP_SHARE)

    async def session(stream: Stream, peer: Peer) -> None:
        if stream.selected_alpn_protocol() == PROTOCOL:
            return  # whoever validates has seen the certificate (RFC 8737 section 3)
        await HTTPConnection(stream, peer, routes, limits, shutdown).serve()

    return Door(listeners, context, session, after, most)
