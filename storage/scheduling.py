"""How the store's work is spread over threads and time, which a simulation decides by itself.

Theory of operation: what the store does, it does on the loop of the trio run it was opened in, with
two exceptions. What takes long without others being let in between, such as the stretching of a
password, is done in a thread; and servers pause for random times, so as not to go in step.
Either would make two runs differ. So they are asked for here, and whoever starts a run can have
them done otherwise in that run alone: in the loop, and by a seeded generator. The clock is trio's,
which is handed to `trio.run`.

Keys and nonces are not among what can be handed in. They come from the system, always; nothing that
the store does depends on their values.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import trio

T = TypeVar("T")


class Scheduling(Protocol):
    """Decides where long work is done, and how long a pause is."""

    async def in_thread(self, job: Callable[..., T], *args: Any) -> T:
        """Do a job that would hold up the loop; gives its result, or raises its error."""
        ...

    def pause_s(self, limit_ms: int) -> float:
        """A pause in seconds, less than so many milliseconds (1 or more)."""
        ...


class _Threads:
    """Threads, and the system's randomness."""

    async def in_thread(self, job: Callable[..., T], *args: Any) -> T:
        return await trio.to_thread.run_sync(job, *args)

    def pause_s(self, limit_ms: int) -> float:
        return secrets.randbelow(limit_ms) / 1000


SCHEDULING: Final[trio.lowlevel.RunVar[Scheduling]] = trio.lowlevel.RunVar(
    "storage.scheduling", _Threads()
)
"""That of the present trio run."""


async def in_thread(job: Callable[..., T], *args: Any) -> T:
    """See `Scheduling.in_thread`."""
    return await SCHEDULING.get().in_thread(job, *args)


def pause_s(limit_ms: int) -> float:
    """See `Scheduling.pause_s`."""
    return SCHEDULING.get().pause_s(limit_ms)
