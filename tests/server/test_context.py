"""What a handler may use."""

import threading
import uuid

import pytest
import trio

from kmip.enums import Data, Operation, UniqueIdentifier
from kmip.errors import InvalidField, ItemNotFound, ResponseTooLarge
from kmip.items import structure
from kmip.tags import Tag
from kmip.versions import V2_1
from server.access.client import Client
from server.context import Context, Produced, Room
from server.crypto.costs import BLOCKING, LOOP_MICROSECONDS
from server.objects.transaction import Transaction
from server.state import Server
from tests.server.conftest import NOW


@pytest.fixture
def context(server: Server) -> Context:
    return make(server, Produced(), 0)


def make(server: Server, earlier: Produced, place: int) -> Context:
    return Context(
        server=server,
        client=Client("alice"),
        operation=Operation.GET,
        objects=Transaction(server.store, server.opened, NOW),
        earlier=earlier,
        now=NOW,
        place=place,
        room=Room(),
        _version=V2_1,
    )


async def test_an_identifier_may_be_given_or_referred_to(server: Server):
    earlier = Produced()
    first, second, third = (make(server, earlier, place) for place in range(3))
    first.remember("a", UniqueIdentifier.CREATE)
    second.remember("b", UniqueIdentifier.REGISTER)
    with pytest.raises(ItemNotFound):  # they may still fail
        third.identify(None)
    earlier.take(first.produced)
    earlier.take(second.produced)
    for reference, expected in (
        ("x", "x"),
        (None, "b"),
        ("", "b"),
        (UniqueIdentifier.ID_PLACEHOLDER, "b"),
        (UniqueIdentifier.CREATE, "a"),
        (0, "a"),
        (1, "b"),
    ):
        assert third.identify(reference) == expected
    for reference in (UniqueIdentifier.DERIVE_KEY, 2, 7):
        with pytest.raises(ItemNotFound):
            third.identify(reference)


async def test_data_may_be_given_or_referred_to(server: Server):
    earlier = Produced()
    first, second = (make(server, earlier, place) for place in range(2))
    assert first.give(b"hash", Data.HASH) == b"hash"
    assert first.give(None, Data.SIGN_SIGNATURE_DATA) is None
    earlier.take(first.produced)
    for reference, expected in (
        (None, None),
        (b"own", b"own"),
        (Data.HASH, b"hash"),
        (0, b"hash"),
        (-1, b"hash"),
    ):
        assert second.data_of(reference) == expected
    for reference in (Data.SIGN_SIGNATURE_DATA, 1, -2):
        with pytest.raises(InvalidField):
            second.data_of(reference)


async def test_what_is_to_happen_once_does(context: Context):
    calls: list[str] = []

    def call(name: str) -> str:
        calls.append(name)
        return name.upper()

    for _ in range(2):
        assert context.once(lambda: call("a")) == "A"
        assert context.once(lambda: call("b"), "other") == "B"
        assert context.once(lambda: calls.append("c"), "nothing") is None
    assert calls == ["a", "b", "c"]


async def test_identifiers_are_random(context: Context):
    made = {context.new_identifier() for _ in range(100)}
    assert len(made) == 100
    assert {uuid.UUID(one).version for one in made} == {4}


async def test_slow_calls_have_so_many_threads(context: Context, server: Server):
    running = trio.lowlevel.current_trio_token()
    most = 0

    def call() -> None:
        def look() -> None:
            nonlocal most
            most = max(most, int(server.threads.borrowed_tokens))

        trio.from_thread.run_sync(look, trio_token=running)

    async with trio.open_nursery() as nursery:
        for _ in range(3 * server.config.worker_threads):
            nursery.start_soon(context.compute, LOOP_MICROSECONDS, call)
    assert 0 < most <= server.config.worker_threads


def test_a_response_has_its_room():
    payload = structure(Tag.RESPONSE_PAYLOAD)
    room = Room(20)
    room.take(payload)
    room.take(payload)
    assert room.left == 4
    with pytest.raises(ResponseTooLarge):
        room.take(payload)
    Room().take(payload)


async def test_only_what_costs_more_than_a_thread_is_given_to_one(context: Context):
    here = threading.get_ident()
    for cost, is_here in ((0, True), (LOOP_MICROSECONDS - 1, True), (LOOP_MICROSECONDS, False)):
        assert (await context.compute(cost, threading.get_ident) == here) is is_here
    assert await context.compute(BLOCKING, threading.get_ident) != here
    assert await context.compute(0, pow, 2, 10) == await context.compute(BLOCKING, pow, 2, 10)
