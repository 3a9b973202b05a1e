"""The KMIP service put together: store, users, sockets, sessions."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final

import trio

from server import registry, store
from server.accepting import Acceptor, Door, Peer, Stream, Waiting, open_listeners
from server.config import Config
from server.connection import Connection
from server.context import Server
from server.users import Users

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


async def serve(
    config: Config,
    *,
    started: Callable[[Sequence[str]], None] = lambda addresses: None,
    stop: trio.Event | None = None,
) -> None:
    """Serve KMIP until `stop` is set.

    Args:
        config: the settings.
        started: is told the addresses, `host:port`, once the server is up.
        stop: ends it gracefully.

    Raises:
        OSError, ssl.SSLError, storage.StorageError, server.failure.Failure: it cannot start.
    """
    registry.load()
    context = tls_context(config)
    listeners = await open_listeners(config.kmip_host, config.kmip_port)
    waiting = Waiting(trio.Event() if stop is None else stop)
    try:
        async with store.opened(config) as sealed:
            server = Server(
                config=config,
                store=sealed,
                users=Users(config.users_file),
                clock=time.time,  # noqa: TID251 - this is where the clock comes from
                waiting=waiting,
            )
            door = kmip_door(server, listeners, context)
            await Acceptor(config, waiting).serve([door], lambda: started(door.addresses))
    finally:
        for listener in listeners:
            await listener.aclose()


def kmip_door(
    server: Server, listeners: Sequence[trio.SocketListener], context: ssl.SSLContext
) -> Door:
    """The door at which KMIP messages come in."""

    async def session(stream: Stream, peer: Peer) -> None:
        await Connection(server, stream, peer.client).serve()

    return Door(listeners, context, session)
