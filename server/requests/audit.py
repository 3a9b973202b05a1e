"""The audit log: one line for each batch item, saying who did what to which object and how it went.

Lines are JSON objects with the same keys always; they never contain an attribute, a key or data.
Identifiers they do contain, since without them a line says nothing.

They do not go through `logging`, which would take as long as all the rest of a small request. Like
the log itself, an audit log that cannot be written does not keep the server from answering; that it
cannot is in the log. They are written by a thread (`server.setup.line_writer`), in their order and
some moments later: a process that is killed loses those that were not written yet, and so may say
less than was done, never more.

Texts that a client chose are cut, so that a line has a bounded length.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Final, Protocol, TextIO

from kmip.enums import Operation, ResultReason, ResultStatus
from server.access.client import Client
from server.setup import files, logs
from server.setup.failure import Failure
from server.setup.line_writer import LineWriter, write_all

log: Final = logging.getLogger(__name__)


def line(
    now: float,
    client: Client,
    operation: Operation | int | str,
    identifier: str | None,
    status: ResultStatus,
    reason: ResultReason | None,
    request: int | None = None,
) -> str:
    """The line of one batch item.

    Args:
        now: seconds since 1970.
        client: who asked.
        operation: what was asked; a number where no version has it, a text where KMIP has none.
        identifier: the object made or used, where it is known.
        status: how it went.
        reason: why it failed.
        request: the number of the message, by which the log's lines are joined with it.
    """
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    if isinstance(operation, Operation):
        named = operation.title
    else:
        named = operation if isinstance(operation, str) else hex(operation)
    return (
        f'{{"time": "{when}", "request": {"null" if request is None else request}, '
        f'"client": {quoted(logs.cut(client.name))}, "how": "{client.how}", '
        f'"shown_by": {_quoted_or_null(client.shown_by)}, '
        f'"operation": "{named}", "object": {_quoted_or_null(identifier)}, '
        f'"status": "{status.title}", '
        f'"reason": {_quoted_or_null(reason.title if reason is not None else None)}}}'
    )


def event(
    now: float, who: str, how: str, what: str, *, shown_by: str | None = None, reason: str = ""
) -> str:
    """The line of something that no request asked for; its keys are the same.

    Args:
        now: seconds since 1970.
        who: had it happen.
        how: by what they are known.
        what: happened, in words as an operation's name.
        shown_by: where they connect from.
        reason: why it failed; empty: it did not.
    """
    when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    status = ResultStatus.OPERATION_FAILED if reason else ResultStatus.SUCCESS
    return (
        f'{{"time": "{when}", "request": null, "client": {quoted(logs.cut(who))}, '
        f'"how": {quoted(how)}, "shown_by": {_quoted_or_null(shown_by)}, '
        f'"operation": {quoted(what)}, "object": null, "status": "{status.title}", '
        f'"reason": {_quoted_or_null(reason or None)}}}'
    )


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else quoted(logs.cut(text, MAX_IDENTIFIER))


MAX_IDENTIFIER: Final = 128
"""Characters of an identifier that are kept: the server's have 36."""


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
    # A pipe that nobody reads is refused, and not waited for.
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    return os.open(path, how, files.PRIVATE)


class Queued:
    """A file that a thread writes, so that one which hangs stops nobody.

    Args:
        file: is written.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._lines = LineWriter(file.write_bytes, _dropped, _failed)

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


def _failed(error: OSError) -> None:
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


class _Kept:
    trail: Trail = Nowhere()


def send_to(trail: Trail) -> None:
    """Write audit lines there from now on; what they went to before is closed."""
    before, _Kept.trail = _Kept.trail, trail
    before.close()


def write(lines: Iterable[str]) -> None:
    """Write the lines of one message."""
    try:
        _Kept.trail.write(lines)
    except OSError as error:
        _failed(error)


def look_now() -> None:
    """See before the next line whether the audit file was moved away."""
    if isinstance(_Kept.trail, Queued):
        _Kept.trail.look_now()
