"""Attacks on the store as a whole, before it is opened."""

import copy

import pytest

from storage import (
    Anchor,
    MemoryBackend,
    MemorySpace,
    Part,
    Reason,
    Remove,
    Tampered,
    Unavailable,
    open_store,
)
from storage import replica as replica_module
from storage.backend import Kind, Tail
from storage.testing import LyingBackend
from tests.storage.stores import PASSWORD, SECRET, flipped, put, shared_stores


@pytest.fixture
async def space():
    """Records a, b, c; a has been changed and c removed again; `space.before` is from then."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b"), put(b"c")])
        space.first = store.anchor
        holder = space.holder
        space.holder = None
        space.before = copy.deepcopy(space)
        space.holder = holder
        await store.commit([put(b"a", 1, b"new", b"new")])
        await store.commit([Remove(b"c", 1)])
        space.last = store.anchor
        space.handle = store._table.keyring.now.handle
    return space


async def refused(space, **options):
    with pytest.raises(Tampered) as caught:
        async with open_store(MemoryBackend(space), SECRET, create=True, **options):
            pass
    return caught.value.part, caught.value.reason


async def test_untouched(space):
    async with open_store(MemoryBackend(space), SECRET, anchor=space.last) as store:
        assert store.count == 2


async def test_records(space):
    meta, old = space.blobs[Kind.META], space.before.blobs[Kind.META]
    a, b, c = (space.handle(name) for name in (b"a", b"b", b"c"))
    true = dict(meta)
    lies = {
        Reason.EDITED: {a: flipped(true[a], 50)},
        Reason.SWAPPED: {a: true[b], b: true[a]},
        Reason.REPLAYED: {a: old[a]},
        Reason.DROPPED: {b: None},
    }
    for reason, lie in lies.items():
        meta.clear()
        meta.update({**true, **lie})
        for handle in [handle for handle, blob in meta.items() if blob is None]:
            del meta[handle]
        assert await refused(space) == (Part.RECORD, reason)
    for lie, reason in (
        ({**true, c: old[c]}, Reason.REPLAYED),  # removed, put back
        ({**true, c: true[b]}, Reason.SWAPPED),  # doubled elsewhere
        ({a: true[a], c: old[c]}, Reason.REPLAYED),  # one dropped, one put back
        ({**true, b: true[b][:41]}, Reason.EDITED),  # cut short
        ({**true, b: b""}, Reason.EDITED),
        ({**true, b: b"\1\7" + true[b][2:]}, Reason.EDITED),  # an epoch that is not
    ):
        meta.clear()
        meta.update(lie)
        assert await refused(space) == (Part.RECORD, reason)


async def test_log(space):
    true = dict(space.log)
    for lie, reason in (
        ({1: true[1], 2: true[3], 3: true[2]}, Reason.SWAPPED),
        ({1: true[1], 2: true[2], 3: true[2]}, Reason.SWAPPED),  # doubled
        ({1: true[1], 2: flipped(true[2], 60), 3: true[3]}, Reason.EDITED),
        ({1: true[1], 3: true[3]}, Reason.DROPPED),
        ({2: true[2], 3: true[3]}, Reason.DROPPED),  # at the beginning
        ({1: true[1], 2: true[2]}, Reason.DROPPED),  # at the end
        ({}, Reason.DROPPED),
        ({**true, 4: true[3]}, Reason.SWAPPED),
        ({1: true[1], 2: space.before.log[1], 3: true[3]}, Reason.SWAPPED),
    ):
        space.log.clear()
        space.log.update(lie)
        assert await refused(space) == (Part.LOG, reason)


async def test_header_and_head(space):
    header, head = space.header, space.head
    async with open_store(MemoryBackend(space), SECRET) as store:
        await store.add_slot(SECRET)
    newer_header, newer_head = space.header, space.head
    for places, expected in (
        ((header, newer_head), (Part.HEADER, Reason.REPLAYED)),
        ((newer_header, head), (Part.HEADER, Reason.REPLAYED)),
        ((None, newer_head), (Part.HEADER, Reason.DROPPED)),
        ((newer_header, None), (Part.HEAD, Reason.DROPPED)),
        ((None, None), (Part.HEAD, Reason.DROPPED)),
        ((newer_header, flipped(newer_head)), (Part.HEAD, Reason.EDITED)),
        ((newer_header, b""), (Part.HEAD, Reason.EDITED)),
        ((newer_header[:-1], newer_head), (Part.HEADER, Reason.DAMAGED)),
        ((b"", newer_head), (Part.HEADER, Reason.DAMAGED)),
    ):
        space.header, space.head = places
        assert await refused(space) == expected


async def test_an_older_head_over_newer_records(space):
    space.head = space.before.head
    assert await refused(space) == (Part.HEAD, Reason.ROLLED_BACK)
    space.log = dict(space.before.log)
    assert (await refused(space))[0] is Part.RECORD


async def test_everything_rolled_back_is_noticed_with_an_anchor_only(space):
    assert await refused(space.before, anchor=space.last) == (Part.STORE, Reason.ROLLED_BACK)
    assert await refused(MemorySpace(), anchor=space.last) == (Part.STORE, Reason.ROLLED_BACK)
    async with open_store(MemoryBackend(space.before), SECRET, anchor=space.first) as store:
        assert store.count == 3  # what cannot be noticed
    async with open_store(MemoryBackend(space), SECRET, anchor=space.first) as store:
        assert store.count == 2


async def test_another_history_of_the_same_length_is_a_fork(space):
    async with open_store(MemoryBackend(space.before), SECRET) as store:
        for n in range(3):
            await store.commit([put(b"x%d" % n)])
    assert await refused(space.before, anchor=space.last) == (Part.STORE, Reason.FORKED)


async def test_an_anchor_the_log_no_longer_reaches_counts_by_its_number(space):
    async with open_store(MemoryBackend(space), SECRET) as store:
        for n in range(40):
            await store.commit([put(b"x%d" % n)])
        assert len(space.log) == 16
    other = Anchor(space.first.number, bytes(16))
    async with open_store(MemoryBackend(space), SECRET, anchor=other) as store:
        assert store.count == 42


def test_anchors_are_text():
    anchor = Anchor(17, bytes(range(16)))
    assert str(anchor) == "17:000102030405060708090a0b0c0d0e0f"
    assert Anchor.parse(str(anchor)) == anchor
    for wrong in ("", "17", "17:00", "x:" + "00" * 16, "-1:" + "00" * 16):
        with pytest.raises(ValueError):
            Anchor.parse(wrong)


async def test_a_log_that_turns_round_during_the_scan(monkeypatch):
    """So much is written meanwhile that the scan begins anew."""
    monkeypatch.setattr(replica_module, "_KEPT_SHARED", 3)
    space = MemorySpace()
    async with shared_stores(space, 1) as (writer,):
        await writer.commit([put(b"%d" % n) for n in range(10)])
        backend = LyingBackend(MemoryBackend(space, shared=True))
        true_scan, scans = backend.scan, []

        async def scan_then_commit(cursor):
            scans.append(cursor)
            page = await true_scan(cursor)
            for n in range(10 if len(scans) < limit else 0):
                await writer.commit([put(b"%d" % n, writer.version(b"%d" % n))])
            return page

        backend.scan = scan_then_commit
        limit = 3
        async with open_store(backend, SECRET) as late:
            assert late.anchor == writer.anchor
            assert late.version(b"9") == writer.version(b"9") > 1
        limit = 1000
        with pytest.raises(Unavailable, match="faster"):
            async with open_store(backend, SECRET):
                pass


async def test_a_header_changed_while_opening():
    space = MemorySpace()
    async with shared_stores(space, 1) as (writer,):
        backend = LyingBackend(MemoryBackend(space, shared=True))
        true_scan, scans = backend.scan, []

        async def scan_then_change(cursor):
            if not scans:
                await writer.add_slot(PASSWORD)
            scans.append(cursor)
            return await true_scan(cursor)

        backend.scan = scan_then_change
        async with open_store(backend, SECRET) as late:
            assert late.anchor == writer.anchor
            assert len(late.slots) == 2


async def test_a_header_that_is_changed_again_and_again_ends_in_a_sentence():
    space = MemorySpace()
    async with shared_stores(space, 1) as (writer,):
        backend = LyingBackend(MemoryBackend(space, shared=True))
        true_scan = backend.scan

        async def scan_then_change(cursor):
            await writer.rotate(SECRET)
            return await true_scan(cursor)

        backend.scan = scan_then_change
        with pytest.raises(Unavailable, match="keeps changing"):
            async with open_store(backend, SECRET):
                pass


async def test_a_head_that_goes_back_while_opening(space):
    backend = LyingBackend(MemoryBackend(space))
    true_scan = backend.scan

    async def scan_then_go_back(cursor):
        backend.places = (None, space.before.head)
        return await true_scan(cursor)

    backend.scan = scan_then_go_back
    with pytest.raises(Tampered) as caught:
        async with open_store(backend, SECRET):
            pass
    assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.ROLLED_BACK)


async def test_a_head_and_a_log_that_go_back_while_opening(space):
    backend = LyingBackend(MemoryBackend(space))

    async def earlier(_):
        return Tail(space.before.head, sorted(space.before.log.items()))

    backend.tail = earlier
    with pytest.raises(Tampered) as caught:
        async with open_store(backend, SECRET):
            pass
    assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.ROLLED_BACK)


async def test_an_entry_of_another_history_that_comes_during_the_scan(space):
    """The head goes on; the entry that should lead to it is one that a copy of the store wrote."""
    copied = copy.deepcopy({**vars(space), "holder": None, "before": None})
    other = MemorySpace()
    vars(other).update(copied)
    async with open_store(MemoryBackend(other), SECRET) as forked:
        await forked.commit([put(b"x")])
    backend = LyingBackend(MemoryBackend(space))
    loaded = space.header, space.head
    async with open_store(MemoryBackend(space), SECRET) as store:
        await store.commit([put(b"y")])

    async def earlier():
        return loaded

    async def another(_):
        return Tail(space.head, sorted({**space.log, 4: other.log[4]}.items()))

    backend.load, backend.tail = earlier, another
    with pytest.raises(Tampered) as caught:
        async with open_store(backend, SECRET):
            pass
    assert (caught.value.part, caught.value.reason) == (Part.LOG, Reason.FORKED)


async def test_a_longer_history_that_is_put_in_place_during_the_scan(space):
    """It is whole, with its head: a copy of the store wrote it since before the last commits."""
    async with open_store(MemoryBackend(space.before), SECRET) as forked:
        for n in range(4):
            await forked.commit([put(b"x%d" % n)])
    backend = LyingBackend(MemoryBackend(space))

    async def another(_):
        return Tail(space.before.head, sorted(space.before.log.items()))

    backend.tail = another
    with pytest.raises(Tampered) as caught:
        async with open_store(backend, SECRET):
            pass
    assert (caught.value.part, caught.value.reason) == (Part.LOG, Reason.FORKED)


async def test_an_anchor_is_compared_with_every_state_that_the_log_reaches():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        anchors = [store.anchor]
        for n in range(4):
            await store.commit([put(b"x%d" % n)])
            anchors.append(store.anchor)
    for anchor in anchors:
        async with open_store(MemoryBackend(space), SECRET, anchor=anchor) as store:
            assert store.count == 4
        other = Anchor(anchor.number, bytes(16))
        assert await refused(space, anchor=other) == (Part.STORE, Reason.FORKED)


async def test_commits_of_others_during_the_scan_are_seen():
    """Changed, made and removed between the scan and the reading of the log."""
    space = MemorySpace()
    async with shared_stores(space, 1) as (writer,):
        await writer.commit([put(b"%d" % n) for n in range(10)])
        backend = LyingBackend(MemoryBackend(space, shared=True))
        true_tail = backend.tail

        async def commit_first(after):
            if writer.version(b"new") == 0:
                await writer.commit([put(b"1", 1), put(b"new"), Remove(b"2", 1)])
                await writer.commit([put(b"1", 2)])
            return await true_tail(after)

        backend.tail = commit_first
        async with open_store(backend, SECRET) as late:
            assert late.anchor == writer.anchor
            assert [late.version(name) for name in (b"1", b"2", b"new")] == [3, 0, 2]
