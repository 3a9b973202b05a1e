"""The embedded back end: one SQLite file.

Theory of operation: WAL mode with full synchronisation: one commit is one transaction and one
fsync. Two connections, each in a thread of its own, so that a read does not wait for the fsync of
a commit. The file belongs to one process for as long as it is open: it is locked as a whole
(flock), so that a second store is told at once, and by SQLite's own locks as well (the VFS
"unix-excl"), so that no other program reads or writes it meanwhile. As nobody shares the file,
SQLite keeps the index of its write-ahead log in memory and maps no file: a page of a mapped file
that a full disk cannot give would end the process by SIGBUS. The schema must be exactly ours: a
file from elsewhere could bring triggers and views.

What the path names is compared with what is open, each time something is to be acknowledged: a
commit into a file that was removed or replaced would be lost with the process.

Nothing of sqlite3 leaves this module and `sqlite_errors`.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import trio

from storage.backend import (
    Backend,
    BlobName,
    Commit,
    Kind,
    Position,
    Tail,
    Wanted,
    blob_of,
    blob_or_none,
)
from storage.errors import Damaged, Unavailable
from storage.locked_file import LockedFile
from storage.sqlite_errors import translated
from storage.worker_thread import Thread

_APPLICATION: Final = 0x53524F4D  # "SROM", in the file's header: file(1) and we can tell
_PAGE: Final = 1000  # blobs per page of a scan: a few milliseconds
_MAX_BLOB: Final = 64 << 20  # bytes of one value: a hostile file must not make us allocate more
_BUSY_S: Final = 5.0  # only a program that came first can hold SQLite's own lock

_SCHEMA: Final = (
    "CREATE TABLE place (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE log (number INTEGER PRIMARY KEY, entry BLOB NOT NULL)",
    # Blobs outgrow what a WITHOUT ROWID table holds in a page, so these two have row numbers.
    "CREATE TABLE meta (handle BLOB NOT NULL UNIQUE, blob BLOB NOT NULL)",
    "CREATE TABLE body (handle BLOB NOT NULL UNIQUE, blob BLOB NOT NULL)",
)
_INDEX: Final = "CREATE TABLE segment (name BLOB NOT NULL UNIQUE, blob BLOB NOT NULL)"
"""Of the saved index; a file has it once one was saved."""
_PUT: Final = {
    kind: f"INSERT INTO {kind} VALUES (?, ?)"  # noqa: S608 - our own tables
    " ON CONFLICT (handle) DO UPDATE SET blob = excluded.blob"
    for kind in Kind
}
_REMOVE: Final = {kind: f"DELETE FROM {kind} WHERE handle = ?" for kind in Kind}  # noqa: S608 - our own tables
_GET: Final = {kind: f"SELECT blob FROM {kind} WHERE handle = ?" for kind in Kind}  # noqa: S608 - our own tables
_PUT_INDEX: Final = (
    "INSERT INTO segment VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET blob = excluded.blob"
)
_SET_PLACE: Final = (
    "INSERT INTO place VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

T = TypeVar("T")


class SQLiteBackend:
    """A back end in one file, held by one store at a time.

    Args:
        path: of the file; made with mode 0600 when it is not there. Beside it lies SQLite's
            "-wal"; the two belong together, and a copy needs both or a closed store.
    """

    exclusive = True
    spread = None
    label = b""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        self._file: LockedFile | None = None
        self._writer: Thread[sqlite3.Connection] | None = None
        self._reader: Thread[sqlite3.Connection] | None = None

    async def open(self, *, create: bool = True) -> None:
        """See `Backend`."""
        try:
            file = await trio.to_thread.run_sync(partial(LockedFile, self._path, create=create))
            self._file = file
            self._writer = await Thread.start(
                "storage-writer", lambda: self._connect(write=True, is_made=file.is_made)
            )
            self._reader = await Thread.start("storage-reader", lambda: self._connect(write=False))
            file.watch(self._path.with_name(self._path.name + "-wal"))
        except BaseException:
            with trio.CancelScope(shield=True):
                await self.aclose()
            raise

    def _connect(self, *, write: bool, is_made: bool = False) -> sqlite3.Connection:
        with translated(self._path):
            connection = sqlite3.connect(
                self._path.as_uri() + "?vfs=unix-excl",
                uri=True,
                timeout=_BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                _configure(connection, write=write)
                if write:
                    _check_schema(connection, is_made=is_made)
            except BaseException:
                connection.close()
                raise
            return connection

    async def load(self) -> tuple[bytes | None, bytes | None]:
        """See `Backend`."""
        return await self._read(_load)

    async def tail(self, after: int, wanted: Sequence[Wanted] = ()) -> Tail:
        """See `Backend`."""
        return await self._read(lambda connection: _snapshot_tail(connection, after, wanted))

    async def get(self, kind: Kind, names: Sequence[BlobName]) -> list[bytes | None]:
        """See `Backend`."""
        return await self._read(lambda connection: _get(connection, kind, names))

    async def scan(self, cursor: bytes) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
        """See `Backend`."""
        return await self._read(lambda connection: _scan(connection, cursor))

    async def precedence(self, after: int, *, again: bool = False) -> Position:
        """See `Backend`; nobody else writes."""
        return Position(0, await self.tail(after))

    async def cede(self) -> None:
        """See `Backend`."""
        await trio.lowlevel.checkpoint()

    async def commit(self, commit: Commit) -> Tail | None:
        """See `Backend`."""
        writer, file = self._writer, self._file
        if writer is None or file is None:
            raise Unavailable("the store's file is closed")

        def checked(connection: sqlite3.Connection) -> Tail | None:
            file.check()
            with translated(self._path):
                missed = _commit(connection, commit)
            file.check()  # they may have gone meanwhile, and this is about to be acknowledged
            file.keep()
            return missed

        return await writer.call(checked)

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._reader is None:
            raise Unavailable("the store's file is closed")

        def checked(connection: sqlite3.Connection) -> T:
            with translated(self._path):
                return job(connection)

        return await self._reader.call(checked)

    async def read_index(self, names: Sequence[bytes]) -> list[bytes | None]:
        """See `Backend`."""
        return await self._read(lambda connection: _read_index(connection, names))

    async def write_index(self, blobs: Mapping[bytes, bytes | None]) -> None:
        """See `Backend`."""
        if self._writer is None:
            raise Unavailable("the store's file is closed")

        def write(connection: sqlite3.Connection) -> None:
            with translated(self._path):
                _write_index(connection, blobs)

        await self._writer.call(write)

    async def index_names(self) -> Sequence[bytes]:
        """See `Backend`."""
        return await self._read(_index_names)

    async def confirm(self) -> None:
        """See `Backend`; a commit that can be read is durable."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """See `Backend`."""
        reader, self._reader = self._reader, None
        writer, self._writer = self._writer, None
        for thread in (reader, writer):  # the writer last: it empties the write-ahead log
            if thread is not None:
                await thread.stop(_close)
        file, self._file = self._file, None
        if file is not None:
            # Only now: closing any descriptor of the file drops SQLite's own locks on it.
            file.close()


def _configure(connection: sqlite3.Connection, *, write: bool) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BLOB)
    execute = connection.execute
    execute("PRAGMA trusted_schema = OFF")
    execute("PRAGMA cell_size_check = ON")
    execute("PRAGMA mmap_size = 0")  # a mapped page that is gone ends the process by SIGBUS
    if not write:
        execute("PRAGMA query_only = ON")
        return
    execute("PRAGMA secure_delete = ON")  # a removed key's ciphertext is overwritten
    (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise Unavailable("the file system does not allow SQLite's write-ahead log")
    execute("PRAGMA synchronous = FULL")


def _check_schema(connection: sqlite3.Connection, *, is_made: bool) -> None:
    """Make the tables of a file that was just made; of any other, refuse all but a store's."""
    execute = connection.execute
    schema = sorted(sql for (sql,) in execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL"))
    (application,) = execute("PRAGMA application_id").fetchone()
    if is_made and not schema and not application:
        execute("BEGIN IMMEDIATE")
        execute(f"PRAGMA application_id = {_APPLICATION}")
        for statement in _SCHEMA:
            execute(statement)
        execute("COMMIT")
    elif [one for one in schema if one != _INDEX] != sorted(_SCHEMA) or application != _APPLICATION:
        raise Damaged("the file is an SQLite database, but not a store's")
    elif not any(_load(connection)):
        raise Damaged(
            "the store's file holds no store: it was emptied, or making it was interrupted; remove"
            " it to begin anew"
        )


def _load(connection: sqlite3.Connection) -> tuple[bytes | None, bytes | None]:
    places = dict(connection.execute("SELECT name, value FROM place").fetchall())
    return blob_or_none(places.get("header")), blob_or_none(places.get("head"))


def _head(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT value FROM place WHERE name = 'head'").fetchone()
    return None if row is None else blob_of(row[0])


def _snapshot_tail(connection: sqlite3.Connection, after: int, wanted: Sequence[Wanted]) -> Tail:
    connection.execute("BEGIN")
    try:
        tail = _tail(connection, after)
        blobs = [blob for kind, name in wanted for blob in _get(connection, kind, [name])]
    finally:
        connection.execute("ROLLBACK")
    if not tail.head:
        raise Damaged
    return replace(tail, blobs=blobs) if wanted else tail


def _tail(connection: sqlite3.Connection, after: int) -> Tail:
    rows = connection.execute(
        "SELECT number, entry FROM log WHERE number > ? ORDER BY number", (after,)
    )
    return Tail(_head(connection) or b"", [(number, blob_of(entry)) for number, entry in rows])


def _get(
    connection: sqlite3.Connection, kind: Kind, names: Sequence[BlobName]
) -> list[bytes | None]:
    select = _GET[kind]
    rows = [connection.execute(select, (name.handle,)).fetchone() for name in names]
    return [None if row is None else blob_of(row[0]) for row in rows]


def _scan(
    connection: sqlite3.Connection, cursor: bytes
) -> tuple[Sequence[tuple[bytes, bytes]], bytes | None]:
    after = int.from_bytes(cursor, signed=True) if cursor else -(1 << 63)
    rows = connection.execute(
        "SELECT rowid, handle, blob FROM meta WHERE rowid > ? ORDER BY rowid LIMIT ?",
        (after, _PAGE),
    ).fetchall()
    following = rows[-1][0].to_bytes(8, signed=True) if len(rows) == _PAGE else None
    return [(blob_of(handle), blob_of(blob)) for _, handle, blob in rows], following


def _commit(connection: sqlite3.Connection, commit: Commit) -> Tail | None:
    with _transaction(connection):
        if _head(connection) != commit.expected:
            return _tail(connection, commit.number - 1)
        _apply(connection, commit)
    return None


def _apply(connection: sqlite3.Connection, commit: Commit) -> None:
    for kind in Kind:
        blobs = commit.blobs(kind)
        removed = [(handle,) for handle, blob in blobs.items() if blob is None]
        if removed:
            connection.executemany(_REMOVE[kind], removed)
        written = [pair for pair in blobs.items() if pair[1] is not None]
        if written:
            connection.executemany(_PUT[kind], written)
    if commit.number:
        connection.execute("INSERT INTO log VALUES (?, ?)", (commit.number, commit.entry))
    connection.execute("DELETE FROM log WHERE number < ?", (commit.oldest,))
    connection.execute(_SET_PLACE, ("head", commit.head))
    if commit.header is not None:
        connection.execute(_SET_PLACE, ("header", commit.header))


def _has_index(connection: sqlite3.Connection) -> bool:
    select = "SELECT 1 FROM sqlite_schema WHERE name = 'segment'"
    return connection.execute(select).fetchone() is not None


def _index_names(connection: sqlite3.Connection) -> Sequence[bytes]:
    if not _has_index(connection):
        return []
    return [blob_of(name) for (name,) in connection.execute("SELECT name FROM segment")]


def _read_index(connection: sqlite3.Connection, names: Sequence[bytes]) -> list[bytes | None]:
    if not _has_index(connection):
        return [None for _ in names]
    select = "SELECT blob FROM segment WHERE name = ?"
    rows = [connection.execute(select, (name,)).fetchone() for name in names]
    return [None if row is None else blob_of(row[0]) for row in rows]


def _write_index(connection: sqlite3.Connection, blobs: Mapping[bytes, bytes | None]) -> None:
    with _transaction(connection):
        if not _has_index(connection):
            connection.execute(_INDEX)
        for name, blob in blobs.items():
            if blob is None:
                connection.execute("DELETE FROM segment WHERE name = ?", (name,))
            else:
                connection.execute(_PUT_INDEX, (name, blob))


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


def _close(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.close()


_: type[Backend] = SQLiteBackend
