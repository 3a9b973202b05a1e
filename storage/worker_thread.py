"""One thread that owns one thing, and does jobs with it for a trio loop.

Cheaper than `trio.to_thread` and, unlike it, always the same thread: the thing need not be made
for several.

The thread keeps nothing of a job that it has done, neither what it worked on nor what came of it:
it may wait for the next one for hours, and an error carries the variables of all functions that it
has passed through.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread as SystemThread
from typing import Any, Generic, TypeVar

import outcome
import trio

T = TypeVar("T")
R = TypeVar("R")


class Thread(Generic[T]):
    """A thread with its thing; made by `start`."""

    def __init__(self, name: str, make: Callable[[], T]) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = trio.lowlevel.current_trio_token()
        self._make = make
        # A daemon: a process that ends without closing ends as if killed, which commits survive.
        self._thread = SystemThread(target=self._run, name=name, daemon=True)

    @classmethod
    async def start(cls, name: str, make: Callable[[], T]) -> "Thread[T]":
        """The thread, once `make` has made its thing there; raises what that raises."""
        thread = cls(name, make)
        thread._thread.start()
        try:
            await thread.call(lambda _: None)
        except BaseException:
            thread._jobs.put(None)
            raise
        return thread

    async def call(self, job: Callable[[T], R]) -> R:
        """What a job gives or raises. One whose caller is cancelled is done, and forgotten."""
        waiting = [trio.lowlevel.current_task()]

        def abort(_: Any) -> trio.lowlevel.Abort:
            waiting.clear()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.checkpoint_if_cancelled()
        self._jobs.put(_Job(job, waiting))
        result: R = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    async def stop(self, last: Callable[[T], object]) -> None:
        """Do a last job, and end the thread."""
        with trio.CancelScope(shield=True):
            await self.call(last)
            self._jobs.put(None)
            await trio.to_thread.run_sync(self._thread.join)

    def _run(self) -> None:
        made = outcome.capture(self._make)
        while (job := self._jobs.get()) is not None:
            job.do(made)
            try:
                self._loop.run_sync_soon(job.deliver)
            except trio.RunFinishedError:
                return
            del job


class _Job:
    """A job, and then its result, each of which is taken out once.

    The thread still refers to it for a moment when the caller goes on; nothing is left in it then.
    """

    __slots__ = ("_job", "_result", "_waiting")

    def __init__(self, job: Callable[[Any], Any], waiting: list[trio.lowlevel.Task]) -> None:
        self._job = [job]
        self._result: list[outcome.Outcome[Any]] = []
        self._waiting = waiting

    def do(self, made: outcome.Outcome[Any]) -> None:
        """Do it with the thing, in the thread; where that could not be made, that is the result."""
        job = self._job.pop()
        result = outcome.capture(job, made.value) if isinstance(made, outcome.Value) else made
        self._result.append(result)

    def deliver(self) -> None:
        """Hand the result to the caller, in the loop."""
        result = self._result.pop()
        if self._waiting:
            trio.lowlevel.reschedule(self._waiting.pop(), result)
