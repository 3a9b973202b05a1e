"""One step of a handshake in each round of the loop, and networks in turn."""

import trio
import trio.testing

from server.transport.handshake_turns import HandshakeTurns, InTurn


class Rounds(trio.abc.Instrument):
    """Counts the rounds of the loop: each begins after it has looked at its sockets."""

    count = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


async def test_in_each_round_one_has_its_step():
    turns, steps, rounds = HandshakeTurns(), [], Rounds()
    trio.lowlevel.add_instrument(rounds)

    async def step(network: str) -> None:
        await turns.take(network)
        steps.append(rounds.count)
        turns.release()

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(step, str(number % 3))
    trio.lowlevel.remove_instrument(rounds)
    assert len(set(steps)) == 50


async def test_networks_take_turns(autojump_clock):
    turns, order = HandshakeTurns(), []

    async def step(network: str) -> None:
        await turns.take(network)
        order.append(network)
        turns.release()

    await turns.take("first")
    async with trio.open_nursery() as nursery:
        for network in ("many",) * 5 + ("one",):
            nursery.start_soon(step, network)
            await trio.testing.wait_all_tasks_blocked()
        turns.release()
    assert order == ["many", "one", "many", "many", "many", "many"]


async def test_who_gives_up_hands_the_turn_on():
    turns = HandshakeTurns()
    await turns.take("first")
    with trio.CancelScope() as waiting:
        waiting.cancel()
        await turns.take("leaves")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, "chosen")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        turns.release()  # to one that leaves before it has it
    with trio.fail_after(5):
        await turns.take("next")
    turns.release()
    with trio.CancelScope() as scope:
        scope.cancel()
        await turns.take("cancelled")
    with trio.fail_after(5):
        await turns.take("last")


async def test_a_connection_that_waits_for_its_peer_has_no_turn():
    turns = HandshakeTurns()
    mine, its = trio.testing.memory_stream_pair()
    stream = InTurn(its, turns, "slow")
    await mine.send_all(b"hello")
    assert await stream.receive_some() == b"hello"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turns.take, "another")
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks, "it waits for the step of the first"
        nursery.start_soon(stream.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1, "the turn was handed on"
        turns.release()
        await mine.aclose()
    await stream.aclose()
