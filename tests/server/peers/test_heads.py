"""Servers that share a store meet around its back end: what they find out, and what not."""

import copy
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from enclave.claims import Role
from enclave.errors import Refused
from enclave.mutual import connect
from kmip.enums import ObjectType, Operation
from server import service
from server.peers.announcements import LIFE_SECONDS, Announced, Announcements
from server.peers.expectations import Expectations
from server.peers.heads import Comparison, Heads
from server.peers.port import Answering, PeerPort, make_party
from server.requests import audit
from server.setup import audit_trail
from server.setup.shutdown import Shutdown
from server.setup.store_state import PrivateState
from server.transport.acceptor import Peer
from storage import (
    Anchor,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Put,
    Reason,
    SealedStore,
    Tampered,
    Terms,
    open_store,
)
from tests.server.peers.test_hand_over import (
    Place,
    client,
    expectations,
    party,
    policy_of,
    settings,
    until_said,
    vendors,
)
from tests.server.peers.test_hand_over import place as place
from tests.server.samples import aes
from tests.server.unprovisioned_server import expected, software
from tests.storage.redis_server import free_port

pytestmark = pytest.mark.slow

KEY = KeyFile(bytes(32))
PEER = bytes(range(16))
MARK = bytes(16)
NOW = 1_800_000_000


def clock() -> float:
    return NOW


async def add(store: SealedStore, name: bytes) -> None:
    await store.commit([Put(name, 0, b"", None, Terms())])


@asynccontextmanager
async def opened(space: MemorySpace) -> AsyncIterator[SealedStore]:
    async with open_store(MemoryBackend(space, shared=True), KEY, create=True) as store:
        yield store


@pytest.fixture
def audited() -> Any:
    class Lines(list):
        def write(self, lines: Any) -> None:
            self.extend(lines)

        def close(self) -> None:
            pass

    lines = Lines()
    audit.send_to(lines)
    yield lines
    audit.send_to(audit_trail.Nowhere())


# What is compared


async def test_servers_of_one_history_find_nothing_whoever_is_ahead(audited):
    space = MemorySpace()
    async with opened(space) as one, opened(space) as other:
        mine, theirs = Comparison(one, clock), Comparison(other, clock)
        before = one.anchor
        for name in (b"a", b"b", b"c"):
            await add(one, name)
            assert await theirs.compare(PEER, one.anchor) is None
            assert other.anchor == one.anchor, "it has asked the back end"
            assert await mine.compare(PEER, other.anchor) is None
        assert await mine.compare(PEER, before) is None, "who is behind is just behind"
        await add(other, b"d")
        assert (one.finding, other.finding, audited) == (None, None, [])


async def test_a_fork_stops_changes_and_is_told_everywhere(audited, caplog):
    space = MemorySpace()
    async with opened(space) as one:
        await add(one, b"common")
        fork = copy.deepcopy(space)
        async with opened(fork) as other:
            await add(one, b"mine")
            await add(other, b"theirs")
            await add(one, b"more")
            found = await Comparison(one, clock).compare(PEER, other.anchor)
            assert found is Reason.FORKED
            with pytest.raises(Tampered):
                await add(one, b"x")
            assert await one.read(b"mine") is not None, "it is still read"
            assert PrivateState(one, bytes(32)).alarm() == "forked"
            sentence = f"Server {PEER.hex()} has seen {other.anchor}, and this one {one.anchor}"
    assert sentence in caplog.text
    [line] = map(json.loads, audited)
    assert (line["operation"], line["status"]) == ("Compare States", "OperationFailed")
    assert line["client"] == f"server {PEER.hex()}"


async def test_an_older_history_is_an_alarm_once_it_is_shown_twice(audited):
    space = MemorySpace()
    async with opened(space) as one:
        older = copy.deepcopy(space)
        await add(one, b"a")
        async with opened(older) as other:
            comparison = Comparison(other, clock)
            assert await comparison.compare(PEER, one.anchor) is None
            assert other.finding is None, "a primary that was just replaced may be shown once"
            assert await comparison.compare(PEER, other.anchor) is None
            assert await comparison.compare(PEER, one.anchor) is None, "it had caught up since"
            assert await comparison.compare(PEER, one.anchor) is Reason.ROLLED_BACK
            assert await comparison.compare(PEER, one.anchor) is Reason.ROLLED_BACK
            with pytest.raises(Tampered):
                await add(other, b"x")
            assert PrivateState(other, bytes(32)).alarm() == "rolled back"
    assert len(audited) == 1, "the alarm is raised once"


