"""One client's connection, message by message: bytes received, framed, answered and sent."""

from __future__ import annotations

import logging
import math
from typing import Final

import trio

from kmip.encodings import ttlv
from kmip.errors import InvalidMessage
from kmip.framing import Frames
from kmip.versions import V1_0
from server.access.client import Client
from server.requests.answer import answer, refusal
from server.sessions.client_turns import Turn
from server.state import Server
from server.transport.departures import Departures, descriptor_of

log: Final = logging.getLogger(__name__)

PROBE: Final = bytes.fromhex("42007b01")
"""The tag and type of a Response Message, with which every response begins."""
RECEIVE_BYTES: Final = 65_536
"""Bytes taken from the socket at once: four TLS records."""


class Connection:
    """One client's connection.

    A timer for each message would take as long as half of a small request. So the time by which
    something must happen is only noted in `by`, and a task beside looks at it now and then.

    Args:
        server: what all requests share.
        stream: the TLS stream, after its handshake.
        client: whom its certificate names.
        address: where it comes from.
        departures: is told while a request is answered; None: a client that leaves is not noticed
            before its response is sent.
    """

    def __init__(
        self,
        server: Server,
        stream: trio.abc.Stream,
        client: Client | None,
        address: str = "",
        departures: Departures | None = None,
    ) -> None:
        self.server = server
        self.stream = stream
        self.client = client
        self.address = address
        self.share = share_of(client, address)
        self.departures = departures
        self.nursery: trio.Nursery | None = None
        self.sent_early = 0
        self.sending_early: trio.Event | None = None
        self.frames = Frames(limit=server.config.max_message_bytes)
        self.read_by = math.inf
        self.by = math.inf
        self.scope = trio.CancelScope()

    async def serve(self) -> None:
        """Answer messages until the client leaves, is too slow, or is not understood."""
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            self.scope = nursery.cancel_scope
            nursery.start_soon(self._watch)
            await self._converse()
            self.scope.cancel()

    async def _watch(self) -> None:
        """End the connection once it is later than `by`.

        Whatever is waited for may take at least `often`, so that its end is not slept through.
        """
        config = self.server.config
        often = min(config.idle_seconds, config.read_seconds, config.write_seconds)
        while (now := trio.current_time()) < self.by:  # noqa: ASYNC110 - it moves without telling
            await trio.sleep_until(min(self.by, now + often))
        self.scope.cancel()

    async def _converse(self) -> None:
        try:
            while data := await self._receive():
                for message in self.frames.receive(data):
                    self.read_by = math.inf
                    if not await self._answer(message):
                        return
                    if self.server.shutdown.stop.is_set():
                        return
        except InvalidMessage as error:
            log.info("a connection from %s ends: %s", self.address, error)
            await self._send(ttlv.encode(refusal(self.server, V1_0, error)))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("a connection broke")

    async def _answer(self, message: bytes) -> bool:
        """Answer one message; False where the connection has come to its end."""
        if self.departures is not None:
            self.departures.answering.add(self)
        turn: Turn | None = None
        try:
            turn = await self.server.turns.admit(self.share, len(message))
            data = await answer(self.server, message, self.client, address=self.address, turn=turn)
            turn.answered(len(data))
            if self.departures is not None:
                self.departures.answering.discard(self)
            return await self._send(data)
        finally:
            if self.departures is not None:
                self.departures.answering.discard(self)
            if turn is not None:
                turn.end()

    @property
    def descriptor(self) -> int:
        """See `server.transport.departures.Answering`."""
        return descriptor_of(self.stream)

    def left(self) -> None:
        """See `server.transport.departures.Answering`."""
        log.info("a client at %s left before its answer", self.address)
        self.scope.cancel()

    def half_closed(self) -> None:
        """See `server.transport.departures.Answering`."""
        if not self.sent_early and self.nursery is not None:
            self.sent_early = len(PROBE)
            self.sending_early = trio.Event()
            self.nursery.start_soon(self._send_early, self.sending_early)

    async def _send_early(self, done: trio.Event) -> None:
        """Send the first bytes of the response that is being made."""
        try:
            await self.stream.send_all(PROBE)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.scope.cancel()
        finally:
            done.set()

    async def _receive(self) -> bytes:
        """More bytes; none where the client has left or its time is over.

        Between messages a connection may idle long, and ends at once when the server stops; once a
        message has begun, all of it must come within the reading time.
        """
        if self.frames.pending:
            if self.read_by == math.inf:
                self.read_by = trio.current_time() + self.server.config.read_seconds
            self.by = self.read_by
            return await self._received()
        shutdown = self.server.shutdown
        if shutdown.stop.is_set():
            return b""
        self.by = trio.current_time() + self.server.config.idle_seconds
        shutdown.scopes.add(self.scope)
        try:
            return await self._received()
        finally:
            shutdown.scopes.discard(self.scope)

    async def _received(self) -> bytes:
        """What comes before `by`; what comes in the very moment of the end is not looked at."""
        data = bytes(await self.stream.receive_some(RECEIVE_BYTES))
        self.by = math.inf
        return b"" if self.scope.cancel_called else data

    async def _send(self, data: bytes) -> bool:
        """Send a response; False where the client does not take it in time."""
        self.by = trio.current_time() + self.server.config.write_seconds
        if self.sending_early is not None:
            await self.sending_early.wait()
        await self.stream.send_all(data[self.sent_early :])
        self.sent_early, self.sending_early = 0, None
        self.by = math.inf
        return not self.scope.cancel_called


def share_of(client: Client | None, address: str) -> str:
    """In whose turns a message is answered: its client's, or its address's where none is known."""
    return client.name if client is not None else f"address {address}"
