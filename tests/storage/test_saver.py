"""The index is saved, and the next opening begins with it: never wrong, whatever became of it."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from storage import (
    MemoryBackend,
    MemorySpace,
    Query,
    Range,
    Remove,
    SQLiteBackend,
    Tampered,
    Unavailable,
    open_store,
)
from storage import resume as resume_module
from storage import saver as saver_module
from storage.backend import Kind, tag
from storage.keyring import Sealed
from storage.manifest import MANIFEST_NAME, Manifest
from storage.record import Terms
from storage.testing import FailingBackend
from tests.storage.stores import SECRET, put, terms

FEW = 20
"""Records from which on these tests have the index saved."""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(resume_module, "SAVED_FROM", FEW)
    monkeypatch.setattr(saver_module, "SAVED_FROM", FEW)
    monkeypatch.setattr(saver_module, "_COMMITS", 40)


class Reads(FailingBackend):
    """Notes whether records are scanned."""

    @property
    def has_scanned(self):
        return "scan" in self.calls


def entry(n):
    return put(b"%d" % n, found_by=Terms(frozenset({b"t", b"n%d" % n}), {b"x": n}))


async def saved(store):
    """Wait until the index is saved as of now, or later."""
    await store.save_index()
    await trio.testing.wait_all_tasks_blocked()


async def filled(space, count=FEW, **options):
    async with open_store(MemoryBackend(space), SECRET, create=True, **options) as store:
        await store.commit([entry(n) for n in range(count)])
        await saved(store)
    assert MANIFEST_NAME in space.index


async def reopened(space, *, fault="", scans=False, count=FEW, removed=()):
    """Open it again, and look whether all is there."""
    backend = Reads(MemoryBackend(space))
    async with open_store(backend, SECRET) as store:
        assert (store.index_fault, backend.has_scanned) == (fault, scans or bool(fault))
        names = [b"%d" % n for n in range(count) if n not in removed]
        found = await store.search(Query((frozenset({b"t"}),)))
        assert found.names == names[::-1]
        assert (await store.search(Query(ranges=(Range(b"x", low=3, high=3),)))).names == [b"3"]
        assert (await store.search(Query((frozenset({b"n7"}),)))).names == [b"7"]
        assert (await store.read(b"7")).meta == b"meta"
        assert store.count == len(names)
        await store.commit([put(b"last")])
        return store.anchor


async def test_an_opening_begins_with_the_saved_index():
    space = MemorySpace()
    await filled(space)
    await reopened(space)


async def test_few_records_are_read_themselves():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([entry(n) for n in range(FEW - 1)])
        await trio.testing.wait_all_tasks_blocked()
    assert space.index == {}


async def test_it_is_saved_by_itself_again_and_again():
    space = MemorySpace()
    numbers = set()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        for n in range(150):
            await store.commit([entry(n)])
            if MANIFEST_NAME in space.index:
                numbers.add(Manifest.open(store._table.keyring, space.index[MANIFEST_NAME]).number)
            await trio.testing.wait_all_tasks_blocked()
    assert len(numbers) in (3, 4)
    await reopened(space, count=150)


async def test_what_was_committed_since_is_in_the_log():
    space = MemorySpace()
    await filled(space)
    async with open_store(MemoryBackend(space), SECRET) as store:
        for n in range(FEW, FEW + 30):  # more than a log alone would hold
            await store.commit([entry(n)])
        await store.commit([Remove(b"4", store.version(b"4"))])
        await store.commit([put(b"9", store.version(b"9"), found_by=terms("t", "new"))])
    assert len(space.log) > 16
    await reopened(space, count=FEW + 30, removed={4})
    async with open_store(MemoryBackend(space), SECRET) as store:
        assert (await store.search(Query((frozenset({b"new"}),)))).names == [b"9"]
        assert (await store.search(Query((frozenset({b"n9"}),)))).names == []


async def test_the_log_is_kept_back_to_the_saved_index_and_no_further():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        for n in range(200):
            await store.commit([entry(n)])
            await trio.testing.wait_all_tasks_blocked()
    assert len(space.log) <= 60


async def test_what_is_no_longer_named_is_dropped():
    space = MemorySpace()
    await filled(space)
    before = set(space.index)
    async with open_store(MemoryBackend(space), SECRET) as store:
        space.index[b"left by a crash!"] = b"x"
        for n in range(FEW):
            await store.commit([put(b"%d" % n, store.version(b"%d" % n), found_by=terms("t"))])
        await saved(store)
        manifest = Manifest.open(store._table.keyring, space.index[MANIFEST_NAME])
    assert set(space.index) == manifest.names | {MANIFEST_NAME}
    assert not manifest.names & before


DAMAGES = {
    "missing": (lambda blob: None, "a piece of a segment is missing"),
    "edited": (
        lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]),
        "a piece of a segment does not open",
    ),
    "cut": (lambda blob: blob[:100], "a piece of a segment does not open"),
    "empty": (lambda blob: b"", "a piece of a segment does not open"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_piece_has_all_records_read(damage):
    change, fault = DAMAGES[damage]
    space = MemorySpace()
    await filled(space)
    for name in space.index.keys() - {MANIFEST_NAME}:
        space.index[name] = change(space.index[name])
        if space.index[name] is None:
            del space.index[name]
    await reopened(space, fault=fault)


@pytest.mark.parametrize("blob", [b"", b"x" * 200, bytes(500)])
async def test_a_forged_manifest_has_all_records_read(blob):
    space = MemorySpace()
    await filled(space)
    space.index[MANIFEST_NAME] = blob
    await reopened(space, fault="the manifest does not open")


async def test_a_manifest_that_is_hidden_costs_time_only():
    space = MemorySpace()
    await filled(space)
    del space.index[MANIFEST_NAME]
    await reopened(space, scans=True)


async def test_an_older_saved_index_that_the_log_reaches_is_caught_up_with():
    space = MemorySpace()
    await filled(space)
    older = dict(space.index)
    async with open_store(MemoryBackend(space), SECRET) as store:
        await store.commit([entry(n) for n in range(FEW, 30)])
        await store.commit([Remove(b"0", store.version(b"0"))])
        await saved(store)
    space.index = older
    await reopened(space, count=30, removed={0})


async def test_an_older_saved_index_that_the_log_does_not_reach_is_not_used(monkeypatch):
    space = MemorySpace()
    await filled(space)
    older = dict(space.index)
    async with open_store(MemoryBackend(space), SECRET) as store:
        for n in range(FEW, FEW + 60):
            await store.commit([entry(n)])
            await trio.testing.wait_all_tasks_blocked()
        await saved(store)
        for n in range(FEW + 60, FEW + 80):
            await store.commit([entry(n)])
    space.index = older
    fault = "the log does not reach back to the saved index"
    await reopened(space, count=FEW + 80, fault=fault)


async def test_an_old_piece_in_the_place_of_a_new_one_does_not_open():
    space = MemorySpace()
    await filled(space)
    (older,) = (blob for name, blob in space.index.items() if name != MANIFEST_NAME)
    async with open_store(MemoryBackend(space), SECRET) as store:
        for n in range(FEW):
            await store.commit([put(b"%d" % n, store.version(b"%d" % n), found_by=entry(n).terms)])
        await saved(store)
    for name in space.index.keys() - {MANIFEST_NAME}:
        space.index[name] = older
    await reopened(space, fault="a piece of a segment does not open")


async def test_a_saved_index_that_is_newer_than_the_head_tells_of_a_rollback():
    space = MemorySpace()
    await filled(space)
    async with open_store(MemoryBackend(space), SECRET) as store:
        old = space.head, dict(space.log), {kind: dict(space.blobs[kind]) for kind in Kind}
        await store.commit([entry(FEW)])
        await saved(store)
    space.head, space.log, space.blobs = old
    with pytest.raises(Tampered, match="is older"):
        await reopened(space)


async def test_a_saved_index_of_another_history_is_not_used():
    """Whoever has the secret and a copy can make one; the back end alone cannot."""
    space, copy = MemorySpace(), MemorySpace()
    await filled(space)
    copy.header, copy.head, copy.log = space.header, space.head, dict(space.log)
    copy.blobs = {kind: dict(space.blobs[kind]) for kind in Kind}
    for one, name in ((space, b"ours"), (copy, b"theirs")):
        async with open_store(MemoryBackend(one), SECRET) as store:
            await store.commit([put(name, found_by=terms("other"))])
            await saved(store)
            await store.commit([put(b"more", found_by=terms("other"))])
    space.index = copy.index
    async with open_store(MemoryBackend(space), SECRET) as store:
        assert store.index_fault == "the saved index is of another history"
        assert (store.version(b"ours") > 0, store.version(b"theirs")) == (True, 0)


async def test_an_index_saved_with_other_rows_than_there_are_is_found_out():
    """As by a server with a fault: what it seals is authentic, and wrong."""
    space = MemorySpace()
    await filled(space)
    async with open_store(MemoryBackend(space), SECRET) as store:
        keyring = store._table.keyring
        manifest = Manifest.open(keyring, space.index[MANIFEST_NAME])
    wrong = Manifest(
        manifest.number,
        manifest.chain,
        manifest.digest + 1,
        manifest.count,
        manifest.key,
        manifest.segments,
    )
    space.index[MANIFEST_NAME] = wrong.seal(keyring)
    await reopened(space, fault="the saved index does not have the rows that it should")


async def test_a_record_that_is_hidden_is_noticed_when_it_is_read():
    space = MemorySpace()
    await filled(space)
    space.blobs[Kind.META].clear()
    async with open_store(MemoryBackend(space), SECRET) as store:
        with pytest.raises(Tampered):
            await store.read(b"3")


async def test_an_anchor_is_compared_when_an_opening_begins_with_the_saved_index():
    space = MemorySpace()
    await filled(space)
    async with open_store(MemoryBackend(space), SECRET) as store:
        before = store.anchor
        await store.commit([entry(FEW)])
        anchor = store.anchor
    for good in (before, anchor):
        backend = Reads(MemoryBackend(space))
        async with open_store(backend, SECRET, anchor=good):
            assert not backend.has_scanned
    with pytest.raises(Tampered, match="another history"):
        async with open_store(
            MemoryBackend(space), SECRET, anchor=type(anchor)(anchor.number, bytes(16))
        ):
            pass
    with pytest.raises(Tampered, match="is older"):
        async with open_store(
            MemoryBackend(space), SECRET, anchor=type(anchor)(anchor.number + 1, anchor.mark)
        ):
            pass


async def test_a_rotation_has_the_index_saved_under_the_new_keys():
    space = MemorySpace()
    await filled(space)
    async with open_store(MemoryBackend(space), SECRET) as store:
        await store.rotate(SECRET)
        for n in range(3):
            await store.commit([put(b"more%d" % n)])
        await trio.testing.wait_all_tasks_blocked()
        current = store._table.keyring.current
    assert {blob[1] for blob in space.index.values()} == {current}
    backend = Reads(MemoryBackend(space))
    async with open_store(backend, SECRET) as store:
        assert not backend.has_scanned
        assert store.count == FEW + 3


async def test_a_back_end_that_cannot_take_it_is_no_harm():
    space = MemorySpace()
    backend = FailingBackend(MemoryBackend(space))

    async def refuse(blobs):
        raise Unavailable("no room")

    backend.write_index = refuse
    async with open_store(backend, SECRET, create=True) as store:
        await store.commit([entry(n) for n in range(FEW)])
        for n in range(FEW, FEW + 50):
            await store.commit([entry(n)])
            await trio.testing.wait_all_tasks_blocked()
    assert space.index == {}
    await reopened(space, count=FEW + 50, scans=True)


@pytest.mark.parametrize("stopped", range(8))
async def test_what_was_saved_in_part_when_the_server_ended_is_not_used(stopped):
    space = MemorySpace()
    await filled(space)
    backend = FailingBackend(MemoryBackend(space))
    left = stopped

    async def write(blobs):
        nonlocal left
        if not left:
            raise Unavailable("the server ended")
        left -= 1
        await MemoryBackend.write_index(backend._inner, blobs)

    backend.write_index = write
    async with open_store(backend, SECRET) as store:
        await store.commit([entry(n) for n in range(FEW, 30)])
        await saved(store)
        await store.commit([Remove(b"5", store.version(b"5"))])
    await reopened(space, count=30, removed={5})


async def test_servers_on_one_store_share_what_one_of_them_saves():
    space = MemorySpace()
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as one,
        open_store(MemoryBackend(space, shared=True), SECRET) as other,
    ):
        await one.commit([entry(n) for n in range(FEW)])
        await saved(one)
        first = space.index[MANIFEST_NAME]
        await other.refresh()
        await saved(other)
        assert space.index[MANIFEST_NAME] == first
        await other.commit([entry(FEW)])
        await saved(one)
        await one.refresh()
        await saved(one)
        assert space.index[MANIFEST_NAME] != first
    backend = Reads(MemoryBackend(space, shared=True))
    async with open_store(backend, SECRET) as third:
        assert not backend.has_scanned
        assert third.count == FEW + 1


async def test_two_servers_that_save_at_once_do_each_other_no_harm():
    space = MemorySpace()
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as one,
        open_store(MemoryBackend(space, shared=True), SECRET) as other,
    ):
        await one.commit([entry(n) for n in range(FEW)])
        await other.refresh()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.save_index)
            nursery.start_soon(other.save_index)
        for store in (one, other):
            await store.commit([put(b"by %d" % id(store))])
            await one.refresh()
            await other.refresh()
        del space.index[MANIFEST_NAME]
        await saved(one)
    backend = Reads(MemoryBackend(space, shared=True))
    async with open_store(backend, SECRET) as third:
        assert third.count == FEW + 2
        assert not third.index_fault


async def test_in_sqlite_it_is_saved_beside_the_records(tmp_path):
    path = tmp_path / "store.db"
    async with open_store(SQLiteBackend(path), SECRET, create=True) as store:
        await store.commit([entry(n) for n in range(FEW)])
        await store.save_index()
    backend = Reads(SQLiteBackend(path))
    async with open_store(backend, SECRET) as store:
        assert not backend.has_scanned
        assert (await store.search(Query((frozenset({b"n7"}),)))).names == [b"7"]


STEP = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 40)),
    st.tuples(st.just("remove"), st.integers(0, 40)),
    st.tuples(st.sampled_from(["save", "reopen", "settle"]), st.just(0)),
)


@given(st.lists(STEP, max_size=30))
def test_whatever_is_done_and_saved_an_opening_finds_what_was_there(steps):
    trio.run(_follow, steps)


async def _follow(steps):
    space = MemorySpace()
    there = {}
    await filled(space)
    for n in range(FEW):
        there[b"%d" % n] = 0
    steps = [*steps, ("reopen", 0)]
    while steps:
        backend = Reads(MemoryBackend(space))
        async with open_store(backend, SECRET) as store:
            assert store.index_fault == ""
            assert backend.has_scanned == (len(there) < FEW)
            assert {row.name for row in store._table.index.rows()} == there.keys()
            for name, made in there.items():
                found = await store.search(Query((frozenset({b"made %d" % made}),)))
                assert made == 0 or name in found.names
            while steps:
                kind, n = steps.pop(0)
                name = b"%d" % n
                if kind == "put":
                    there[name] = len(steps) + 1
                    found_by = terms(f"made {there[name]}", "t")
                    await store.commit([put(name, store.version(name), found_by=found_by)])
                elif kind == "remove" and name in there:
                    del there[name]
                    await store.commit([Remove(name, store.version(name))])
                elif kind == "save":
                    await store.save_index()
                elif kind == "settle":
                    store._table.index.eras[0].freeze()
                    for _ in store._table.index.settle():
                        pass
                elif kind == "reopen":
                    break


async def test_what_is_sealed_shows_nothing_of_names_and_terms():
    space = MemorySpace()
    await filled(space)
    names = [b"%d" % n for n in range(10, FEW)]
    whole = b"".join(space.index.values())
    assert all(tag(blob) == name for name, blob in space.index.items() if name != MANIFEST_NAME)
    assert not any(b"n" + name in whole for name in names)
    assert Sealed.SEGMENT != Sealed.MANIFEST


async def test_an_index_is_not_saved_between_two_commits(autojump_clock):
    """While rows are on their way from one state to another; it is saved afterwards."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([entry(n) for n in range(FEW)])
        await store.save_index()
        before = space.index[MANIFEST_NAME]
        store._table.is_applying = True
        await store.save_index()
        assert space.index[MANIFEST_NAME] == before
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.save_index)
            await trio.sleep(1)
            store._table.is_applying = False
        assert space.index[MANIFEST_NAME] != before
    await reopened(space)
