import gc
import threading
import weakref

import pytest
import trio

from storage.worker_thread import Thread


async def test_jobs_run_in_one_other_thread_in_order():
    done = []
    thread = await Thread.start("worker", list)
    async with trio.open_nursery() as nursery:
        for n in range(50):
            nursery.start_soon(thread.call, lambda thing, n=n: (thing.append(n), done.append(n)))
    assert sorted(done) == list(range(50))
    assert await thread.call(lambda thing: thing) == done
    names = {await thread.call(lambda _: threading.current_thread().name) for _ in range(3)}
    assert names == {"worker"}
    await thread.stop(lambda _: None)


async def test_errors_come_back():
    def fail(_):
        raise KeyError("x")

    thread = await Thread.start("worker", lambda: None)
    with pytest.raises(KeyError):
        await thread.call(fail)
    await thread.stop(lambda _: None)
    with pytest.raises(KeyError):
        await Thread.start("worker", lambda: fail(None))


async def test_a_job_whose_caller_is_cancelled_is_done_and_forgotten():
    thread = await Thread.start("worker", list)
    hold = threading.Event()
    with trio.move_on_after(0.01) as scope:
        await thread.call(lambda thing: (hold.wait(), thing.append("first")))
    assert scope.cancelled_caught
    with trio.CancelScope() as scope:
        scope.cancel()
        await thread.call(lambda thing: thing.append("never begun"))
    hold.set()
    assert await thread.call(lambda thing: thing) == ["first"]
    await thread.stop(lambda _: None)


class Material:
    """Something that a job works on or gives."""


def failing(material):
    raise ValueError(material)


@pytest.mark.parametrize("job", [lambda material: None, lambda material: material, failing])
async def test_the_thread_keeps_nothing_of_a_job_that_it_has_done(job):
    thread = await Thread.start("worker", lambda: None)
    material = Material()
    kept = weakref.ref(material)
    try:
        await thread.call(lambda _, material=material: job(material))
    except ValueError as error:
        error.__traceback__ = None
    del material
    await trio.lowlevel.checkpoint()  # the loop itself refers to a result until it goes on
    gc.collect()
    assert kept() is None
    await thread.stop(lambda _: None)
