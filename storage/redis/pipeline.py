"""The thread that speaks with Redis: everything that is queued is sent at once.

Theory of operation: tasks leave jobs in a queue and wait. The thread takes all that are there,
sends their commands in one piece, reads the replies in the same order, and wakes the tasks: many
callers cost one round trip. A job may go on alone once its commands are answered (`finish`), as
commits do that wait for replicas.

A connection that is lost is opened again, after pauses that grow and vary so that many servers do
not come back at the same moment. A job that only reads is then sent again, until its time is over.
A job that writes is sent again only where the node has answered that it did nothing, as one does
whose slot is being moved; where nobody knows, its caller is told so (`Unavailable`), and finds out
from the log.
"""

import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import outcome
import trio
from redis.exceptions import AskError, MovedError, RedisError

from storage.errors import StorageError, Unavailable, Unsuitable
from storage.redis.failures import ELSEWHERE, translated
from storage.redis.link import Command, Link, Reply
from storage.redis.scripts import Call

R = TypeVar("R")

PATIENCE_S: Final = 8.0  # a restart, or a failover, after which clients would have given up
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0
_BATCH: Final = 256  # jobs sent at once
_UNREADABLE: Final = (RedisError, OSError, ValueError, TypeError, RecursionError)

Check = Callable[[Link], None]
"""Looks at a link before it is used; raises `Unsuitable`, or `Unavailable` to have it reopened."""


class _Waiting:
    """The current task, while it waits for what the thread will give it."""

    def __init__(self) -> None:
        self._task = [trio.lowlevel.current_task()]
        self._loop = trio.lowlevel.current_trio_token()

    async def result(self) -> Any:
        """What `deliver` was given: the value, or the error, which is raised."""

        def abort(_: Any) -> trio.lowlevel.Abort:
            self._task.clear()
            return trio.lowlevel.Abort.SUCCEEDED

        return await trio.lowlevel.wait_task_rescheduled(abort)

    def deliver(self, result: outcome.Outcome[Any]) -> None:
        """Give the task its result, from the thread; a task that was cancelled is left alone."""
        with suppress(trio.RunFinishedError):
            self._loop.run_sync_soon(self._deliver, result)

    def _deliver(self, result: outcome.Outcome[Any]) -> None:
        if self._task:
            trio.lowlevel.reschedule(self._task.pop(), result)


@dataclass(slots=True, eq=False)
class _Job:
    """What one caller wants.

    Attributes:
        commands: sent together.
        finish: makes the result of their replies, none of which is an error; may use the link.
        is_read: whether it may be done twice.
        waiting: the caller; None: nobody waits.
        end: when it is given up.
        is_raw: whether the caller gets errors among the replies, and nothing is done twice.
        replies: so far.
    """

    commands: Sequence[Command | Call]
    finish: Callable[[Link, list[Reply]], Any]
    is_read: bool
    waiting: _Waiting | None
    end: float
    is_raw: bool = False
    replies: list[Reply] = field(default_factory=list)


class Way(Protocol):
    """How a thread comes by its link."""

    def open(self) -> Link:
        """A link to where the thread's jobs belong."""
        ...

    def learn(self, error: object) -> None:
        """Remember where an error says that the store has gone."""
        ...

    def elsewhere(self, error: AskError) -> Link:
        """A link to the node that a slot is moving to."""
        ...


