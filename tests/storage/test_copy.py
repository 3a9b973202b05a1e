"""Copies of a store in another place: sealed, complete, and never over something else."""

from contextlib import suppress

import pytest

from storage import (
    KEEP,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Missing,
    Occupied,
    Part,
    Put,
    Query,
    Reason,
    Remove,
    SQLiteBackend,
    Tampered,
    Unavailable,
    Unsuitable,
    WrongSecret,
    open_store,
    read_status,
)
from storage.backend import Kind
from storage.redis import RedisBackend
from storage.testing import FailingBackend, LyingBackend, check_filling
from tests.storage.stores import PASSWORD, SECRET, put, shared_stores, terms

NEW = KeyFile(b"n" * 32)


@pytest.fixture
def make_place(request, tmp_path):
    """Gives back ends over a place of a kind."""

    def place(kind, name="target"):
        if kind == "sqlite":
            return lambda: SQLiteBackend(tmp_path / name)
        if kind == "redis":
            valkey, label = request.getfixturevalue("valkey"), request.getfixturevalue("label")
            return lambda: RedisBackend(valkey.place, f"{label}.{name}")
        space = MemorySpace()
        return lambda: MemoryBackend(space)

    return place


async def fill(store, count=40):
    for n in range(count):
        body = None if n % 3 == 0 else b"body %d" % n
        await store.commit([put(b"%d" % n, 0, b"m%d" % n, body, terms("t", n=n))])
    await store.commit([put(b"1", store.version(b"1"), b"changed", KEEP)])
    if count > 8:
        await store.commit([Remove(b"8", store.version(b"8"))])


async def contents(store):
    found = {}
    for name in (await store.search(Query())).names:
        record = await store.read(name)
        found[name] = record, await store.read_body(name, record.version)
    return found


async def test_a_part_of_a_copy_is_kept(make):
    await check_filling(make)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
@pytest.mark.parametrize("source", ["memory", "sqlite", "redis"])
async def test_a_copy_is_the_same_store(make_place, source, kind):
    make, make_target = make_place(source, "source"), make_place(kind)
    async with open_store(make(), SECRET, create=True) as store:
        await fill(store)
        seen = []
        await store.copy_to(make_target(), SECRET, lambda done, total: seen.append((done, total)))
        assert seen[0][0] == 0
        assert seen[-1] == (39, 39)
        before, anchor = await contents(store), store.anchor
    async with open_store(make_target(), SECRET, anchor=anchor) as copied:
        assert await contents(copied) == before
        assert copied.anchor == anchor
        assert not (await copied.verify()).damaged
        version = await copied.commit([put(b"more")])
        await copied.rotate(NEW)
        assert await copied.read_body(b"more", version) == b"body"


async def test_an_empty_store_is_copied(make_place):
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        make = make_place("sqlite")
        await store.copy_to(make(), SECRET)
    async with open_store(make(), SECRET) as copied:
        assert copied.count == 0
        await copied.commit([put(b"a")])


async def test_all_slots_go_where_they_open(make_place):
    make = make_place("sqlite")
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.add_slot(PASSWORD)
        await store.copy_to(make(), SECRET)
    async with open_store(make(), PASSWORD) as copied:
        assert len(copied.slots) == 2


async def test_under_another_label_the_secret_that_was_given_opens(make_place):
    make = make_place("redis")
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.add_slot(PASSWORD)
        await fill(store, 3)
        await store.copy_to(make(), PASSWORD)
    with pytest.raises(WrongSecret):
        async with open_store(make(), SECRET):
            pass
    async with open_store(make(), PASSWORD) as copied:
        assert copied.count == 3


async def test_nothing_of_it_is_legible_and_no_server_is_told_of(make_place):
    space = MemorySpace()
    async with shared_stores() as (one, other):
        await other._follower.look()
        await one.commit([put(b"a name", 0, b"a meta part", b"a body")])
        await one.copy_to(MemoryBackend(space), SECRET)
    written = b"".join(
        [space.header, space.head, *space.log.values()]
        + [blob for kind in Kind for blob in space.blobs[kind].values()]
    )
    for text in (b"a name", b"a meta", b"a body"):
        assert text not in written
    async with open_store(MemoryBackend(space), SECRET) as copied:
        assert copied._table.unlocked.header.recipients == ()


