"""One client's slow calls leave room for others'."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from server.sessions.thread_shares import ThreadShares


async def test_a_client_has_its_places_and_others_have_theirs():
    shares, end, at_work = ThreadShares(2), trio.Event(), []

    async def work(client: str) -> None:
        async with shares.of(client):
            at_work.append(client)
            await end.wait()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(work, "greedy")
        nursery.start_soon(work, "other")
        await wait_all_tasks_blocked()
        assert sorted(at_work) == ["greedy", "greedy", "other"]
        end.set()
    assert sorted(at_work) == ["greedy"] * 3 + ["other"]
    assert not shares._limiters


async def test_who_gives_up_waiting_leaves_nothing_behind():
    shares = ThreadShares(1)
    async with shares.of("one"):
        with trio.CancelScope() as scope:
            scope.cancel()
            async with shares.of("one"):
                pytest.fail("there was no place")
        assert shares._limiters
    assert not shares._limiters
