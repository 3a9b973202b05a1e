import pytest
import trio
import trio.testing

from storage import KEEP, Conflict, Put, Remove, Terms, Unavailable
from storage.group_commit import MAX_BATCH, MAX_BATCH_BYTES, Committer, Work, size


class BatchRecorder:
    """Takes batches, and answers as it is told, once its gate is open."""

    waits_for_refused = False

    async def rest(self):
        await trio.lowlevel.checkpoint()

    def __init__(self):
        self.batches = []
        self.error = None
        self.gate = trio.Event()
        self.gate.set()

    async def make(self, works):
        self.batches.append(list(works))
        await trio.lowlevel.checkpoint()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        for work in works:
            work.succeed(len(self.batches))


def work(size=10):
    return Work(lambda _: iter(()), size)


@pytest.fixture
async def committer(nursery):
    committer = Committer(BatchRecorder())
    nursery.start_soon(committer.run)
    return committer


async def submit_all(committer, works):
    async with trio.open_nursery() as nursery:
        for one in works:
            nursery.start_soon(committer.submit, one)


async def test_batches_are_bounded_by_number_and_bytes(committer):
    await submit_all(committer, [work() for _ in range(MAX_BATCH + 5)])
    assert max(map(len, committer._commits.batches)) == MAX_BATCH
    committer._commits.batches.clear()
    await submit_all(committer, [work(MAX_BATCH_BYTES // 2) for _ in range(6)])
    assert max(map(len, committer._commits.batches)) == 2
    await committer.submit(work(10 * MAX_BATCH_BYTES))


async def test_an_error_reaches_every_caller_and_the_committer_goes_on(committer):
    for error in (Unavailable("x"), Conflict(b"n"), ZeroDivisionError()):
        committer._commits.error = error
        with pytest.RaisesGroup(type(error), type(error)):
            await submit_all(committer, [work(), work()])
    committer._commits.error = None
    await committer.submit(work())


async def test_settled_waits_for_what_is_under_way(committer):
    await committer.settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.submit, work())
        while not committer._commits.batches:
            await trio.lowlevel.checkpoint()
        one = committer._commits.batches[0][0]
        await committer.settled()
        assert one.done.is_set()


async def reached(condition):
    while not condition():
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("over, batches", [(0, [1, 2]), (1, [1, 1, 1])])
async def test_as_many_bytes_as_are_allowed_are_one_commit(committer, nursery, over, batches):
    """They wait together, behind a commit that is under way."""
    recorder = committer._commits
    recorder.gate = trio.Event()
    nursery.start_soon(committer.submit, work())
    await reached(lambda: recorder.batches)
    for number in (MAX_BATCH_BYTES // 2, MAX_BATCH_BYTES // 2 + over):
        nursery.start_soon(committer.submit, work(number))
    await reached(lambda: len(committer._queue) == 2)
    recorder.gate.set()
    await reached(lambda: recorder.batches and sum(map(len, recorder.batches)) == 3)
    assert [len(batch) for batch in recorder.batches] == batches


async def submit_until(committer, one, scope):
    with scope:
        await committer.submit(one)


async def test_a_caller_that_leaves_while_waiting_takes_the_work_back(committer, nursery):
    recorder = committer._commits
    recorder.gate = trio.Event()
    first, second = work(), work()
    nursery.start_soon(committer.submit, first)
    await reached(lambda: recorder.batches)
    scope = trio.CancelScope()
    nursery.start_soon(submit_until, committer, second, scope)
    await reached(lambda: committer._queue)
    scope.cancel()
    await reached(lambda: not committer._queue)
    recorder.gate.set()
    await committer.submit(work())
    assert scope.cancelled_caught
    assert all(second not in batch for batch in recorder.batches)
    assert not second.done.is_set()


async def test_a_caller_that_leaves_a_commit_under_way_leaves_it_to_be_made(committer, nursery):
    recorder = committer._commits
    recorder.gate = trio.Event()
    one, scope = work(), trio.CancelScope()
    nursery.start_soon(submit_until, committer, one, scope)
    await reached(lambda: recorder.batches)
    scope.cancel()
    await reached(lambda: scope.cancelled_caught)
    recorder.gate.set()
    await committer.settled()
    assert one.result() == 1


async def test_a_commit_that_has_begun_is_finished_when_the_store_closes(nursery):
    """What waits behind it, and what comes later, is told that it was not made."""
    committer = Committer(BatchRecorder())
    recorder = committer._commits
    recorder.gate = trio.Event()
    running = trio.CancelScope()
    ended = trio.Event()

    async def run():
        with running:
            await committer.run()
        ended.set()

    nursery.start_soon(run)
    begun, waiting = work(), work()
    answers = {}

    async def submit(one):
        try:
            answers[one] = await committer.submit(one)
        except Unavailable as error:
            answers[one] = str(error)

    nursery.start_soon(submit, begun)
    await reached(lambda: recorder.batches)
    nursery.start_soon(submit, waiting)
    await reached(lambda: committer._queue)
    running.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert not ended.is_set()
    recorder.gate.set()
    await ended.wait()
    await reached(lambda: len(answers) == 2)
    assert answers == {begun: 1, waiting: "the store is closing"}
    with pytest.raises(Unavailable, match="the store is closed"):
        await committer.submit(work())
    await committer.settled()
    assert recorder.batches == [[begun]]


async def test_settled_does_not_end_while_a_commit_is_under_way(committer, nursery):
    recorder = committer._commits
    recorder.gate = trio.Event()
    settled = trio.Event()

    async def settle():
        await committer.settled()
        settled.set()

    nursery.start_soon(committer.submit, work())
    await reached(lambda: recorder.batches)
    nursery.start_soon(settle)
    await trio.testing.wait_all_tasks_blocked()
    assert not settled.is_set()
    recorder.gate.set()
    await settled.wait()


@pytest.mark.parametrize(
    "change, more",
    [
        (Put(b"name", 0, b"meta2", b"body33", Terms(frozenset({b"one", b"four"}))), 5 + 6 + 7),
        (Put(b"name", 1, b"meta2", KEEP, Terms()), 5),
        (Put(b"name", 1, b"meta2", None, Terms()), 5),
        (Put(b"name", 1, b"", b"", Terms()), 0),
    ],
)
def test_a_change_counts_with_all_its_bytes(change, more):
    """Beside what any change costs, be it a removal."""
    assert size(change) == size(Remove(b"name", 1)) + more
