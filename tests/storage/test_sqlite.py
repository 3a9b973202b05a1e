import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import (
    Damaged,
    InUse,
    SQLiteBackend,
    StorageFull,
    Tampered,
    Unavailable,
    open_store,
)
from storage import sqlite as sqlite_module
from storage.backend import Commit
from storage.sqlite_errors import translated
from storage.testing import check_backend
from tests.storage.stores import SECRET, put


async def test_back_end(tmp_path):
    await check_backend(lambda: SQLiteBackend(tmp_path / "store"))


@pytest.fixture
def path(tmp_path):
    """A closed store with 60 records."""

    async def fill():
        async with open_store(SQLiteBackend(tmp_path / "store"), SECRET, create=True) as store:
            await store.commit([put(b"%d" % n, meta=bytes(700)) for n in range(60)])

    trio.run(fill)
    return tmp_path / "store"


async def open_and_read(path, create=False):
    async with open_store(SQLiteBackend(path), SECRET, create=create, cache_bytes=0) as store:
        for n in range(60):
            await store.read(b"%d" % n)
            await store.read_body(b"%d" % n, 1)
        return store.count


async def test_only_its_owner_may_read_the_file(tmp_path):
    old = os.umask(0)
    try:
        async with open_store(SQLiteBackend(tmp_path / "store"), SECRET, create=True) as store:
            await store.commit([put(b"a")])
            modes = {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        assert modes == {0o600}
    finally:
        os.umask(old)


async def test_it_is_as_durable_as_sqlite_can_be(tmp_path):
    backend = SQLiteBackend(tmp_path / "store")
    await backend.open()

    def pragma(name):
        return backend._writer.call(lambda c: c.execute(f"PRAGMA {name}").fetchone()[0])

    assert await pragma("journal_mode") == "wal"
    assert await pragma("synchronous") == 2
    assert await pragma("secure_delete") == 1
    await backend.aclose()


@pytest.mark.parametrize("thread", ["_reader", "_writer"])
async def test_a_file_of_somebody_elses_is_read_with_care(path, thread):
    """What the file says runs nothing, every page is looked at, and none is mapped."""
    backend = SQLiteBackend(path)
    await backend.open()

    def read(connection):
        names = ("trusted_schema", "cell_size_check", "mmap_size", "query_only")
        rows = [connection.execute(f"PRAGMA {name}").fetchone() for name in names]
        limit = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH)
        return [row and row[0] for row in rows], limit

    (trusted, checked, mapped, read_only), limit = await getattr(backend, thread).call(read)
    await backend.aclose()
    assert (trusted, checked, not mapped) == (0, 1, True)
    assert read_only == (thread == "_reader")
    assert limit == sqlite_module._MAX_BLOB


async def test_the_file_keeps_no_more_of_the_log_than_it_has_to(tmp_path):
    backend = SQLiteBackend(tmp_path / "store")
    await backend.open()
    head = None
    for number in range(1, 6):
        await backend.commit(Commit(number, head, b"%d" % number, b"entry", number - 1, {}, {}))
        head = b"%d" % number
    kept = await backend._reader.call(lambda c: c.execute("SELECT number FROM log").fetchall())
    await backend.aclose()
    assert sorted(kept) == [(4,), (5,)]


