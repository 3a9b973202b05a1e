"""The parts of one stream, computed one after the other."""

import threading
from typing import Final

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from kmip.enums import Operation
from kmip.versions import V2_1
from server.access.client import Client
from server.context import Context, Produced, Room
from server.crypto.costs import Rate
from server.keys.multipart import Part
from server.objects.transaction import Transaction
from server.sessions.streams import Stream
from server.sessions.thread_shares import ThreadShares
from server.state import Server
from tests.server.conftest import NOW


class GatedComputation:
    """A computation that takes a thread, and goes on when the test says so."""

    gathers: Final = False
    rate: Final = Rate(0, 1_000_000)

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.taken: list[bytes] = []

    def update(self, data: bytes) -> int:
        self.gate.wait()
        self.taken.append(data)
        return len(self.taken)


@pytest.fixture
def context(server: Server) -> Context:
    client = Client("alice")
    return Context(
        server=server,
        client=client,
        operation=Operation.HASH,
        objects=Transaction(server.store, server.opened, NOW),
        earlier=Produced(),
        now=NOW,
        place=0,
        room=Room(),
        _version=V2_1,
    )


def parts(computation: GatedComputation, number: int) -> list[Part[GatedComputation]]:
    stream = Stream("alice", Operation.HASH, "", computation, NOW)
    return [Part("", computation, b"value", None, 1024, stream) for _ in range(number)]


async def test_parts_that_come_at_once_take_turns(context: Context, server: Server):
    """They may come over several connections; the library's contexts allow one call at a time."""
    computation, server.thread_shares = GatedComputation(), ThreadShares(3, server.threads)
    async with trio.open_nursery() as nursery:
        for number, part in enumerate(parts(computation, 3)):
            nursery.start_soon(part.compute, context, computation.update, bytes([number]))
            await wait_all_tasks_blocked()
        computing = server.threads.borrowed_tokens
        computation.gate.set()
    assert computing == 1
    assert computation.taken == [b"\0", b"\1", b"\2"]


async def test_a_part_that_is_performed_anew_is_not_computed_again(context: Context):
    computation = GatedComputation()
    computation.gate.set()
    first, second = parts(computation, 2)
    for part, expected in ((first, 1), (first, 1), (second, 2), (first, 1)):
        assert await part.compute(context, computation.update, b"data") == expected
    assert computation.taken == [b"data", b"data"]
