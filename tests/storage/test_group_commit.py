import pytest
import trio

from storage import Conflict, Unavailable
from storage.group_commit import MAX_BATCH, MAX_BATCH_BYTES, Committer, Work


class BatchRecorder:
    """Takes batches, and answers as it is told."""

    def __init__(self):
        self.batches = []
        self.error = None

    async def make(self, works):
        self.batches.append(list(works))
        await trio.lowlevel.checkpoint()
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