class Pipeline:
    """A thread and its link.

    Args:
        name: of the thread.
        route: to the primary.
        check: looks at a link before it is used.
        patience_s: how long a job waits for Redis to be there.
    """

    def __init__(self, name: str, route: Way, check: Check, patience_s: float = PATIENCE_S) -> None:
        self._route = route
        self._check = check
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._link: Link | None = None
        self._failures = 0
        self._patience_s = patience_s
        self._closing = threading.Event()
        # A daemon: a process that ends without closing ends as if killed, which commits survive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def call(
        self,
        commands: Sequence[Command | Call],
        finish: Callable[[Link, list[Reply]], R],
        *,
        is_read: bool = True,
        is_raw: bool = False,
    ) -> R:
        """What `finish` makes of the replies to some commands.

        Args:
            commands: sent together.
            finish: is called in the thread; may go on with the link.
            is_read: whether they may be sent twice.
            is_raw: whether `finish` gets errors among the replies, and nothing is sent twice.

        Raises:
            StorageError: they were not answered, or not as they should be.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closing.is_set():
            raise Unavailable("the store in Redis is closed")
        waiting = _Waiting()
        end = monotonic() + (0.0 if is_raw else self._patience_s)
        self._jobs.put(_Job(commands, finish, is_read and not is_raw, waiting, end, is_raw))
        result: R = await waiting.result()
        return result

    def post(self, commands: Sequence[Command | Call]) -> None:
        """Send commands for whose replies nobody waits; they may be lost."""
        if not self._closing.is_set():
            self._jobs.put(_Job(commands, lambda link, replies: None, False, None, 0.0, True))

    def retire(self) -> None:
        """Fail what still waits, and let the thread end by itself."""
        self._closing.set()
        self._jobs.put(None)

    async def stop(self) -> None:
        """Fail what still waits, and end the thread."""
        with trio.CancelScope(shield=True):
            self.retire()
            await trio.to_thread.run_sync(self._thread.join)

    def _run(self) -> None:
        while not self._closing.is_set():
            jobs = self._take()
            while jobs:
                jobs = self._attempt(jobs)
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is not None:
                _fail(job, Unavailable("the store in Redis is closed"))
        self._drop()

    def _take(self) -> list[_Job]:
        """All jobs that wait; waits for the first."""
        first = self._jobs.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < _BATCH:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                break
            jobs.append(job)
        return jobs

    def _attempt(self, jobs: list[_Job]) -> list[_Job]:
        """Do jobs; gives those that are to be attempted again."""
        try:
            link = self._opened()
        except (StorageError, *_UNREADABLE) as error:
            self._drop()
            found = translated(error)
            if isinstance(found, Unavailable) and not isinstance(found, Unsuitable):
                return self._later(jobs, found)
            for job in jobs:
                _fail(job, found)
            return []
        for job in jobs:
            job.replies = []
        try:
            self._send(link, jobs)
        except _UNREADABLE as error:
            self._drop()
            return self._after_loss(jobs, translated(error))
        return self._finish(link, jobs)

    def _opened(self) -> Link:
        if self._link is not None and self._link.is_lost:
            self._drop()  # a commit sent over it would be in doubt
        if self._link is None:
            self._link = self._route.open()
        self._check(self._link)
        return self._link

    def _send(self, link: Link, jobs: Sequence[_Job]) -> None:
        replies = iter(link.exchange([command for job in jobs for command in job.commands]))
        for job in jobs:
            job.replies = [next(replies) for _ in job.commands]
        self._failures = 0

    def _finish(self, link: Link, jobs: Sequence[_Job]) -> list[_Job]:
        """Wake the callers whose jobs are done; gives those whose node has sent them elsewhere."""
        again: list[_Job] = []
        error: Exception | None = None
        for job in jobs:
            sent = next((one for one in job.replies if isinstance(one, ELSEWHERE)), None)
            if sent is None or job.is_raw:
                self._conclude(link, job)
            elif isinstance(sent, AskError) and not isinstance(sent, MovedError):
                if not self._ask(sent, job):
                    again.append(job)
                    error = sent
            else:
                self._route.learn(sent)
                again.append(job)
                error = sent
        if error is None:
            return []
        self._drop()
        return self._later(again, translated(error))

    def _conclude(self, link: Link, job: _Job) -> None:
        wrong = next((one for one in job.replies if isinstance(one, Exception)), None)
        if wrong is not None and not job.is_raw:
            _fail(job, translated(wrong))
            return
        try:
            result = job.finish(link, job.replies)
            if job.waiting is not None:
                job.waiting.deliver(outcome.Value(result))
        except StorageError as error:
            _fail(job, error)
        except _UNREADABLE as error:
            self._drop()
            _fail(job, translated(error))

    def _ask(self, sent: AskError, job: _Job) -> bool:
        """Do a job at the node that the slot is moving to; False: it has done nothing either."""
        try:
            link = self._route.elsewhere(sent)
        except _UNREADABLE as error:
            _fail(job, translated(error))
            return True
        try:
            job.replies = link.exchange(job.commands, asking=True)
            if any(isinstance(one, ELSEWHERE) for one in job.replies):
                return False
            self._conclude(link, job)
        except _UNREADABLE as error:
            _fail(job, translated(error))
        finally:
            link.close()
        return True

    def _after_loss(self, jobs: Sequence[_Job], error: StorageError) -> list[_Job]:
        """What becomes of jobs that were sent, and whose replies were lost."""
        for job in jobs:
            if not job.is_read:
                _fail(job, error)
        return self._later([job for job in jobs if job.is_read], error)

    def _later(self, jobs: Sequence[_Job], error: StorageError) -> list[_Job]:
        """Pause; gives the jobs that have time left, and fails the others."""
        self._failures += 1
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._failures, 10))
        self._closing.wait(longest * (1 + secrets.randbelow(1000) / 1000) / 2)
        now = monotonic()
        left: list[_Job] = []
        for job in jobs:
            if now < job.end and not self._closing.is_set():
                left.append(job)
            else:
                _fail(job, error)
        return left

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()


def _fail(job: _Job, error: StorageError) -> None:
    if job.waiting is not None:
        job.waiting.deliver(outcome.Error(error))
