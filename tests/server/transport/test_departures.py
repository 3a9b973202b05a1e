"""A client that has left is noticed while its request is answered; one that still reads is not."""

import socket
import struct
from contextlib import suppress

import pytest
import trio

from kmip.encodings import ttlv
from kmip.messages import version_of
from kmip.versions import V2_1
from server.sessions.client_turns import ClientTurns, Turn
from server.state import Server
from server.transport.departures import Departures
from server.transport.kmip import Connection
from tests.server.requests.test_answer import request
from tests.server.transport.test_kmip import ALICE


class Waiting(ClientTurns):
    """Turns for which each message waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(1 << 20)
        self.reached, self.go = trio.Event(), trio.Event()

    async def admit(self, client: str, length: int) -> Turn:
        self.reached.set()
        await self.go.wait()
        return await super().admit(client, length)


@pytest.fixture
def waiting(server: Server) -> Waiting:
    server.turns = Waiting()
    return server.turns


async def pair() -> tuple[socket.socket, trio.SocketStream]:
    """The two ends of a TCP connection: a client's, and the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    theirs.setblocking(False)
    return mine, trio.SocketStream(trio.socket.from_stdlib_socket(theirs))


async def looking(departures: Departures, ended: trio.Event) -> None:
    """Look as often as can be, until the connection has ended."""
    while not ended.is_set():
        departures.look()
        await trio.lowlevel.checkpoint()


async def serve(connection: Connection, ended: trio.Event) -> None:
    await connection.serve()
    await trio.aclose_forcefully(connection.stream)
    ended.set()


@pytest.mark.parametrize("resets", [True, False], ids=["by a reset", "by an end"])
async def test_a_client_that_leaves_is_noticed(
    server: Server, waiting: Waiting, nursery, resets: bool
):
    mine, theirs = await pair()
    departures, ended = Departures(), trio.Event()
    nursery.start_soon(serve, Connection(server, theirs, ALICE, "a", departures), ended)
    mine.sendall(request(V2_1))
    await waiting.reached.wait()
    if resets:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    mine.close()
    with trio.fail_after(20):
        await looking(departures, ended)
    assert not departures.answering


async def test_a_client_that_only_sends_no_more_has_its_answer(
    server: Server, waiting: Waiting, nursery
):
    mine, theirs = await pair()
    departures, ended = Departures(), trio.Event()
    nursery.start_soon(serve, Connection(server, theirs, ALICE, "a", departures), ended)
    mine.sendall(request(V2_1) * 2)
    await waiting.reached.wait()
    mine.shutdown(socket.SHUT_WR)
    early = b""
    mine.setblocking(False)
    with trio.fail_after(20):
        while not early:
            departures.look()
            await trio.lowlevel.checkpoint()
            with suppress(BlockingIOError):
                early = mine.recv(4)
    for _ in range(100):
        departures.look()
        await trio.lowlevel.checkpoint()
    assert not ended.is_set()
    waiting.go.set()
    await ended.wait()
    mine.setblocking(True)
    answers = early
    while part := mine.recv(65536):
        answers += part
    mine.close()
    first = 8 + int.from_bytes(answers[4:8], "big")
    for one in (answers[:first], answers[first:]):
        assert version_of(ttlv.decode(one)) == V2_1
