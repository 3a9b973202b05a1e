"""What a running server does on signals.

SIGTERM, SIGINT and SIGQUIT stop it gracefully, a second one at once. SIGHUP has it read again what
an operator renews. SIGUSR1 and SIGUSR2 mean nothing, and do not end it.

A stop has a deadline. What is still under way then (a call in a thread that cannot be interrupted,
a disk that does not answer) ends with the process, as if it were killed: what was acknowledged is
durable, and nothing else was promised.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import trio

log: Final = logging.getLogger(__name__)

STOPPING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
MEANINGLESS: Final = (signal.SIGUSR1, signal.SIGUSR2)
CLOSING_SECONDS: Final = 1.0
"""After `stop_seconds`, for the store to be closed: with the default, 9 s of the 10 after which
container engines kill."""
TELLING_SECONDS: Final = 0.2
"""At the deadline, for the log's last line."""


@contextmanager
def handled(
    stop: trio.Event,
    hangup: Callable[[], None],
    seconds: float,
    end: Callable[[int], object] = os._exit,
) -> Iterator[None]:
    """Handle signals for the length of the block, within trio in the main thread.

    They are heard also while the event loop is held by what it does.

    Args:
        stop: is set on the first signal that stops.
        hangup: is called on SIGHUP, in the event loop.
        seconds: from the first signal that stops to the end of the process, if the block has not
            ended by then.
        end: ends the process with a status.
    """
    token = trio.lowlevel.current_trio_token()
    deadline = threading.Timer(seconds, _end, (seconds, end))
    deadline.daemon = True
    heard: list[int] = []

    def stopped(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            end(128 + number)
            return
        deadline.start()
        token.run_sync_soon(_stop, stop, number)

    def hung_up(number: int, frame: FrameType | None) -> None:
        token.run_sync_soon(hangup, idempotent=True)

    def ignored(number: int, frame: FrameType | None) -> None:
        token.run_sync_soon(log.info, "%s means nothing here", signal.Signals(number).name)

    wanted = dict.fromkeys(STOPPING, stopped) | {signal.SIGHUP: hung_up}
    wanted |= dict.fromkeys(MEANINGLESS, ignored)
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        deadline.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(stop: trio.Event, number: int) -> None:
    log.info("stopping on %s", signal.Signals(number).name)
    stop.set()


def _end(seconds: float, end: Callable[[int], object]) -> None:
    log.error("not stopped %g s after it was told to; the process ends at once", seconds)
    threading.Event().wait(TELLING_SECONDS)
    end(1)
