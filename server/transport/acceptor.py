"""Accepting connections: TLS sockets to sessions, within limits, and a graceful end.

Theory: two nurseries, one in the other, around whatever outlives every request (the store). In the
outer one the connections run; in the inner one new ones are accepted. When the server is told to
stop, accepting ends first, then the connections that wait for a next request; those that are
answering one get the time of `stop_seconds` to finish.

An `Endpoint` is one kind of listener: its sockets, its TLS settings, and the session that it holds
with each client. All endpoints share the limits on connections; one that lets everybody in has a
limit of its own beneath them, so that strangers leave room for clients
(`server.transport.connection_limits`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import trio
from cryptography import x509

from server.access.client import Client, of_certificate
from server.sessions.networks import network_of
from server.setup import logs
from server.setup.config import Config
from server.setup.shutdown import Shutdown
from server.transport.connection_limits import ConnectionLimits, Place, Pool

log: Final = logging.getLogger(__name__)

BACKLOG: Final = 512
"""Connections the kernel holds until they are accepted: a burst of a pool's reconnections."""

Stream = trio.SSLStream[trio.SocketStream]


class Peer(NamedTuple):
    """The other end of a connection.

    Attributes:
        address: where it connects from.
        client: whom its certificate names; None: it showed none.
        certificate: the certificate, DER.
    """

    address: str
    client: Client | None
    certificate: bytes | None

    @property
    def network(self) -> str:
        """What counts as one client in limits by address."""
        return network_of(self.address)


Session = Callable[[Stream, Peer], Awaitable[None]]


@dataclass
class Endpoint:
    """One kind of listener.

    Attributes:
        listeners: its sockets, open.
        context: its TLS settings; other ones put in their place, or a new certificate loaded into
            them, hold for new connections.
        session: serves one connection after its handshake.
        after: is set when connections may be accepted; None: at once.
        max_connections: at once at this endpoint; None: as many as the server takes.
    """

    listeners: Sequence[trio.SocketListener]
    context: ssl.SSLContext
    session: Session
    after: trio.Event | None = None
    max_connections: int | None = None

    @property
    def addresses(self) -> list[str]:
        """Where it listens, as `host:port`."""
        return [address_of(listener) for listener in self.listeners]


class Acceptor:
    """Accepts connections at several endpoints.

    Args:
        config: the limits.
        shutdown: says when to stop.
    """

    def __init__(self, config: Config, shutdown: Shutdown) -> None:
        self.config = config
        self.shutdown = shutdown
        self.limits = ConnectionLimits(config.max_connections, config.max_connections_per_address)
        self.pools: dict[Session, Pool] = {}

    async def serve(self, endpoints: Sequence[Endpoint], started: Callable[[], None]) -> None:
        """Serve until told to stop, and then gracefully end.

        Args:
            endpoints: with open sockets; they are closed by whoever opened them.
            started: is called when connections are accepted.
        """
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for endpoint in endpoints:
                    if endpoint.max_connections is not None:
                        self.pools[endpoint.session] = self.limits.pool(endpoint.max_connections)
                    for listener in endpoint.listeners:
                        accepting.start_soon(self._accept, endpoint, listener, connections)
                started()
                await self.shutdown.stop.wait()
                accepting.cancel_scope.cancel()
            for scope in tuple(self.shutdown.scopes):
                scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + self.config.stop_seconds

    async def _accept(
        self, endpoint: Endpoint, listener: trio.SocketListener, connections: trio.Nursery
    ) -> None:
        async def connect(stream: trio.SocketStream) -> None:
            await self._connect(endpoint, stream)

        if endpoint.after is not None:
            await endpoint.after.wait()
        await trio.serve_listeners(connect, [listener], handler_nursery=connections)

    async def _connect(self, endpoint: Endpoint, stream: trio.SocketStream) -> None:
        """One accepted connection; whatever happens in it ends with it."""
        address = _peer_address(stream)
        with trio.CancelScope() as scope:
            place = Place(network_of(address), scope.cancel)
            if not self.limits.admit(place, self.pools.get(endpoint.session)):
                log.warning("too many connections; one from %s is closed", address)
                await trio.aclose_forcefully(stream)
                return
            try:
                await self._serve(endpoint, stream, address, place)
            except Exception:
                log.exception("a connection from %s failed", address)
            finally:
                self.limits.release(place)
        if scope.cancelled_caught:
            log.info("a connection from %s gives way to one from elsewhere", address)

    async def _serve(
        self, endpoint: Endpoint, socket: trio.SocketStream, address: str, place: Place
    ) -> None:
        stream = trio.SSLStream(socket, endpoint.context, server_side=True)
        try:
            with self.shutdown.at_most(self.config.handshake_seconds) as scope:
                await stream.do_handshake()
            if scope.cancelled_caught:
                log.info("the handshake with %s was not done in time", address)
                return
            certificate = stream.getpeercert(True)
            self.limits.shaken(place, known=certificate is not None)
            client = of_certificate(stream.getpeercert(), certificate)
            await endpoint.session(stream, Peer(address, client, certificate))
            with trio.move_on_after(self.config.write_seconds):
                await stream.aclose()
        except trio.BrokenResourceError as error:
            log.info("a connection from %s broke: %s", address, _cause(error, stream))
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Sockets that listen at a host's addresses.

    Raises:
        OSError: the address cannot be had.
    """
    return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)


def address_of(listener: trio.SocketListener) -> str:
    """Where it listens, as `host:port`."""
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _peer_address(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return "an unknown address"


def _cause(error: BaseException, stream: Stream) -> str:
    """What OpenSSL says of a broken handshake; nothing of it is secret."""
    cause = error.__cause__
    said = getattr(cause, "reason", None) or type(cause or error).__name__
    if isinstance(cause, ssl.SSLCertVerificationError):
        said = f"{said} ({cause.verify_message}), certificate of {_refused_subject(stream)}"
    return said


def _refused_subject(stream: Stream) -> str:
    """Whom the certificate names that a handshake has refused.

    No public interface tells it; where the private ones are gone, it is unknown.
    """
    try:
        (refused, *_) = stream._ssl_object._sslobj.get_verified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        pem = refused.public_bytes()
        subject = x509.load_pem_x509_certificate(pem.encode()).subject
        return repr(logs.cut(subject.rfc4514_string()))
    except Exception:  # noqa: BLE001 - whatever it is, the log must do without it
        return "an unknown subject"
