"""The service put together: store, users, chip, sockets, sessions."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final, NamedTuple

import trio

from enclave.claims import Role
from enclave.ratls import Attester, server_context
from server import attestation, certificates, registry, store
from server.accepting import Acceptor, Door, Peer, Stream, Waiting, open_listeners
from server.config import Config
from server.connection import Connection
from server.context import Server
from server.failure import Failure
from server.http import HTTPConnection, Limits
from server.users import Users

log: Final = logging.getLogger(__name__)

DEFAULT_HTTPS_PORT: Final = 9998

TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:RSA+AESGCM:RSA+AES:!SHA1:@STRENGTH"
)
"""For TLS 1.2. What comes first is forward secret and authenticated; what comes last is for clients
that know nothing younger than KMIP's own mandatory suites (Profiles 2.1 section 4)."""


def tls_context(config: Config) -> ssl.SSLContext:
    """The TLS settings of the KMIP port.

    Raises:
        OSError: a certificate or key cannot be read.
        ssl.SSLError: one does not fit the other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = TLS_VERSIONS[config.tls_minimum_version.value]
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(config.certificate_file, config.private_key_file)
    context.load_verify_locations(config.client_ca_file)
    context.verify_mode = (
        ssl.CERT_OPTIONAL if config.insecure_allow_no_client_certificate else ssl.CERT_REQUIRED
    )
    return context


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


async def serve(
    config: Config,
    *,
    started: Callable[[Up], None] = lambda up: None,
    stop: trio.Event | None = None,
) -> None:
    """Serve KMIP, and attestation where there is a chip, until `stop` is set.

    Args:
        config: the settings.
        started: is told where it listens, once it is up.
        stop: ends it gracefully.

    Raises:
        OSError, ssl.SSLError, storage.StorageError, server.failure.Failure, enclave.errors
        .EnclaveError: it cannot start.
    """
    registry.load()
    context = tls_context(config)
    waiting = Waiting(trio.Event() if stop is None else stop)
    async with AsyncExitStack() as stack:
        listeners = await opened(stack, config.kmip_host, config.kmip_port)
        sealed = await stack.enter_async_context(store.opened(config))
        nursery = await stack.enter_async_context(trio.open_nursery())
        server = Server(
            config=config,
            store=sealed,
            users=Users(config.users_file),
            clock=time.time,  # noqa: TID251 - this is where the clock comes from
            waiting=waiting,
        )
        doors = [kmip_door(server, listeners, context)]
        up = Up(doors[0].addresses)
        tee = attestation.find_tee(config, now())
        if tee is not None and (sockets := await _attestation_sockets(stack, config)):
            maker = await attestation.attester(
                config, tee, Role.API, now, store=lambda: str(sealed.anchor).encode()
            )
            doors.append(await attestation_door(config, maker, sockets, waiting, nursery))
            up = Up(doors[0].addresses, doors[1].addresses, tee.simulated)
        await Acceptor(config, waiting).serve(doors, lambda: started(up))
        nursery.cancel_scope.cancel()


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


async def _attestation_sockets(stack: AsyncExitStack, config: Config) -> list[trio.SocketListener]:
    """Sockets for attestation; none where the default port is another server's already."""
    host = config.https_host or config.kmip_host
    try:
        return await opened(stack, host, config.https_port)
    except OSError as error:
        if config.https_port != DEFAULT_HTTPS_PORT:
            raise Failure(f"{host} port {config.https_port} cannot be had: {error}.") from None
        log.warning("no attestation: %s port %d is taken; see https_port", host, config.https_port)
        return []


def kmip_door(
    server: Server, listeners: Sequence[trio.SocketListener], context: ssl.SSLContext
) -> Door:
    """The door at which KMIP messages come in."""

    async def session(stream: Stream, peer: Peer) -> None:
        await Connection(server, stream, peer.client).serve()

    return Door(listeners, context, session)


async def attestation_door(
    config: Config,
    maker: Attester,
    listeners: Sequence[trio.SocketListener],
    waiting: Waiting,
    nursery: trio.Nursery,
) -> Door:
    """The door at which the server attests itself; its certificate is kept fresh in the nursery."""
    context = server_context()
    names = certificates.own_names(config.kmip_host, config.server_names)
    await nursery.start(attestation.keep_presented, maker, context, names)
    routes = attestation.Attestation(maker, lambda: "serving").routes
    limits = Limits(config.idle_seconds, config.read_seconds, config.write_seconds)

    async def session(stream: Stream, peer: Peer) -> None:
        await HTTPConnection(stream, peer, routes, limits, waiting).serve()

    return Door(listeners, context, session)
