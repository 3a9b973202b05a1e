"""Whose commit goes next, where several servers write at once."""

import pytest
import trio
import trio.testing

from storage import MemoryBackend, MemorySpace, Unavailable, open_store
from storage.backend import LEASE_S
from storage.precedence import Precedence
from storage.testing import FailingBackend, opened
from tests.storage.stores import SECRET, put, shared_stores


class Overtaken(FailingBackend):
    """A back end over which another server is always a little faster."""

    def __init__(self, inner):
        super().__init__(inner)
        self.other = self.nursery = None
        self.overtaken = self.ceded = 0

    async def cede(self):
        await super().cede()
        self.ceded += 1

    async def commit(self, commit):
        if self.other is not None:
            self.overtaken += 1
            self.nursery.start_soon(self.other.commit, [put(b"other %d" % self.overtaken)])
            await trio.testing.wait_all_tasks_blocked()
        return await super().commit(commit)


async def test_whoever_loses_a_race_does_not_lose_the_next(nursery):
    space = MemorySpace()
    backend = Overtaken(MemoryBackend(space, shared=True))
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as other,
        open_store(backend, SECRET) as store,
    ):
        async with trio.open_nursery() as backend.nursery:
            backend.other = other
            assert await store.commit([put(b"ours")]) == 2
            assert backend.overtaken == 2
        await other.refresh()
        assert other.count == 3
        assert space.queue.writers == []


async def test_nobody_asks_who_meets_nobody():
    backend = FailingBackend(MemoryBackend(shared=True))
    async with open_store(backend, SECRET, create=True) as store:
        for number in range(3):
            await store.commit([put(b"%d" % number)])
    assert "precedence" not in backend.calls


async def test_many_writers_have_their_turn_and_leave_the_queue():
    space = MemorySpace()

    async def write(store, name):
        for number in range(10):
            await store.commit([put(b"%s %d" % (name, number))])

    async with shared_stores(space, 4) as stores:
        async with trio.open_nursery() as nursery:
            for number, store in enumerate(stores):
                nursery.start_soon(write, store, b"%d" % number)
        for store in stores:
            await store.refresh()
            assert store.count == 40
        await trio.testing.wait_all_tasks_blocked()
        assert space.queue.writers == []


async def test_a_writer_that_is_gone_delays_the_others_by_its_lease(autojump_clock):
    space = MemorySpace()
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as store,
        opened(MemoryBackend(space, shared=True)) as gone,
    ):
        assert (await gone.precedence(0)).ahead == 0
        start = trio.current_time()
        await store.commit([put(b"a")])
        assert trio.current_time() - start <= 2 * LEASE_S
        assert store.count == 1


async def test_a_store_that_closes_leaves_the_queue():
    """At once after its last commit, when it may have had more to commit."""
    space = MemorySpace()
    backend = Overtaken(MemoryBackend(space, shared=True))
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as other,
        trio.open_nursery() as backend.nursery,
    ):
        backend.other = other
        async with open_store(backend, SECRET) as store:
            await store.commit([put(b"ours")])
        assert backend.ceded == 1


class Questions:
    """Answers who asks for precedence with what it is told."""

    def __init__(self, *ahead):
        self.ahead = list(ahead)
        self.calls = []
        self.ceded = 0

    async def ask(self, again):
        await trio.lowlevel.checkpoint()
        self.calls.append(again)
        return self.ahead.pop(0) if self.ahead else 0

    async def cede(self):
        await trio.lowlevel.checkpoint()
        self.ceded += 1


@pytest.fixture
def questions():
    return Questions()


async def test_precedence_is_kept_for_some_commits_and_then_left_to_the_next(
    questions, autojump_clock
):
    precedence = Precedence(questions.ask, questions.cede)
    precedence.lost()
    questions.ahead = [2, 1, 0]
    for _ in range(3):
        await precedence.wait()
    assert questions.calls == [False] * 3
    await trio.sleep(0.01)
    await precedence.wait()
    assert questions.calls == [False] * 3 + [True]
    await precedence.end()
    await precedence.end()
    assert questions.ceded == 1


async def test_precedence_is_not_asked_for_long_after_the_last_race(questions, autojump_clock):
    precedence = Precedence(questions.ask, questions.cede)
    precedence.lost()
    await precedence.wait()
    await trio.sleep(2)
    for _ in range(3):
        await precedence.wait()
    assert len(questions.calls) == 1
    assert questions.ceded == 1


async def test_a_queue_that_moves_too_slowly_is_passed(questions, autojump_clock):
    async def ask(again):
        await trio.sleep(1)
        return 1

    start = trio.current_time()
    precedence = Precedence(ask, questions.cede)
    precedence.lost()
    await precedence.wait()
    assert trio.current_time() - start < 10


async def test_a_queue_that_does_not_move_is_passed(questions):
    precedence = Precedence(questions.ask, questions.cede)
    precedence.lost()
    questions.ahead = [1] * 5000
    await precedence.wait()
    assert 0 < len(questions.calls) < 5000


async def test_a_back_end_that_fails_when_precedence_is_ceded_fails_nobody(nursery):
    space = MemorySpace()
    backend = Overtaken(MemoryBackend(space, shared=True))

    async def fail():
        await trio.lowlevel.checkpoint()
        raise Unavailable("told to fail")

    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as other,
        open_store(backend, SECRET) as store,
    ):
        backend.cede = fail
        store._replica._precedence._cede = fail
        async with trio.open_nursery() as backend.nursery:
            backend.other = other
            await store.commit([put(b"ours")])
        backend.other = None
        assert await store.commit([put(b"more")]) > 2