async def test_what_the_back_end_shows_by_itself_at_the_word_of_a_peer_is_an_alarm(audited):
    space = MemorySpace()
    async with opened(space) as one:
        older = copy.deepcopy(space)
        await add(one, b"a")
        state = Anchor(one.anchor.number + 1, bytes(16))
        vars(space).update(vars(older))
        assert await Comparison(one, clock).compare(PEER, state) is Reason.ROLLED_BACK
        assert len(audited) == 1


# Who is there


async def test_a_server_is_announced_until_it_ends_or_says_nothing_more():
    space = MemorySpace()
    async with opened(space) as one, opened(space) as other:
        mine, theirs = Announcements(one), Announcements(other)
        first = Announced(bytes(16), "kms-1.example:5698", "ab" * 32, "cd" * 48, NOW)
        second = Announced(PEER, "[::1]:5698", "ef" * 32, "cd" * 48, NOW)
        await mine.announce(first)
        await theirs.announce(second)
        await one.refresh()
        for each in (mine, theirs):
            assert set(await each.all(NOW)) == {first, second}
        await mine.announce(Announced(bytes(16), "elsewhere:1", "ab" * 32, "", NOW + 300))
        await other.refresh()
        assert [each.address for each in await theirs.all(NOW + LIFE_SECONDS)] == ["elsewhere:1"]
        await mine.withdraw(bytes(16))
        await other.refresh()
        assert await theirs.all(NOW) == [second]
        assert await theirs.of(bytes(16)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"address": "x", "key": "ab", "measurement": "", "time": 1}',
        b'{"address": "x:1", "key": "ab", "measurement": "", "time": 1}',
        b'{"address": "x:1", "measurement": "", "time": 1}',
    ],
)
async def test_what_another_release_has_announced_is_passed_over(content: bytes):
    async with opened(MemorySpace()) as store:
        announcements = Announcements(store)
        records = announcements._records
        await records.commit(records.put(PEER, content, 0, ends=NOW + 10))
        assert await announcements.all(NOW) == []


# How they meet


class Talk:
    """One side of a connection of messages."""

    def __init__(self, to: Any, by: Any) -> None:
        self._to, self._by = to, by

    async def send(self, message: bytes) -> None:
        await self._to.send(message)

    async def receive(self, most: int) -> bytes:
        message = await self._by.receive()
        assert len(message) <= most
        return message


def heads_of(store: SealedStore, **more: Any) -> Heads:
    own = Announced(bytes(16), "x:1", "00" * 32, "", NOW)
    nobody: Any = None
    return Heads(own, store, clock, nobody, nobody, **more)


@pytest.mark.parametrize("message", [b"", b"{}", b"[1]", b'{"state": 5}', b'{"state": "1:aa"}'])
async def test_a_peer_that_tells_no_state_is_let_go(message: bytes):
    to, by = trio.open_memory_channel[bytes](1)
    async with opened(MemorySpace()) as store:
        await to.send(message)
        with pytest.raises(Refused, match="tells no state"):
            await heads_of(store).answer(Talk(to, by), PEER, is_known=True)


async def test_each_state_is_answered_by_ones_own_and_compared(audited):
    asks, answers = trio.open_memory_channel[bytes](1), trio.open_memory_channel[bytes](1)
    space = MemorySpace()
    async with opened(space) as store, trio.open_nursery() as nursery:
        talk = Talk(answers[0], asks[1])
        nursery.start_soon(partial(heads_of(store).answer, talk, PEER, is_known=True))
        await asks[0].send(json.dumps({"state": str(store.anchor)}).encode())
        assert json.loads(await answers[1].receive()) == {"state": str(store.anchor)}
        forked = Anchor(store.anchor.number, bytes(16))
        await asks[0].send(json.dumps({"state": str(forked)}).encode())
        await answers[1].receive()
        await asks[0].send(json.dumps({"state": str(store.anchor)}).encode())
        await answers[1].receive()
        assert store.finding is not None
        assert store.finding.reason is Reason.FORKED
        nursery.cancel_scope.cancel()
    assert len(audited) == 1


