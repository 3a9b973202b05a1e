"""Records of the server's own: the same at every server, bounded, and removed after their end."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_trio
import trio
import trio.testing

from server.objects import own_records
from server.objects.own_records import SWEEP_GRACE, OwnRecords, counted, keep_swept, sweep
from storage import (
    KEEP,
    Conflict,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Put,
    Record,
    Remove,
    Unavailable,
    open_store,
)
from storage.testing import FailingBackend
from tests.server.conftest import NOW


@dataclass
class Two:
    """The same records at two servers.

    Attributes:
        one: at the first.
        other: at the second.
        backend: of the second.
    """

    one: OwnRecords
    other: OwnRecords
    backend: FailingBackend


@pytest_trio.trio_fixture
async def two() -> AsyncIterator[Two]:
    space, key = MemorySpace(), KeyFile(bytes(32))
    backend = FailingBackend(MemoryBackend(space, shared=True))
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(backend, key) as second,
    ):
        yield Two(OwnRecords(first, b"things"), OwnRecords(second, b"things"), backend)


async def add(records: OwnRecords, key: bytes, content: bytes = b"", **fields) -> None:
    await records.commit(records.put(key, content, 0, **fields))


async def read(records: OwnRecords, key: bytes) -> bytes | None:
    await records.store.refresh()
    record = await records.read(key)
    return record.meta if record is not None else None


def appended(records: OwnRecords, key: bytes, more: bytes):
    """A decision that adds bytes to a record, or makes it."""

    def decide(record: Record | None) -> Put:
        if record is None:
            return records.put(key, more, 0)
        return records.put(key, record.meta + more, record.version)

    return decide


async def test_what_one_server_writes_the_other_reads(two: Two):
    assert await read(two.other, b"k") is None
    await add(two.one, b"k", b"content", body=b"body")
    assert await read(two.other, b"k") == b"content"
    name = two.other.name(b"k")
    assert two.other.key(name) == b"k"
    assert await two.other.store.read_body(name, two.other.store.version(name)) == b"body"
    await two.other.remove(b"k")
    assert await read(two.one, b"k") is None
    await two.one.remove(b"k")


async def test_changes_at_both_at_once_are_all_made(two: Two):
    async with trio.open_nursery() as nursery:
        for number in range(24):
            records = (two.one, two.other)[number % 2]
            nursery.start_soon(records.change, b"k", appended(records, b"k", b"%c" % number))
    found = await read(two.one, b"k")
    assert found is not None
    assert sorted(found) == list(range(24))
    assert not two.one._turns, "who has had their turn is not remembered"


async def test_a_decision_may_be_not_to_change(two: Two):
    await add(two.one, b"k", b"content")
    version = two.one.store.version(two.one.name(b"k"))
    await two.one.change(b"k", lambda record: None)
    assert two.one.store.version(two.one.name(b"k")) == version

    def refuse(record: Record | None) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await two.one.change(b"k", refuse)
    assert not two.one._turns


async def test_a_change_that_is_always_overtaken_ends(two: Two):
    await add(two.one, b"k")
    await two.other.store.refresh()
    stale = two.other.put(b"k", b"", 99)
    with pytest.raises(Conflict):
        await two.other.change(b"k", lambda record: stale)


async def test_a_change_that_cannot_be_kept_is_not_made(two: Two):
    two.backend.fail_next = 1
    with pytest.raises(Unavailable):
        await two.other.change(b"k", appended(two.other, b"k", b"x"))
    assert await read(two.one, b"k") is None


async def test_a_change_that_has_begun_is_made_although_nobody_waits(two: Two):
    with trio.CancelScope() as scope:
        scope.cancel()
        await two.one.commit(two.one.put(b"k", b"content", 0))
    assert await read(two.other, b"k") == b"content"


async def test_records_are_counted_by_kind_client_and_end(two: Two):
    another = OwnRecords(two.one.store, b"others")
    await add(another, b"k", whose="alice")
    for number, (whose, ends) in enumerate([("alice", NOW), ("alice", NOW + 1), ("bob", None)]):
        await add(two.one, b"%d" % number, whose=whose, ends=ends)
    await two.other.store.refresh()
    assert await two.other.count() == 3
    assert await two.other.count(now=NOW) == 2
    assert await two.other.count("alice", now=NOW) == 1
    assert await two.other.count("alice") == 2
    assert await two.other.count("carol") == 0
    found = await two.other.store.search(two.other.query("alice", limit=1))
    assert [two.other.key(name) for name in found.names] == [b"1"], "the newest first"


async def test_bytes_are_counted_in_powers_of_two(two: Two):
    assert [counted(size) for size in (0, 1024, 1025, 4096)] == [1024, 1024, 2048, 4096]
    await add(two.one, b"a", b"x" * 1000, whose="alice")
    await add(two.one, b"b", b"x" * 1000, whose="alice", body=bytes(1049))
    assert await two.one.size("alice") == 1024 + 4096
    assert await two.one.size("bob") == 0
    version = two.one.store.version(two.one.name(b"b"))
    change = two.one.put(b"b", b"", version, body=KEEP, length=1049, whose="alice")
    await two.one.commit(change)
    assert await two.one.size("alice") == await two.one.size() == 1024 + 2048
    with pytest.raises(ValueError, match="1 MiB"):
        two.one.put(b"c", b"x", 0, body=bytes(own_records.MAX_BYTES))


async def test_what_has_ended_is_removed_a_while_later(two: Two, monkeypatch):
    monkeypatch.setattr(own_records, "SWEPT_AT_ONCE", 2)
    for number in range(3):
        await add(two.one, b"%d" % number, ends=NOW)
    await add(two.one, b"later", ends=NOW + 1)
    await add(two.one, b"for ever")
    assert await sweep(two.one.store, NOW + SWEEP_GRACE - 1) == 0
    assert await sweep(two.one.store, NOW + SWEEP_GRACE) == 2
    assert await sweep(two.one.store, NOW + SWEEP_GRACE) == 1
    assert await sweep(two.one.store, NOW + SWEEP_GRACE) == 0
    assert await two.one.count() == 2


async def test_several_servers_sweep_together(
    two: Two, autojump_clock: trio.testing.MockClock, caplog
):
    for number in range(5):
        await add(two.one, b"%d" % number, ends=NOW)
    two.backend.fail_next = 1

    def time() -> float:
        return NOW + SWEEP_GRACE

    with trio.move_on_after(3 * own_records.SWEEP_SECONDS):
        async with trio.open_nursery() as nursery:
            for records in (two.one, two.other):
                nursery.start_soon(keep_swept, records.store, time)
    assert await two.one.count() == 0
    assert "removed later" in caplog.text


async def test_a_record_that_was_removed_elsewhere_is_not_removed_twice(two: Two):
    await add(two.one, b"k", ends=NOW)
    await two.other.store.refresh()
    await two.one.remove(b"k")
    with pytest.raises(Conflict):
        await two.other.commit(Remove(two.other.name(b"k"), 1))
    await two.other.remove(b"k")
