"""A proxy on the client's side: attests each connection's server, then forwards bytes.

    client ──TLS, the proxy's certificate──▶ proxy ──TLS, the attested key──▶ server

Theory: clients of KMIP know authorities, and nothing of evidence. They connect to the proxy on
their own machine instead. For each connection the server is verified over a fresh nonce, and the
connection goes on to the port that presents the key which the evidence names
(`server.commands.attested_key`). What the client sends is read from then on only; where the server
is not what is expected, the client's connection is closed.

Towards the server the proxy is its user, by their certificate. So it lets in at its KMIP port only
who shows that same certificate: other users of the machine are refused.

Bytes are forwarded as they come and are not looked at. A direction that is not taken from is not
read from either; what is on the way for one connection is at most `CHUNK_BYTES` in each direction,
beside what TLS and the kernel buffer. A client that has ended its sending side still gets what the
server sends, and the server is told by the same means (FIN), so that it can see whether anybody
reads. Once the server has ended, the connection has.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.commands.attested_key import FreshEvidence, TLSStream, connect_to_key
from server.setup.failure import Failure
from server.transport.handshake import HandshakeFailed, shake_hands

CHUNK_BYTES: Final = 65_536
"""Of one connection, in one direction: four records of TLS."""
HANDSHAKE_SECONDS: Final = 10.0
"""For a client on the same machine or network."""
CLOSING_SECONDS: Final = 5.0
HALF_CLOSED_SECONDS: Final = 300.0
"""For the server to answer what a client sent last; making an RSA key of 8192 bits takes less."""

log: Final = logging.getLogger(__name__)


class EndTold(trio.abc.Stream):
    """A socket whose end of reading is told apart, and not to the TLS above it.

    TLS without its own closing message takes that end for an attack, and sends no more; but what it
    has to send is still wanted by a client that has closed its sending side only.

    Args:
        stream: the socket.

    Attributes:
        ended: is set at that end.
        passed_on: whether the server was told that the client sends no more.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.ended = trio.Event()
        self.passed_on = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the peer sends; waits for ever once it has ended."""
        data = bytes(await self.stream.receive_some(max_bytes))
        if not data:
            self.ended.set()
            await trio.sleep_forever()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See `trio.abc.SendStream`."""
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See `trio.abc.SendStream`."""
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """See `trio.abc.AsyncResource`."""
        await self.stream.aclose()


@dataclass(frozen=True, slots=True)
class Forward:
    """One of the proxy's ports, and where it leads.

    Attributes:
        listeners: open sockets.
        context: the TLS settings towards clients.
        port: of the server.
        upstream: the TLS settings towards the server.
    """

    listeners: Sequence[trio.SocketListener]
    context: ssl.SSLContext
    port: int
    upstream: ssl.SSLContext


@dataclass(slots=True)
class AttestingProxy:
    """The proxy of one user to one server.

    Attributes:
        host: the server's name or address.
        evidence: of the server.
        max_connections: at once, at all ports; those that wait for evidence included.
    """

    host: str
    evidence: FreshEvidence
    max_connections: int
    _open: int = field(default=0, init=False)

    async def serve(self, forwards: Sequence[Forward]) -> None:
        """Forward connections until cancelled."""
        async with trio.open_nursery() as nursery:
            for forward in forwards:
                handler = partial(self._connected, forward)
                nursery.start_soon(trio.serve_listeners, handler, list(forward.listeners))

    async def _connected(self, forward: Forward, client: trio.SocketStream) -> None:
        """One connection of a client; whatever happens in it ends with it."""
        if self._open >= self.max_connections:
            log.warning("more than %d connections; one is closed", self.max_connections)
            await trio.aclose_forcefully(client)
            return
        self._open += 1
        try:
            await self._serve(forward, client)
        except HandshakeFailed as error:
            log.warning("a client is refused: %s", error)
        except Failure as failure:
            log.error("a client's connection is closed: %s", failure)  # noqa: TRY400 - a sentence
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError) as error:
            log.info("a connection broke: %s", type(error.__cause__ or error).__name__)
        except Exception:
            log.exception("a connection failed")
        finally:
            self._open -= 1
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(client)

    async def _serve(self, forward: Forward, client: trio.SocketStream) -> None:
        end = EndTold(client)
        near = trio.SSLStream(end, forward.context, server_side=True, https_compatible=True)
        with trio.fail_after(HANDSHAKE_SECONDS):
            await shake_hands(near)  # type: ignore[arg-type]  # it sends through what is beneath
        attested = await self.evidence.get()
        far = await connect_to_key(self.host, forward.port, attested, forward.upstream)
        far.transport_stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_forward_requests, near, end, far, nursery.cancel_scope)
                await _forward_responses(far, near)
                nursery.cancel_scope.cancel()
            with trio.move_on_after(CLOSING_SECONDS):
                await near.aclose()
        except* (trio.BrokenResourceError, trio.ClosedResourceError) as group:
            if not end.passed_on:  # else the client had left, as most do, without a word
                raise first(group) from None
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(far)


async def _forward_requests(
    near: trio.SSLStream[EndTold], end: EndTold, far: TLSStream, whole: trio.CancelScope
) -> None:
    """What the client sends; at its end the server is told, and has some time to answer."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_at, end.ended, nursery.cancel_scope)
        while data := bytes(await near.receive_some(CHUNK_BYTES)):
            await far.send_all(data)
        nursery.cancel_scope.cancel()
    end.passed_on = True
    whole.deadline = trio.current_time() + HALF_CLOSED_SECONDS
    await far.transport_stream.send_eof()


async def _cancel_at(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def _forward_responses(far: TLSStream, near: trio.SSLStream[EndTold]) -> None:
    """What the server sends, until it ends.

    Raises:
        trio.BrokenResourceError: the server's connection broke, or the client takes no more.
    """
    while data := bytes(await far.receive_some(CHUNK_BYTES)):
        await near.send_all(data)


def first(error: BaseException) -> BaseException:
    """The first error in a group of groups, or the error that is none."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def local_context(certificate: str, key: str, user: x509.Certificate | None) -> ssl.SSLContext:
    """The TLS settings towards clients.

    Args:
        certificate: the file of the proxy's certificate, PEM.
        key: the file of its key, PEM.
        user: whose certificate a client must show; None: it needs none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if user is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # this certificate, by itself
        with suppress(ssl.SSLError):
            context.load_verify_locations(cadata=user.public_bytes(Encoding.DER))
    return context
