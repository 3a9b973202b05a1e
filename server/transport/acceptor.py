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
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import trio
from cryptography import x509

from server.access.client import Client, of_certificate
from server.access.client_certificates import Chain, NotAccepted, Rules
from server.sessions.networks import network_of
from server.setup.config import Config
from server.setup.shutdown import Shutdown
from server.transport.admission import Judge
from server.transport.connection_limits import ConnectionLimits, Place, Pool
from server.transport.handshake import (
    ALERT_SECONDS,
    HandshakeFailed,
    cause_of,
    shake_hands,
    subject_of,
)
from server.transport.handshake import (
    Stream as Stream,
)
from server.transport.handshake_turns import HandshakeTurns
from server.transport.listening import address_of

log: Final = logging.getLogger(__name__)


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


class Cause(StrEnum):
    """Why a connection was refused, or ended for another one."""

    TOO_MANY = "too many"
    HANDSHAKE_FAILED = "handshake failed"
    HANDSHAKE_LATE = "handshake late"
    NOT_ACCEPTED = "certificate not accepted"
    GAVE_WAY = "gave way"


@dataclass
class Endpoint:
    """One kind of listener.

    Attributes:
        listeners: its sockets, open.
        context: its TLS settings; a new certificate loaded into it holds for new connections. Or
            who decides what clients come in, with the TLS settings of the moment.
        session: serves one connection after its handshake.
        after: is set when connections may be accepted; None: at once.
        max_connections: at once at this endpoint; None: as many as the server takes.
    """

    listeners: Sequence[trio.SocketListener]
    context: ssl.SSLContext | Judge
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
        now: the clock, with a time zone.

    Attributes:
        accepted: connections that came, refused ones included.
        refused: how many of them were, by the cause.
    """

    def __init__(
        self,
        config: Config,
        shutdown: Shutdown,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.config = config
        self.now = now
        self.shutdown = shutdown
        self.limits = ConnectionLimits(config.max_connections, config.max_connections_per_address)
        self.pools: dict[Session, Pool] = {}
        self.turns = HandshakeTurns()
        self.accepted = 0
        self.refused = dict.fromkeys(Cause, 0)

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
        self.accepted += 1
        with trio.CancelScope() as scope:
            place = Place(network_of(address), scope.cancel)
            if not self.limits.admit(place, self.pools.get(endpoint.session)):
                self.refused[Cause.TOO_MANY] += 1
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
            self.refused[Cause.GAVE_WAY] += 1
            log.info("a connection from %s gives way to one from elsewhere", address)

    async def _serve(
        self, endpoint: Endpoint, socket: trio.SocketStream, address: str, place: Place
    ) -> None:
        by = endpoint.context
        context = by if isinstance(by, ssl.SSLContext) else by.context
        stream = trio.SSLStream(socket, context, server_side=True)
        try:
            with self.shutdown.at_most(self.config.handshake_seconds) as scope:
                await shake_hands(stream, self.turns, place.network)
            if scope.cancelled_caught:
                self.refused[Cause.HANDSHAKE_LATE] += 1
                log.info("the handshake with %s was not done in time", address)
                return
            certificate = stream.getpeercert(True)
            chain = self._accepted(endpoint.context, context, stream)
            self.limits.shaken(place, known=certificate is not None)
            client = None
            if chain or isinstance(by, ssl.SSLContext):
                client = of_certificate(stream.getpeercert(), certificate, chain)
            with _while_accepted(endpoint.context, chain, address):
                await endpoint.session(stream, Peer(address, client, certificate))
            with trio.move_on_after(self.config.write_seconds):
                await stream.aclose()
        except HandshakeFailed as error:
            self.refused[Cause.HANDSHAKE_FAILED] += 1
            log.info("the handshake with %s failed: %s", address, error)
        except NotAccepted as error:
            self.refused[Cause.NOT_ACCEPTED] += 1
            log.info("the client %s from %s is refused: %s", _subject(stream), address, error)
            with trio.move_on_after(ALERT_SECONDS):
                await stream.aclose()
        except trio.BrokenResourceError as error:
            log.info("a connection from %s broke: %s", address, cause_of(error))
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    def _accepted(
        self, by: ssl.SSLContext | Judge, context: ssl.SSLContext, stream: Stream
    ) -> Chain:
        """The verified chain of the client's certificate.

        Returns:
            Empty where it showed none, or none of a client's.

        Raises:
            NotAccepted: it is not now, though OpenSSL let it in, perhaps by an earlier session.
        """
        if not isinstance(by, ssl.SSLContext):
            return by.accepted(stream, context) or ()
        certificate = stream.getpeercert(True)
        if certificate is not None:
            parsed = x509.load_der_x509_certificate(certificate)
            Rules((parsed,)).check((parsed,), self.now())
        return ()


def _while_accepted(
    by: ssl.SSLContext | Judge, chain: Chain, address: str
) -> AbstractContextManager[None]:
    """What ends a connection when its client's certificate is not accepted any more."""
    if chain and not isinstance(by, ssl.SSLContext):
        return by.open_while_accepted(chain, address)
    return nullcontext()


def _peer_address(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return "an unknown address"


def _subject(stream: Stream) -> str:
    certificate = stream.getpeercert(True)
    if certificate is None:
        return "without a certificate"
    return subject_of(x509.load_der_x509_certificate(certificate))
