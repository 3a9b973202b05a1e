"""Turns go by client, whatever number of connections it has; what it holds is bounded."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from server.sessions.client_turns import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, ClientTurns

LONGEST = 1 << 20


@pytest.fixture
def turns() -> ClientTurns:
    return ClientTurns(LONGEST)


async def batch(turns: ClientTurns, client: str, items: int, done: list[str]) -> None:
    turn = await turns.admit(client, 100)
    for _ in range(items):
        await turn.take()
        done.append(client)
        turn.release()
        await trio.lowlevel.checkpoint()
    turn.end()


async def test_thirty_connections_have_no_more_turns_than_one(turns: ClientTurns):
    done: list[str] = []
    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(batch, turns, "mallory", 20, done)
        await trio.lowlevel.checkpoint()
        nursery.start_soon(batch, turns, "bob", 20, done)
    last = len(done) - done[::-1].index("bob")
    assert done[:last].count("mallory") <= 3 * 20 + 30
    assert done.count("mallory") == 600
    assert turns.in_use("mallory") == (0, 0)
    assert not turns._shares


async def test_messages_of_one_client_go_on_in_the_order_in_which_they_came(turns: ClientTurns):
    done: list[int] = []

    async def item(number: int) -> None:
        turn = await turns.admit("one", 1)
        await turn.take()
        done.append(number)
        await trio.lowlevel.checkpoint()
        turn.end()

    first = await turns.admit("one", 1)
    await first.take()
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(item, number)
            await wait_all_tasks_blocked()
        assert not done
        first.end()
    assert done == list(range(5))


async def test_whoever_leaves_while_waiting_for_a_turn_holds_nobody_up(turns: ClientTurns):
    first, second, third = [await turns.admit("one", 1) for _ in range(3)]
    await first.take()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(second.take)
        await wait_all_tasks_blocked()
        nursery.start_soon(third.take)
        await wait_all_tasks_blocked()
        first.release()  # the second's now, which is cancelled before it can see so
        nursery.cancel_scope.cancel()
    for turn in (first, second, third):
        turn.end()
    assert not turns._shares
    again = await turns.admit("one", 1)
    await again.take()
    again.end()


@pytest.mark.parametrize(
    "length, many",
    [(MAX_REQUEST_BYTES // 4, 4), (1, MAX_RESPONSE_BYTES // LONGEST)],
    ids=["requests", "responses"],
)
async def test_a_message_waits_undecoded_until_there_is_room(
    turns: ClientTurns, length: int, many: int
):
    turns_taken = [await turns.admit("greedy", length) for _ in range(many)]
    admitted = []

    async def ask() -> None:
        admitted.append(await turns.admit("greedy", length))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        assert not admitted
        (await turns.admit("other", length)).end()
        turns_taken.pop().end()
    for turn in turns_taken + admitted:
        turn.end()
    assert not turns._shares


async def test_whoever_leaves_while_waiting_for_room_makes_way(turns: ClientTurns):
    turns_taken = await turns.admit("one", MAX_REQUEST_BYTES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.admit, "one", MAX_REQUEST_BYTES)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    turns_taken.end()
    assert not turns._shares


async def test_a_response_counts_as_it_is_until_it_is_sent(turns: ClientTurns):
    turn = await turns.admit("one", 500)
    assert turns.in_use("one") == (500, LONGEST)
    turn.answered(70)
    assert turns.in_use("one") == (0, 70)
    turn.end()
    turn.end()
    assert turns.in_use("one") == (0, 0)


async def test_a_message_longer_than_all_room_is_admitted_alone(turns: ClientTurns):
    (await turns.admit("one", 10 * MAX_REQUEST_BYTES)).end()
    assert not turns._shares
