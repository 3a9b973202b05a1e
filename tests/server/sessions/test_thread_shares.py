"""One client's slow calls leave room for others', also when nobody waits for them any more."""

import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from kmip.errors import ServerLimitExceeded
from server.sessions import thread_shares
from server.sessions.thread_shares import ThreadShares


class Work:
    """Calls that note who is at work, and last until they are let go."""

    def __init__(self, shares: ThreadShares) -> None:
        self.shares = shares
        self.at_work: list[str] = []
        self.begun = trio.Event()
        self.wanted = 0
        self.token = trio.lowlevel.current_trio_token()
        self.end = threading.Event()

    def call(self, client: str) -> str:
        trio.from_thread.run_sync(self._note, client, trio_token=self.token)
        self.end.wait()
        return client

    def _note(self, client: str) -> None:
        self.at_work.append(client)
        if len(self.at_work) == self.wanted:
            self.begun.set()

    async def ask(self, client: str, length: int = 1) -> str:
        return await self.shares.run(client, length, self.call, client)


@pytest.fixture
async def work():
    one = Work(ThreadShares(2, trio.CapacityLimiter(3)))
    yield one
    one.end.set()


async def test_a_client_has_its_places_and_others_have_theirs(work: Work):
    work.wanted = 3
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work.ask, "greedy")
        nursery.start_soon(work.ask, "other")
        await work.begun.wait()
        await wait_all_tasks_blocked()
        assert sorted(work.at_work) == ["greedy", "greedy", "other"]
        work.end.set()
    assert sorted(work.at_work) == ["greedy"] * 3 + ["other"]
    assert not work.shares._shares


async def test_who_gives_up_waiting_leaves_nothing_behind(work: Work):
    work.wanted = 2
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(work.ask, "one")
        await work.begun.wait()
        with trio.move_on_after(0):
            await work.ask("one")
            pytest.fail("there was no place")
        assert work.shares._shares
        work.end.set()
    assert not work.shares._shares
    assert work.at_work == ["one", "one"]


async def test_whoever_leaves_keeps_the_places_of_the_calls_that_have_begun(work: Work):
    work.wanted = 2
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(work.ask, "leaver")
        await work.begun.wait()
        nursery.cancel_scope.cancel()
    with trio.move_on_after(0):
        await work.ask("leaver")
        pytest.fail("they got a third place by leaving")
    assert thread_shares.under_way() >= 2
    work.wanted, work.begun = 3, trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work.ask, "other")
        await work.begun.wait()
        work.end.set()
    assert work.at_work == ["leaver", "leaver", "other"]


@pytest.mark.parametrize(
    "number, length",
    [
        (thread_shares.MAX_WAITING_PER_CLIENT, 1),
        (2, thread_shares.MAX_WAITING_BYTES_PER_CLIENT // 2),
    ],
    ids=["number", "bytes"],
)
async def test_so_many_calls_of_one_client_wait(work: Work, number: int, length: int):
    async with trio.open_nursery() as nursery:
        for _ in range(2 + number):
            nursery.start_soon(work.ask, "greedy", length)
            await wait_all_tasks_blocked()
        with pytest.raises(ServerLimitExceeded):
            await work.ask("greedy")
        work.end.set()
    assert await work.ask("greedy") == "greedy"