async def test_servers_on_one_store_find_each_other_and_go_on_serving(place: Place, caplog):
    """One joins by hand-over, so that they meet over real TLS as servers of one group."""
    caplog.set_level(logging.INFO)
    address = f"127.0.0.1:{free_port()}"
    low, high = {"instance": bytes(16)}, {"instance": b"\xff" * 16}
    taker = place.taker(peer_address=address, start=low)
    async with place.giver(await policy_of(software()), start=high) as giver, taker as one:
        await one.until_up()
        for words in ("exchanging states with", " at 127.0.0.1", " from 127.0.0.1"):
            await until_said(caplog, words)
        for server in (giver, one):
            async with client(server, place.directory) as ask:
                await ask(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes())
    assert "ALARM" not in caplog.text


@pytest.mark.parametrize("known", [2, 1], ids=["both were there before", "one was not"])
async def test_servers_that_are_shown_two_histories_stop_changes(
    tmp_path: Path, known: int, audited
):
    """They meet over real TLS; their stores have been one until somebody copied it.

    Who is not announced in the other's store stops alone: it may be the one that is on a copy.
    """
    space, numbers = MemorySpace(), (bytes(16), b"\xff" * 16)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    config = settings(tmp_path, peer_address=address)
    peers = Expectations(config, software(), service.now, vendors)

    def time() -> float:
        return service.now().timestamp()

    async with trio.open_nursery() as nursery:
        sides = [
            await make_party(config, software(), Role.PEER, each, service.now, nursery)
            for each in numbers
        ]
        announced = [
            Announced(
                number, address, side.attester.claims().public_key_sha256.hex(), "", int(time())
            )
            for number, side in zip(numbers, sides, strict=True)
        ]
        async with opened(space) as store:
            for each in announced[-known:]:
                await Announcements(store).announce(each)
        async with opened(space) as one, opened(copy.deepcopy(space)) as other:
            stores = (one, other)
            for number, store in enumerate(stores):
                await add(store, b"%d" % number)
            first = Heads(announced[0], one, time, sides[0], peers, seconds=0.01)
            second = Heads(announced[1], other, time, sides[1], peers, seconds=0.01)
            port = PeerPort(
                sides[1], {Role.PEER: Answering(second.expected, second.serve)}, Shutdown()
            )

            async def session(tcp: trio.SocketStream) -> None:
                stream = trio.SSLStream(tcp, sides[1].context, server_side=True)
                await stream.do_handshake()
                await port.session(stream, Peer("127.0.0.1", None, None))

            nursery.start_soon(trio.serve_listeners, session, listeners)
            nursery.start_soon(first.keep)
            stopped = stores[:known]
            with trio.fail_after(30):
                while not all(store.finding for store in stopped):
                    await trio.lowlevel.checkpoint()
            for store in stopped:
                with pytest.raises(Tampered):
                    await add(store, b"more")
            for store in stores[known:]:
                await add(store, b"more")
            reasons = {store.finding.reason for store in stopped if store.finding is not None}
            nursery.cancel_scope.cancel()
    assert Reason.FORKED in reasons
    assert reasons <= {Reason.FORKED, Reason.ROLLED_BACK}, "who has fewer commits cannot tell"
    assert len(audited) == known


async def test_the_word_of_a_peer_that_is_not_announced_in_the_store_counts_for_nothing(
    place: Place, caplog
):
    """It runs the code and claims the operator, and has no keys of the store."""
    other = party(settings(place.directory / "other"), software(), Role.PEER)
    async with place.giver(await policy_of(software())), other as side:
        anybody = await expected(software(), Role.PEER)
        async with await connect("127.0.0.1", place.port, side, anybody) as connection:
            for _ in range(3):
                await connection.send(json.dumps({"state": str(Anchor(10**6, MARK))}).encode())
                assert "state" in json.loads(await connection.receive(100))
        await until_said(caplog, "is not announced in the store")
    assert "ALARM" not in caplog.text


async def test_a_peer_of_other_code_is_met_where_the_policy_accepts_it(place: Place):
    other = software(measurement=bytes(48))
    by_policy = await expectations(place).peer((await policy_of(other)).decode())
    by_itself = await expectations(place).peer("")
    assert by_policy.role is by_itself.role is Role.PEER
    assert by_policy.policy.sections != by_itself.policy.sections
