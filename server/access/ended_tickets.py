"""Clients whose tickets an operator has ended: `strongroom tickets end CLIENT`.

Tickets are kept in the store, which a running server may hold for itself. So the command writes
into `DIR/tickets.json`, for a client, the time up to which its tickets are over, and the server
looks at that file whenever a ticket is shown; one that is over is then removed from the store, for
all servers on it. An entry is dropped once no ticket can be as old.

A file that cannot be read ends every ticket: whom it names cannot be told.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path
from typing import Final

from server.sessions.issued import MAX_LEASE_SECONDS
from server.setup import files
from server.setup.failure import Failure

MAX_FILE_BYTES: Final = 16 << 20
"""Of the file, some 100 000 names: it is read while others wait."""

NOBODY: Final = "Say whose tickets are to end, as the audit log calls the client."

log: Final = logging.getLogger(__name__)


def end(path: Path, client: str, now: float) -> None:
    """End the tickets that a client has been given up to now.

    Args:
        path: the file; made if absent.
        client: as the audit log calls it.
        now: seconds since 1970.

    Raises:
        Failure: the file cannot be read or written, or no client has such a name.
    """
    if not client:
        raise Failure(NOBODY)
    files.make_directory(path.parent)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, files.PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        ended = read(path)
        recent = {name: at for name, at in ended.items() if at + MAX_LEASE_SECONDS >= now}
        content = json.dumps(recent | {client: int(now)}, indent=1, sort_keys=True)
        files.replace(path, content.encode() + b"\n")
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, int]:
    """Clients, and up to when their tickets are over; empty where there is no file.

    Raises:
        Failure: the file cannot be read or is damaged.
    """
    if not files.is_there(path):
        return {}
    content = files.read(path, "The file of ended tickets", MAX_FILE_BYTES)
    try:
        return {str(name): int(at) for name, at in dict(json.loads(content)).items()}
    except (ValueError, TypeError, RecursionError):
        raise Failure(f"The file of ended tickets {path} is damaged.") from None


class EndedTickets:
    """What the server knows of them from the file.

    Args:
        path: the file, which may be absent, appear and change; None: there is none, as where the
            disk is the host's and decides nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._ended: dict[str, int] | None = {}

    def covers(self, client: str, since: int) -> bool:
        """Whether a ticket that the client was given at `since`, seconds since 1970, is over."""
        stamp = files.stamp(self._path) if self._path is not None else None
        if self._path is not None and stamp != self._stamp:
            self._stamp, self._ended = stamp, _read(self._path)
        return self._ended is None or self._ended.get(client, -1) >= since


def _read(path: Path) -> dict[str, int] | None:
    try:
        return read(path)
    except (Failure, OSError) as error:
        log.error("%s no ticket is taken", error)  # noqa: TRY400 - the operator's to mend
        return None
