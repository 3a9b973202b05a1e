"""One client's connection: framing, time limits, and its end."""

import math

import pytest
import trio
import trio.testing

from kmip.encodings import ttlv
from kmip.enums import ResultReason
from kmip.messages import version_of
from kmip.versions import V1_4, V2_1
from server.access.client import Client
from server.state import Server
from server.transport.kmip import Connection
from tests.server.requests.test_answer import request, response

ALICE = Client("alice")


async def serve(server: Server, stream: trio.abc.Stream) -> None:
    await Connection(server, stream, ALICE).serve()
    await stream.aclose()


async def read(stream: trio.abc.Stream) -> bytes:
    data = b""
    while part := await stream.receive_some():
        data += part
    return data


@pytest.mark.parametrize("step", [1, 7, 64, 10_000])
async def test_messages_are_answered_however_they_are_cut(server: Server, nursery, step: int):
    mine, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve, server, theirs)
    data = request(V1_4) + request(V2_1)
    for at in range(0, len(data), step):
        await mine.send_all(data[at : at + step])
    await mine.send_eof()
    answers = await read(mine)
    first = 8 + int.from_bytes(answers[4:8], "big")
    assert version_of(ttlv.decode(answers[:first])) == V1_4
    assert version_of(ttlv.decode(answers[first:])) == V2_1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(8),
        bytes.fromhex("42007801ffffffff"),
        bytes.fromhex("4200780100000007"),
    ],
    ids=["http", "zeros", "oversized", "odd"],
)
async def test_what_is_no_message_is_refused_by_its_first_bytes(server: Server, nursery, data):
    mine, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve, server, theirs)
    await mine.send_all(data)
    got = response(await read(mine))
    assert got.batch_item[0].result_reason == ResultReason.INVALID_MESSAGE


async def test_an_idle_client_is_let_go(server: Server, nursery, autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    start = trio.current_time()
    nursery.start_soon(serve, server, theirs)
    assert await read(mine) == b""
    assert trio.current_time() - start == pytest.approx(server.config.idle_seconds)


async def test_a_slow_message_is_cut_off(server: Server, nursery, autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    start = trio.current_time()
    nursery.start_soon(serve, server, theirs)

    async def drip() -> None:
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012
            for byte in request(V1_4):
                await mine.send_all(bytes([byte]))
                await trio.sleep(1)

    nursery.start_soon(drip)
    assert await read(mine) == b""
    assert trio.current_time() - start == pytest.approx(server.config.read_seconds)


async def test_a_client_that_does_not_read_is_let_go(server: Server, autojump_clock):
    class Deaf(trio.abc.Stream):
        """Gives one request and never takes the answer."""

        def __init__(self) -> None:
            self.data = [request(V1_4)]

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            await trio.lowlevel.checkpoint()
            return self.data.pop() if self.data else b""

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            await trio.sleep(math.inf)

        async def wait_send_all_might_not_block(self) -> None:
            raise NotImplementedError

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()

    start = trio.current_time()
    await Connection(server, Deaf(), ALICE).serve()
    assert trio.current_time() - start == pytest.approx(server.config.write_seconds)


async def test_a_stop_ends_connections_that_wait(server: Server, nursery):
    mine, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve, server, theirs)
    await trio.testing.wait_all_tasks_blocked()
    server.shutdown.stop.set()
    for scope in tuple(server.shutdown.scopes):
        scope.cancel()
    assert await read(mine) == b""
