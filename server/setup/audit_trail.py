"""Where audit lines go: nowhere, to a stream, or to a file by a thread of its own."""

from __future__ import annotations

import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TextIO

from server.setup import files
from server.setup.audit_chain import ChainedLines
from server.setup.failure import Failure
from server.setup.line_writer import LineWriter, write_all

log: Final = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether a file was moved away: looking takes as long as writing."""


class Trail(Protocol):
    """Where audit lines go."""

    def write(self, lines: Iterable[str]) -> None:
        """Write the lines of one message; raises OSError."""

    def close(self) -> None:
        """Write no more."""


class Nowhere:
    """Keeps no audit log; the lines are not even made."""

    def write(self, lines: Iterable[str]) -> None:
        """See `Trail`."""

    def close(self) -> None:
        """See `Trail`."""


class Stream:
    """Writes to a stream that belongs to somebody else."""

    def __init__(self, stream: TextIO | LineWriter) -> None:
        self._stream = stream

    def write(self, lines: Iterable[str]) -> None:
        """See `Trail`."""
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """See `Trail`."""


class File:
    """Appends to a file that only its owner reads; goes on with a new one after rotation.

    Args:
        path: of the file.
        clock: gives seconds.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._look_at = clock() + LOOK_SECONDS
        self._descriptor = _appending(path)
        self._place = _place(os.fstat(self._descriptor))

    def write(self, lines: Iterable[str]) -> None:
        """See `Trail`."""
        self.write_bytes(("\n".join(lines) + "\n").encode())

    def write_bytes(self, data: bytes) -> None:
        """Write whole lines; raises OSError."""
        if self._clock() >= self._look_at:
            self._look()
        write_all(self._descriptor, data)

    def look_now(self) -> None:
        """See before the next line whether the file was moved away."""
        self._look_at = self._clock()

    def _look(self) -> None:
        """Go on with a new file where this one has been moved away."""
        try:
            is_there = _place(Path(self._path).stat()) == self._place
        except FileNotFoundError:
            is_there = False
        if not is_there:
            descriptor = _appending(self._path)
            self.close()
            self._descriptor = descriptor
            self._place = _place(os.fstat(descriptor))
        self._look_at = self._clock() + LOOK_SECONDS

    def close(self) -> None:
        """See `Trail`."""
        os.close(self._descriptor)


def _appending(path: str) -> int:
    """A descriptor that appends whole lines: what a kill has cut off is ended first."""
    # A pipe that nobody reads is refused, and not waited for.
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, how, files.PRIVATE)
    try:
        if _is_cut(path, descriptor):
            write_all(descriptor, b"\n")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_cut(path: str, descriptor: int) -> bool:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return False
    with Path(path).open("rb", buffering=0) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


class Queued:
    """A file that a thread writes, so that one which hangs stops nobody.

    Args:
        file: is written.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._write = file.write_bytes
        self._lines = LineWriter(self._write_bytes, _dropped, failed)

    def _write_bytes(self, data: bytes) -> None:
        self._write(data)

    def chain(self, secret: bytes, *, is_sealed: bool) -> ChainedLines:
        """Have each line chained that is written from now on.

        Args:
            secret: the store's audit secret, 32 bytes.
            is_sealed: whether lines are encrypted as well.
        """
        chained = ChainedLines(secret, self._file.write_bytes, is_sealed=is_sealed)
        self._write = chained.write
        return chained

    def wait(self, seconds: float) -> bool:
        """Wait until every line is written, at most so long; whether they are."""
        return self._lines.wait(seconds)

    def write(self, lines: Iterable[str]) -> None:
        """See `Trail`."""
        self._lines.write("\n".join(lines) + "\n")

    def look_now(self) -> None:
        """See before the next line whether the file was moved away."""
        self._file.look_now()

    def close(self) -> None:
        """See `Trail`; what is queued is waited for a moment."""
        if self._lines.close(CLOSE_SECONDS):
            self._file.close()


CLOSE_SECONDS: Final = 0.5
"""At the end, what is queued is waited for so long."""


def _dropped(count: int) -> str:
    when = datetime.now(UTC).isoformat(timespec="milliseconds")
    return (
        f'{{"time": "{when}", "request": null, "client": null, "how": null, "operation": null, '
        f'"object": null, "status": "Dropped", "reason": "{count} lines were not written"}}'
    )


def failed(error: OSError) -> None:
    """Tell that audit lines cannot be written."""
    log.error("the audit log cannot be written: %s", error.strerror)


def _place(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def trail(place: str, stream: TextIO | LineWriter | None = None) -> Trail:
    """Where the setting `audit` sends lines.

    Args:
        place: `none`, `stderr`, or the path of a file.
        stream: written to in place of standard error.

    Raises:
        Failure: the file cannot be opened.
    """
    if place == "none":
        return Nowhere()
    if place == "stderr":
        return Stream(stream or sys.stderr)
    try:
        return Queued(File(place))
    except OSError as error:
        raise Failure(f"The audit file {place} cannot be written: {error.strerror}.") from None
