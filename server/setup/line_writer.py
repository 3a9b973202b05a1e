"""Writes lines in a thread of its own, so that whoever reads them slowly stops nobody.

Theory: a pipe that nobody reads, or a network file system that hangs, keeps a write waiting
without end, and an event loop that waits answers nobody. So lines are queued, and one thread writes
them. The queue is bounded in bytes; a line that does not fit is dropped, and the next line that is
kept is preceded by one that tells how many were. At the end of the process what is queued is waited
for, but not for long.

A process that is killed loses the lines that were queued.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

QUEUE_BYTES: Final = 4 << 20
"""Lines that wait to be written: some twenty thousand, seconds of a busy server."""
CHUNK_BYTES: Final = 1 << 16
"""Written at once, unless one line is longer."""


class _Dropped:
    """Counts the lines that were dropped in this process."""

    lock: Final = threading.Lock()
    count = 0

    @classmethod
    def add(cls, lines: int) -> None:
        if lines:
            with cls.lock:
                cls.count += lines


def dropped_lines() -> int:
    """How many lines nobody took, of log and audit, since the process started."""
    return _Dropped.count


class LineWriter:
    """A queue of lines and the thread that writes them; serves where a text stream is wanted.

    Args:
        write: writes bytes, whole lines, in the thread; may raise OSError.
        dropped: gives the line, without its end, that tells of so many dropped lines.
        failed: callback(error) in the thread, when `write` has raised.
        limit: bytes that may be queued, with those that are being written.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        dropped: Callable[[int], str],
        failed: Callable[[OSError], None] = lambda error: None,
        limit: int = QUEUE_BYTES,
    ) -> None:
        self._write = write
        self._dropped_line = dropped
        self._failed = failed
        self._limit = limit
        self._queue: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()
        # A daemon: a write that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Queue whole lines, ended by newlines, or drop them; never waits for the writing."""
        data = text.encode("utf-8", "backslashreplace")
        lines = data.count(b"\n")
        with self._changed:
            if self._bytes + len(data) > self._limit:
                self._dropped += lines
                _Dropped.add(lines)
                return len(text)
            if self._dropped:
                self._tell_dropped()
            self._append(data, lines)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the thread writes at once what is queued."""

    def wait(self, seconds: float) -> bool:
        """Wait until everything queued is written, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._bytes, seconds)

    def close(self, seconds: float) -> bool:
        """End the thread once all is written, waiting for it at most so long; whether it is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _append(self, data: bytes, lines: int) -> None:
        self._queue.append((data, lines))
        self._bytes += len(data)
        self._changed.notify_all()

    def _tell_dropped(self) -> None:
        count, self._dropped = self._dropped, 0
        self._append((self._dropped_line(count) + "\n").encode(), 0)

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            data, lines = taken
            try:
                self._write(data)
            except OSError as error:
                self._failed(error)
            else:
                lines = 0
            _Dropped.add(lines)
            with self._changed:
                self._bytes -= len(data)
                self._dropped += lines
                self._changed.notify_all()

    def _take(self) -> tuple[bytes, int] | None:
        """The next chunk and how many lines it has; None: closed, and all is written."""
        with self._changed:
            while not self._queue:
                if self._closed:
                    return None
                self._changed.wait()
            data, lines = self._queue.popleft()
            chunk = [data]
            size = len(data)
            while self._queue and size + len(self._queue[0][0]) <= CHUNK_BYTES:
                data, more = self._queue.popleft()
                chunk.append(data)
                size += len(data)
                lines += more
            if not self._queue and self._dropped:
                self._tell_dropped()
            return b"".join(chunk), lines


def write_all(descriptor: int, data: bytes) -> None:
    """Write to a descriptor, also to one that does not wait; waits until it has taken all.

    Raises:
        OSError: it takes no more.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            ready = select.poll()
            ready.register(descriptor, select.POLLOUT)
            ready.poll()
