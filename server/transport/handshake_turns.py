"""Handshakes take turns, so that many at once do not hold everybody else up.

Theory: a step of a handshake, in which the server signs or judges a certificate, has the event loop
for some milliseconds. The loop lets every task that can go on do a step before it looks at its
sockets again, so that some hundred handshakes whose bytes have come hold the others up for as many
steps. So only one handshake has its step in each round of the loop, and the networks that wait take
turns with each other.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import trio


class HandshakeTurns:
    """The turns of one server."""

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: OrderedDict[str, deque[trio.Event]] = OrderedDict()

    async def take(self, network: str) -> None:
        """Wait for the turn; whoever has it calls `release` once.

        Args:
            network: whose handshake it is, as `server.sessions.networks` tells it.
        """
        if self._is_taken:
            await self._wait(network)
            return
        self._is_taken = True
        try:
            await trio.lowlevel.checkpoint()  # others that can go on in this round find it taken
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Hand the turn on to the network that has waited longest."""
        if not self._waiting:
            self._is_taken = False
            return
        network, events = self._waiting.popitem(last=False)
        events.popleft().set()
        if events:
            self._waiting[network] = events

    async def _wait(self, network: str) -> None:
        event = trio.Event()
        self._waiting.setdefault(network, deque()).append(event)
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.release()
            else:
                self._waiting[network].remove(event)
                if not self._waiting[network]:
                    del self._waiting[network]
            raise


class InTurn(trio.abc.Stream):
    """A connection in its handshake: what comes is handed on when it is its turn.

    The turn ends when the handshake has done its step and sends or waits for more.

    Args:
        stream: the connection.
        turns: of the server.
        network: where it comes from.
    """

    def __init__(self, stream: trio.abc.Stream, turns: HandshakeTurns, network: str) -> None:
        self._stream = stream
        self._turns = turns
        self._network = network
        self._has_turn = False

    def release(self) -> None:
        """End its turn, if it has one."""
        if self._has_turn:
            self._has_turn = False
            self._turns.release()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """See `trio.abc.ReceiveStream`."""
        self.release()
        data = await self._stream.receive_some(max_bytes)
        await self._turns.take(self._network)
        self._has_turn = True
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """See `trio.abc.SendStream`."""
        self.release()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See `trio.abc.SendStream`."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """See `trio.abc.AsyncResource`."""
        self.release()
        await self._stream.aclose()