async def test_what_changes_meanwhile_is_in_the_copy():
    space = MemorySpace()
    async with shared_stores() as (one, other):
        await fill(one)
        target = MemoryBackend(space)
        true_commit, commits = target.commit, []

        async def commit_while_others_do(commit):
            commits.append(commit)
            if commit.header is None and len(commits) < 8:
                n = len(commits)
                await other.refresh()
                await other.commit([put(b"new %d" % n), put(b"%d" % n, other.version(b"%d" % n))])
                await other.commit([Remove(b"%d" % (n + 20), other.version(b"%d" % (n + 20)))])
            return await true_commit(commit)

        target.commit = commit_while_others_do
        await one.copy_to(target, SECRET)
        await one.refresh()
        before = await contents(one)
    async with open_store(MemoryBackend(space), SECRET, anchor=one.anchor) as copied:
        assert await contents(copied) == before
        assert not (await copied.verify()).damaged
    blobs = [len(space.blobs[kind]) for kind in (Kind.META, Kind.BODY)]
    assert blobs == [len(before), sum(body is not None for _, body in before.values())]


async def test_keys_that_are_rotated_meanwhile():
    space = MemorySpace()
    async with shared_stores() as (one, other):
        await one._follower.look()
        await fill(one)
        target = MemoryBackend(space)
        true_commit, commits = target.commit, []

        async def commit_after_a_rotation(commit):
            commits.append(commit)
            if len(commits) == 3:
                await other.refresh()
                await other.rotate(NEW)
            return await true_commit(commit)

        target.commit = commit_after_a_rotation
        await one.copy_to(target, NEW)
        before = await contents(one)
    async with open_store(MemoryBackend(space), NEW) as copied:
        assert await contents(copied) == before
        assert not copied.is_rotating
        assert not (await copied.verify()).damaged


@pytest.mark.parametrize("answers", ["lost", "not applied"])
@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
async def test_a_copy_that_is_interrupted_anywhere_is_finished(make_place, kind, answers):
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await fill(store)
        for cut in range(10):
            make = make_place(kind, f"cut {cut}".replace(" ", "-"))
            target = FailingBackend(make())
            true_commit, commits = target.commit, []

            async def commit(commit, cut=cut, true=true_commit, seen=commits):
                seen.append(commit)
                if len(seen) <= cut:
                    return await true(commit)
                if answers == "lost":
                    await true(commit)
                raise Unavailable

            target.commit = commit
            with suppress(Unavailable):
                await store.copy_to(target, SECRET)
                break
            await store.commit([put(b"later", store.version(b"later"))])
            is_whole = answers == "lost" and commits[-1].header is not None
            if not is_whole:
                if cut or answers == "lost":
                    with pytest.raises(Unsuitable, match="unfinished copy"):
                        async with open_store(make(), SECRET):
                            pass
                await store.copy_to(make(), SECRET)
                anchor = store.anchor
            with pytest.raises(Occupied):
                await store.copy_to(make(), SECRET)
            async with open_store(make(), SECRET) as copied:
                assert is_whole or copied.anchor == anchor
                assert copied.count in (store.count - 1, store.count)
                assert not (await copied.verify()).damaged
        assert cut == 5


async def test_a_store_that_is_there_is_left_alone(make_place):
    make = make_place("sqlite")
    async with open_store(make(), NEW, create=True) as other:
        await other.commit([put(b"theirs")])
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await fill(store, 3)
        with pytest.raises(Occupied, match="a store already"):
            await store.copy_to(make(), SECRET)
    async with open_store(make(), NEW) as other:
        assert other.version(b"theirs") == 1


async def test_a_copy_of_another_store_is_left_alone():
    space = MemorySpace()
    for expected, said in ((Unavailable, "told to fail"), (Occupied, "of another store")):
        async with open_store(MemoryBackend(), SECRET, create=True) as store:
            await fill(store, 3)
            target = FailingBackend(MemoryBackend(space))
            target.lose_answers = 2
            with pytest.raises(expected, match=said):
                await store.copy_to(target, SECRET)


async def test_what_is_no_store_is_left_alone():
    space = MemorySpace()
    space.blobs[Kind.META][bytes(16)] = b"something"
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        with pytest.raises(Occupied, match="no store"):
            await store.copy_to(MemoryBackend(space), SECRET)
    assert space.head is None


async def test_two_copies_to_one_place_at_once():
    space = MemorySpace()
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await fill(store)
        target = MemoryBackend(space, shared=True)
        true_commit, commits = target.commit, []

        async def commit_after_another(commit):
            commits.append(commit)
            if len(commits) == 2:
                await store.copy_to(MemoryBackend(space, shared=True), SECRET)
            return await true_commit(commit)

        target.commit = commit_after_another
        with pytest.raises(Occupied, match="was first"):
            await store.copy_to(target, SECRET)
        before = await contents(store)
    async with open_store(MemoryBackend(space), SECRET) as copied:
        assert await contents(copied) == before