async def test_another_process_is_told_so(path):
    script = """
        import sys, trio
        from storage import InUse, KeyFile, SQLiteBackend, open_store
        async def main():
            try:
                async with open_store(SQLiteBackend(sys.argv[1]), KeyFile(bytes(range(32)))):
                    print("opened")
            except InUse as error:
                print(error)
        trio.run(main)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    async with open_store(SQLiteBackend(path), SECRET):
        process = await trio.run_process(command, capture_stdout=True)
    assert process.stdout == b"another process has this store open\n"
    process = await trio.run_process(command, capture_stdout=True)
    assert process.stdout == b"opened\n"


async def test_another_name_of_the_file_is_the_same_file(path):
    os.link(path, path.with_name("other"))
    async with open_store(SQLiteBackend(path), SECRET):
        with pytest.raises(InUse):
            await open_and_read(path.with_name("other"))


@pytest.mark.parametrize("share", [0, 0.02, 0.3, 0.6, 0.95, 0.999])
async def test_a_file_cut_short(path, share):
    size = path.stat().st_size
    os.truncate(path, int(size * share))
    with pytest.raises(Tampered):
        await open_and_read(path, create=True)


async def test_files_that_are_not_ours(tmp_path):
    (tmp_path / "text").write_text("no database at all" * 1000)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    for name in ("text", "other"):
        with pytest.raises(Damaged):
            await open_and_read(tmp_path / name, create=True)
    with pytest.raises(Unavailable, match="cannot be opened"):
        await open_and_read(tmp_path, create=True)
    with pytest.raises(Unavailable, match="cannot be opened"):
        await open_and_read(tmp_path / "no" / "such" / "directory", create=True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM body; END",
        "CREATE VIEW v AS SELECT * FROM meta",
        "DROP TABLE body",
        "ALTER TABLE body RENAME TO other",
        "PRAGMA application_id = 7",
    ],
)
async def test_a_schema_that_is_not_ours(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(Damaged):
        await open_and_read(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET blob = 'text'",
        "UPDATE meta SET handle = 7 WHERE rowid = 1",
        "UPDATE body SET blob = 1.5",
        "UPDATE log SET entry = 'text'",
        "UPDATE place SET value = 'text' WHERE name = 'head'",
        "UPDATE place SET value = 12 WHERE name = 'header'",
        "UPDATE meta SET rowid = -rowid",
        "DELETE FROM place",
        "DELETE FROM log",
        "DELETE FROM meta WHERE rowid = 5",
        "DELETE FROM body WHERE rowid = 5",
        "UPDATE meta SET blob = zeroblob(100000000) WHERE rowid = 5",
    ],
)
async def test_contents_that_are_not_ours(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    if "-rowid" in statement:  # only another order
        assert await open_and_read(path) == 60
        return
    with pytest.raises(Tampered):
        await open_and_read(path, create=True)


@pytest.mark.slow
def test_any_damage_is_noticed_or_harmless(path, tmp_path):
    """Never anything but a right answer or an error of ours; never a wrong answer."""
    content = path.read_bytes()
    damaged = tmp_path / "damaged"

    @given(st.lists(st.tuples(st.integers(0, len(content) - 1), st.binary(min_size=1, max_size=8))))
    @settings(max_examples=60, deadline=None)
    def check(edits):
        data = bytearray(content)
        for at, new in edits:
            data[at : at + len(new)] = new
        for left in tmp_path.glob("damaged*"):
            left.unlink()
        damaged.write_bytes(data)
        with contextlib.suppress(Tampered, Unavailable):
            assert trio.run(open_and_read, damaged) == 60

    check()


def limited(path, script, **limits):
    """Run a script over a store in a child whose files may not grow beyond a limit."""

    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))

    head = """
        import sys, trio
        from storage import *
        secret, path = KeyFile(bytes(range(32))), sys.argv[1]
        def put(n, size=20_000):
            return Put(b"new %d" % n, 0, b"m", bytes(size), Terms())
    """
    command = [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(script), str(path)]
    return subprocess.run(
        command, capture_output=True, text=True, preexec_fn=limit, check=True, timeout=60
    )


def test_a_full_disk_refuses_commits_and_loses_nothing(path):
    script = """
        async def main():
            done = 0
            async with open_store(SQLiteBackend(path), secret) as store:
                try:
                    for n in range(1000):
                        await store.commit([put(n)])
                        done += 1
                except Unavailable as error:
                    print(error, file=sys.stderr)
                assert (await store.read(b"7")).version == 1
                assert store.count == 60 + done
            print(done)
        trio.run(main)
    """
    process = limited(path, script, RLIMIT_FSIZE=2 << 20)
    done = int(process.stdout)
    assert 5 < done < 1000
    assert "cannot be written" in process.stderr

    async def check():
        async with open_store(SQLiteBackend(path), SECRET) as store:
            assert store.count in (60 + done, 60 + done + 1)  # the refused one may have happened
            for n in range(done):
                version = store.version(b"new %d" % n)
                assert await store.read_body(b"new %d" % n, version) == bytes(20_000)
            await store.commit([put(b"there is room again")])

    trio.run(check)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB; only those who may mount have one."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("mounting is for root")
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place):
    """Leave no room on a file system."""
    with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


async def test_a_full_file_system_is_named_and_holds_up_no_read(small_disk):
    async with open_store(SQLiteBackend(small_disk / "store"), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        fill(small_disk)
        with pytest.raises(StorageFull, match=r"disk .* is full"):
            await store.commit([put(b"b", body=bytes(1 << 20))])
    async with open_store(SQLiteBackend(small_disk / "store"), SECRET, cache_bytes=0) as store:
        assert await store.read_body(b"a", store.version(b"a")) == b"body"
        (small_disk / "filler").unlink()
        await store.commit([put(b"there is room again")])


async def test_a_store_that_cannot_be_made_leaves_nothing_behind(small_disk):
    fill(small_disk)
    for _ in range(2):
        with pytest.raises(StorageFull):
            async with open_store(SQLiteBackend(small_disk / "store"), SECRET, create=True):
                pass
    assert [one.name for one in small_disk.iterdir()] == ["filler"]


@pytest.mark.parametrize(
    "code, kind, words",
    [
        (sqlite3.SQLITE_FULL, StorageFull, "disk .* is full"),
        (sqlite3.SQLITE_IOERR_WRITE, Unavailable, "a disk error, a quota or a limit"),
        (sqlite3.SQLITE_IOERR_FSYNC, Unavailable, "a disk error, a quota or a limit"),
        (sqlite3.SQLITE_IOERR_READ, Unavailable, "input/output error"),
        (sqlite3.SQLITE_BUSY, Unavailable, "another program holds a lock"),
        (sqlite3.SQLITE_BUSY_RECOVERY, Unavailable, "another program holds a lock"),
        (sqlite3.SQLITE_READONLY, Unavailable, "read only"),
        (sqlite3.SQLITE_CANTOPEN, Unavailable, "cannot be opened or made"),
        (sqlite3.SQLITE_NOMEM, Unavailable, "memory"),
        (sqlite3.SQLITE_INTERRUPT, Unavailable, "does not answer"),
        (sqlite3.SQLITE_CORRUPT, Damaged, "cannot be read"),
        (sqlite3.SQLITE_NOTADB, Damaged, "cannot be read"),
        (sqlite3.SQLITE_IOERR_SHORT_READ, Damaged, "cannot be read"),
        (None, Damaged, "cannot be read"),
    ],
)
def test_the_operator_is_told_what_keeps_the_file_from_being_used(tmp_path, code, kind, words):
    error = sqlite3.OperationalError("the text of SQLite")
    if code is not None:
        error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_NAME"
    with pytest.raises(kind, match=words) as raised, translated(tmp_path):
        raise error
    assert type(raised.value) is kind
    assert "the text of SQLite" not in str(raised.value)


async def test_no_file_is_mapped_nor_shared(path):
    async with open_store(SQLiteBackend(path), SECRET) as store:
        await store.commit([put(b"a")])
        assert {one.name for one in path.parent.iterdir()} == {"store", "store-wal"}
        if Path("/proc/self/maps").exists():
            assert str(path.parent) not in Path("/proc/self/maps").read_text()
    assert {one.name for one in path.parent.iterdir()} == {"store"}


async def test_no_other_program_can_change_an_open_store(path):
    async with open_store(SQLiteBackend(path), SECRET):
        script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('{}')"
        for statement in ("DELETE FROM meta", "SELECT count(*) FROM meta", "PRAGMA optimize"):
            command = [sys.executable, "-c", script.format(statement), str(path)]
            process = await trio.run_process(command, capture_stderr=True, check=False)
            assert b"database is locked" in process.stderr or statement.startswith("PRAGMA")
    assert await open_and_read(path) == 60


@pytest.mark.parametrize("lost", ["store", "store-wal"])
@pytest.mark.parametrize("how", ["removed", "replaced", "moved away"])
async def test_nothing_is_acknowledged_into_a_file_that_nobody_finds_again(path, lost, how):
    """Docs/storage.md: durable when `commit` returns."""
    async with open_store(SQLiteBackend(path), SECRET) as store:
        await store.commit([put(b"before")])
        gone = path.with_name(lost)
        if how == "replaced":
            shutil.copy(gone, gone.with_name("copy"))
            gone.with_name("copy").replace(gone)
        elif how == "removed":
            gone.unlink()
        else:
            gone.rename(path.with_name("elsewhere"))
        for _ in range(2):
            with pytest.raises(Tampered, match="was removed or replaced while the store was open"):
                await store.commit([put(b"lost")])
        assert await store.read_body(b"before", store.version(b"before")) == b"body"


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM meta", "DELETE FROM body", "DELETE FROM log", "DELETE FROM place"],
        ["DROP TABLE meta", "DROP TABLE body", "DROP TABLE log", "DROP TABLE place"],
        [
            *("DROP TABLE meta", "DROP TABLE body", "DROP TABLE log", "DROP TABLE place"),
            "PRAGMA application_id = 0",
        ],
    ],
)
async def test_an_emptied_store_is_not_taken_for_a_new_one(path, statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    for create in (True, False):
        with pytest.raises(Damaged):
            await open_and_read(path, create=create)
    assert path.read_bytes() == before


async def test_a_file_that_was_made_and_not_used_is_removed(tmp_path):
    def ask(is_new):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        async with open_store(SQLiteBackend(tmp_path / "store"), ask, create=True):
            pass
    assert list(tmp_path.iterdir()) == []


WRITER = """
    import sys, trio
    from storage import KeyFile, Put, Remove, SQLiteBackend, Terms, KEEP, open_store

    async def write(store, lane):
        version = round = 0
        while True:
            one, other = b"%d one" % lane, b"%d other" % lane
            round += 1
            body = b"%d" % round
            terms = Terms(frozenset({b"round " + body}))
            changes = [Put(name, version, body, body, terms) for name in (one, other)]
            version = await store.commit(changes)
            print(lane, round, version, flush=True)

    async def main():
        async with open_store(SQLiteBackend(sys.argv[1]), KeyFile(bytes(range(32))), create=True) \
                as store:
            async with trio.open_nursery() as nursery:
                for lane in range(int(sys.argv[2]), int(sys.argv[2]) + 8):
                    nursery.start_soon(write, store, lane)

    trio.run(main)
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 9, 40, 41, 42, 100, 333])
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path, lines):
    """A real process is killed -9 after it has acknowledged so many commits."""
    path = tmp_path / "store"
    acknowledged = {}
    for first in (0, 8):  # the second over what the first left
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(lines):
                lane, *acknowledged[lane] = map(int, process.stdout.readline().split())
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:  # what it said before it died
                if line.endswith("\n"):
                    lane, *acknowledged[lane] = map(int, line.split())

    async def check():
        async with open_store(SQLiteBackend(path), SECRET) as store:
            for lane in range(16):
                one, other = b"%d one" % lane, b"%d other" % lane
                version = store.version(one)
                assert store.version(other) == version, "half a commit"
                done, known = acknowledged.get(lane, (0, 0))
                assert version >= known, "an acknowledged commit is lost"
                if version:
                    meta = (await store.read(one)).meta
                    assert done <= int(meta) <= done + 1
                    assert await store.read_body(other, version) == meta
            await store.commit([put(b"and on it goes")])

    trio.run(check)


def test_a_copy_taken_while_it_is_open_is_whole_or_refused(path, tmp_path):
    async def check():
        async with open_store(SQLiteBackend(path), SECRET) as store:
            await store.commit([put(b"new")])
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", tmp_path / f"copy{suffix}")
            shutil.copy(path, tmp_path / "without")
        async with open_store(SQLiteBackend(tmp_path / "copy"), SECRET) as store:
            assert store.version(b"new")
        async with open_store(SQLiteBackend(tmp_path / "without"), SECRET) as store:
            assert store.version(b"new") == 0  # an older state as a whole: only an anchor tells

    trio.run(check)


async def test_a_closed_back_end_is_unavailable(path):
    backend = SQLiteBackend(path)
    with pytest.raises(Unavailable, match="closed"):
        await backend.load()
    await backend.open()
    await backend.aclose()
    with pytest.raises(Unavailable, match="closed"):
        await backend.load()
    with pytest.raises(Unavailable, match="closed"):
        await backend.commit(Commit(1, b"", b"head", b"entry", 1, {}, {}))
    with pytest.raises(Unavailable, match="closed"):
        await backend.write_index({b"name": b"segment"})
