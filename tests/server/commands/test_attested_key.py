"""Evidence that is fresh for everybody who waits for it, and ports that present its key."""

from typing import Any, cast

import pytest
import trio
import trio.testing

from enclave.claims import Role
from enclave.client import Attested
from server.commands import attested_server
from server.commands.attested_key import FreshEvidence, Verification, connect_to_key
from server.commands.attested_server import Busy, Remote
from server.setup.failure import Failure
from tests.server.commands.tls_pairs import Pair, listening, made
from tests.server.unprovisioned_server import expected, software


def evidence(number: int) -> Attested:
    return cast(Attested, number)


class Attester:
    """A server whose answers come when they are allowed to."""

    def __init__(self) -> None:
        self.requests = 0
        self.allowed = trio.Event()
        self.failure: Failure | None = None

    async def verify(self) -> Attested:
        self.requests += 1
        number, allowed = self.requests, self.allowed
        await allowed.wait()
        if self.failure is not None:
            raise self.failure
        return evidence(number)

    def allow(self) -> None:
        self.allowed.set()
        self.allowed = trio.Event()


async def test_all_who_wait_when_a_nonce_is_made_share_its_answer():
    attester, got = Attester(), []
    fresh = FreshEvidence(attester.verify)

    async def get(name: str) -> None:
        got.append((name, await fresh.get()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(get, "first")
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(5):
            nursery.start_soon(get, "later")
        await trio.testing.wait_all_tasks_blocked()
        attester.allow()
        await trio.testing.wait_all_tasks_blocked()
        assert got == [("first", evidence(1))], "that nonce is older than the others' connections"
        attester.allow()
    assert got[1:] == [("later", evidence(2))] * 5
    assert attester.requests == 2


async def test_evidence_is_never_used_again():
    attester = Attester()
    attester.allowed.set()
    fresh = FreshEvidence(attester.verify)
    assert [await fresh.get(), await fresh.get()] == [evidence(1), evidence(2)]


async def test_a_refusal_is_told_to_all_who_waited_and_tried_again_for_the_next():
    attester, refused = Attester(), []
    fresh = FreshEvidence(attester.verify)

    async def get() -> None:
        try:
            await fresh.get()
        except Failure as failure:
            refused.append(str(failure))

    attester.failure = Failure("another key")
    attester.allowed.set()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(get)
    assert refused == ["another key"] * 3
    assert attester.requests <= 2
    attester.failure = None
    assert await fresh.get() == evidence(attester.requests)


async def test_who_waits_is_answered_although_the_one_who_asked_has_left():
    attester = Attester()
    fresh = FreshEvidence(attester.verify)
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_when_blocked, scope)
            await fresh.get()
        attester.allow()
        attester.allowed.set()
        assert await fresh.get() == evidence(2)


async def _cancel_when_blocked(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


async def test_a_server_without_time_is_asked_again_and_not_for_ever(
    autojump_clock, monkeypatch: pytest.MonkeyPatch
):
    requests: list[float] = []

    async def busy(*_: Any) -> None:
        requests.append(trio.current_time())
        raise Busy("not now")

    monkeypatch.setattr(attested_server, "attested", busy)
    policy = await expected(software(), Role.API)
    verify = Verification(Remote("kms.example", 9998, policy.policy), lambda: policy)
    with pytest.raises(Failure, match="no time for evidence"):
        await verify()
    assert 10 <= len(requests) <= 16


@pytest.fixture
def server() -> Pair:
    return made("server")


async def test_a_port_with_the_attested_key_is_connected_to(server: Pair):
    async with listening(server, echo) as port:
        stream = await connect_to_key("127.0.0.1", port, server.attested, server.trusting())
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        await trio.aclose_forcefully(stream)


async def test_a_port_with_another_key_is_refused(server: Pair):
    async with listening(made("other"), echo) as port:
        with pytest.raises(Failure, match="another key than the evidence names"):
            await connect_to_key("127.0.0.1", port, server.attested, server.trusting())


async def test_a_port_that_does_not_open_is_told(server: Pair):
    with pytest.raises(Failure, match="cannot be reached"):
        await connect_to_key("127.0.0.1", 1, server.attested, server.trusting())


async def echo(stream: trio.SSLStream[trio.SocketStream]) -> None:
    while data := await stream.receive_some():
        await stream.send_all(data)