async def test_a_damaged_record_is_not_copied():
    lying, space = LyingBackend(MemoryBackend()), MemorySpace()
    async with open_store(lying, SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b")])
        row = store._table.rows[b"a"]
        handle = store._table.keyring.epochs[row.body_epoch].handle(b"a")
        await lying.edit(Kind.BODY, handle)
        with pytest.raises(Tampered) as caught:
            await store.copy_to(MemoryBackend(space), SECRET)
    assert (caught.value.part, caught.value.reason) == (Part.BODY, Reason.EDITED)
    assert space.header is None


async def test_source_and_copy_that_both_go_on_are_forks():
    """Only an anchor of a later state tells which of the two somebody has seen."""
    space = MemorySpace()
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        await store.copy_to(MemoryBackend(space), SECRET)
        await store.commit([put(b"b")])
        later = store.anchor
    async with open_store(MemoryBackend(space), SECRET) as copied:
        await copied.commit([put(b"c")])
        assert copied.anchor.number == later.number
    with pytest.raises(Tampered) as caught:
        async with open_store(MemoryBackend(space), SECRET, anchor=later):
            pass
    assert caught.value.reason is Reason.FORKED


async def test_verifying_finds_each_spoiled_blob_and_names_its_record():
    lying = LyingBackend(MemoryBackend())
    async with open_store(lying, SECRET, create=True) as store:
        await store.commit([put(b"%d" % n, body=b"%d" % n) for n in range(40)])
        keyring, rows = store._table.keyring, store._table.rows
        handles = {name: keyring.epochs[rows[name].epoch].handle(name) for name in rows}
        seen = []
        found = await store.verify(lambda done, total: seen.append((done, total)))
        assert (found.records, found.damaged, seen[-1]) == (40, {}, (40, 40))
        assert found.size > 40 * 512
        await lying.edit(Kind.BODY, handles[b"1"])
        lying.drop(Kind.BODY, handles[b"2"])
        await lying.swap(Kind.BODY, handles[b"3"], handles[b"4"])
        lying.drop(Kind.META, handles[b"5"])
        await lying.freeze(Kind.META, handles[b"6"])
        await store.commit([put(b"6", 1)])
        found = await store.verify()
        wrong = {name: (error.part, error.reason) for name, error in found.damaged.items()}
        assert wrong == {
            b"1": (Part.BODY, Reason.EDITED),
            b"2": (Part.BODY, Reason.DROPPED),
            b"3": (Part.BODY, Reason.EDITED),
            b"4": (Part.BODY, Reason.EDITED),
            b"5": (Part.RECORD, Reason.DROPPED),
            b"6": (Part.RECORD, Reason.REPLAYED),
        }
        assert found.records == 34


async def test_verifying_beside_a_server_that_writes():
    async with shared_stores() as (one, other):
        await one.commit([put(b"%d" % n) for n in range(100)])
        await other.refresh()
        for n in range(50):
            await one.commit([put(b"%d" % n, 1), Remove(b"%d" % (n + 50), 1)])
        found = await other.verify()
        assert not found.damaged
        assert found.records == 50


async def test_the_status_is_read_without_the_records(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.add_slot(PASSWORD)
        await store.commit([put(b"a"), put(b"b")])
        anchor = store.anchor
    backend = FailingBackend(make())
    await backend.open(create=False)
    try:
        status = await read_status(backend, PASSWORD)
        assert (status.records, status.anchor, status.epoch) == (2, anchor, 1)
        assert ([slot.number for slot in status.slots], status.slot) == ([1, 2], 2)
        assert not status.is_rotating
        assert status.followers == 0
        assert set(backend.calls) == {"open", "load", "read_index"}
        await read_status(backend, PASSWORD, anchor)
        with pytest.raises(WrongSecret):
            await read_status(backend, NEW)
        for number, reason in ((3, Reason.ROLLED_BACK), (2, Reason.FORKED)):
            with pytest.raises(Tampered) as caught:
                await read_status(backend, SECRET, type(anchor)(number, bytes(16)))
            assert caught.value.reason is reason
    finally:
        await backend.aclose()


async def test_the_status_where_something_is_missing():
    backend = LyingBackend(MemoryBackend())
    with pytest.raises(Missing):
        await read_status(backend, SECRET)
    async with open_store(backend, SECRET, create=True) as store:
        await store.commit([Put(b"a", 0, b"m", None, terms())])
        anchor = store.anchor
    space = backend._inner.space
    header, head = space.header, space.head
    cases = [
        ((None, head), (Part.HEADER, Reason.DROPPED)),
        ((header, None), (Part.HEAD, Reason.DROPPED)),
        ((header, b"\1\1" + bytes(60)), (Part.HEAD, Reason.EDITED)),
    ]
    for (space.header, space.head), expected in cases:
        with pytest.raises(Tampered) as caught:
            await read_status(backend, SECRET)
        assert (caught.value.part, caught.value.reason) == expected
    space.header = space.head = None
    with pytest.raises(Tampered) as caught:
        await read_status(backend, SECRET, anchor)
    assert caught.value.reason is Reason.ROLLED_BACK
