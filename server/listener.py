"""The KMIP listener: TLS sockets to connections, within limits, and a graceful end.

Theory: three nurseries, one in the other. The outermost belongs to the store's committer and
outlives every request. In it the connections run; in them the accepting of new ones. When the
server is told to stop, accepting ends first, then the connections that wait for a next request;
those that are answering one get the time of `stop_seconds` to finish, and only then does the store
close.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import trio

from server import identity, registry, store
from server.config import Config
from server.connection import Connection
from server.context import Server
from server.users import Users

log: Final = logging.getLogger(__name__)

TLS_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

BACKLOG: Final = 512
"""Connections the kernel holds until they are accepted: a burst of a pool's reconnections."""

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
    listeners = await trio.open_tcp_listeners(
        config.kmip_port, host=config.kmip_host, backlog=BACKLOG
    )
    try:
        async with store.opened(config) as sealed:
            server = Server(
                config=config,
                store=sealed,
                users=Users(config.users_file),
                clock=time.time,  # noqa: TID251 - this is where the clock comes from
                stop=trio.Event() if stop is None else stop,
            )
            await Listener(server, context).serve(listeners, started)
    finally:
        for listener in listeners:
            await listener.aclose()


class Listener:
    """Accepts connections for one server.

    Args:
        server: what all requests share.
        context: the TLS settings.
    """

    def __init__(self, server: Server, context: ssl.SSLContext) -> None:
        self.server = server
        self.context = context
        self.connections: Counter[str] = Counter()

    async def serve(
        self, listeners: list[trio.SocketListener], started: Callable[[Sequence[str]], None]
    ) -> None:
        """Serve until the server's `stop` is set, and then gracefully end."""
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(self._accept, listener, connections)
                started([_address(listener) for listener in listeners])
                await self.server.stop.wait()
                accepting.cancel_scope.cancel()
            for scope in tuple(self.server.waiting):
                scope.cancel()
            connections.cancel_scope.deadline = (
                trio.current_time() + self.server.config.stop_seconds
            )

    async def _accept(self, listener: trio.SocketListener, connections: trio.Nursery) -> None:
        await trio.serve_listeners(self._connect, [listener], handler_nursery=connections)

    async def _connect(self, stream: trio.SocketStream) -> None:
        """One accepted connection; whatever happens in it ends with it."""
        peer = _peer(stream)
        config = self.server.config
        if (
            self.connections.total() >= config.max_connections
            or self.connections[peer] >= config.max_connections_per_address
        ):
            log.warning("too many connections; one from %s is closed", peer)
            await trio.aclose_forcefully(stream)
            return
        self.connections[peer] += 1
        try:
            await self._serve(trio.SSLStream(stream, self.context, server_side=True), peer)
        except Exception:
            log.exception("a connection from %s failed", peer)
        finally:
            self.connections[peer] -= 1
            if not self.connections[peer]:
                del self.connections[peer]

    async def _serve(self, stream: trio.SSLStream[trio.SocketStream], peer: str) -> None:
        try:
            with trio.move_on_after(self.server.config.handshake_seconds) as scope:
                await stream.do_handshake()
            if scope.cancelled_caught:
                log.info("the handshake with %s took too long", peer)
                return
            client = identity.of_certificate(stream.getpeercert(), stream.getpeercert(True))
            await Connection(self.server, stream, client).serve()
            with trio.move_on_after(self.server.config.write_seconds):
                await stream.aclose()
        except trio.BrokenResourceError as error:
            log.info("a connection from %s broke: %s", peer, _cause(error))
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)


def _peer(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return "an unknown address"


def _address(listener: trio.SocketListener) -> str:
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _cause(error: BaseException) -> str:
    """What OpenSSL says of a broken handshake; nothing of it is secret."""
    cause = error.__cause__
    return getattr(cause, "reason", None) or type(cause or error).__name__
