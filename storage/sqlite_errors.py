"""What SQLite's errors mean, in an operator's words.

Two kinds matter to whoever stores: the file is not what SQLite wrote (`Damaged`), or it cannot be
read or written now (`Unavailable`, and `StorageFull` where there is no room). SQLite does not hand
on the system's error number: a write that a quota, a file size limit or a broken disk refuses is
one "disk I/O error" to it. So the file system is asked whether it is full or read-only.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from storage.errors import Damaged, StorageFull, Unavailable

_DAMAGED: Final = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,  # a table or column that should be there is not
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_FORMAT,
}
_PROBLEMS: Final = {
    sqlite3.SQLITE_BUSY: "another program holds a lock on it",
    sqlite3.SQLITE_LOCKED: "another program holds a lock on it",
    sqlite3.SQLITE_CANTOPEN: "it, or its -wal beside it, cannot be opened or made",
    sqlite3.SQLITE_READONLY: "it may be read only",
    sqlite3.SQLITE_PERM: "this user may not access it",
    sqlite3.SQLITE_AUTH: "this user may not access it",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_IOERR: "the disk gives an input/output error",
}
_REFUSED_WRITES: Final = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
_LEAST_ROOM: Final = 64 << 10  # bytes: less than one commit may need


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Have SQLite's errors about the file at `path` leave the block as the store's own.

    Raises:
        Damaged: the file is not what SQLite wrote.
        StorageFull: there is no room.
        Unavailable: it cannot be read or written now.
    """
    try:
        yield
    except UnicodeDecodeError:  # a damaged schema, quoted in SQLite's own message
        raise Damaged from None
    except MemoryError:
        raise Unavailable("there is not enough memory to read the store's file") from None
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF in _DAMAGED:
            raise Damaged from None
        raise unavailable(code, error.sqlite_errorname, path) from None


def unavailable(code: int, name: str, path: Path) -> Unavailable:
    """What keeps the file at `path` from being used.

    Args:
        code: SQLite's extended result code.
        name: of that code, for those who look it up.
        path: of the file.
    """
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return StorageFull(f"the disk of the store's file is full ({name})")
    if code in _REFUSED_WRITES or code & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        problem = _of_file_system(path)
        if problem is not None:
            return problem
    if code in _REFUSED_WRITES:
        return Unavailable(
            f"the store's file cannot be written: a disk error, a quota or a limit of file sizes"
            f" ({name})"
        )
    problem_of_file = _PROBLEMS.get(code & 0xFF, "it does not answer")
    return Unavailable(f"the store's file cannot be used: {problem_of_file} ({name})")


def _of_file_system(path: Path) -> Unavailable | None:
    """What is wrong with the file system itself, if that can be seen."""
    try:
        state = os.statvfs(path)
    except OSError:
        return None
    if state.f_flag & os.ST_RDONLY:
        return Unavailable("the file system of the store's file is read-only")
    # Some file systems count no inodes; they say that they have none at all.
    if state.f_bavail * state.f_frsize < _LEAST_ROOM or (state.f_files and not state.f_favail):
        return StorageFull("the disk of the store's file is full")
    return None
