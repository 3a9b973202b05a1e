"""Attacks on single records while the store is open."""

import pytest
import trio
import trio.testing

from storage import (
    KEEP,
    MemoryBackend,
    MemorySpace,
    Part,
    Query,
    Reason,
    Remove,
    Tampered,
    open_store,
)
from storage.backend import Kind, Tail
from storage.testing import FailingBackend, LyingBackend, SlowBackend
from tests.storage.stores import SECRET, flipped, put

READ = {
    Kind.META: lambda store: store.read(b"a"),
    Kind.BODY: lambda store: store.read_body(b"a", store.version(b"a")),
}
PART = {Kind.META: Part.RECORD, Kind.BODY: Part.BODY}


@pytest.fixture
async def attacked(make):
    """A store with two records, whose back end may lie; nothing is answered from the cache."""
    lying = LyingBackend(make())
    async with open_store(lying, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a"), put(b"b", body=b"other")])
        handle = store._table.keyring.now.handle
        yield store, lying, handle(b"a"), handle(b"b")


async def refused(store, kind):
    with pytest.raises(Tampered) as caught:
        await READ[kind](store)
    assert caught.value.part is PART[kind]
    return caught.value.reason


@pytest.mark.parametrize("kind", list(Kind))
async def test_each_attack_is_told_apart(attacked, kind):
    store, lying, a, b = attacked
    await lying.freeze(kind, a)
    await store.commit([put(b"a", 1, b"new", b"new")])
    assert await refused(store, kind) is Reason.REPLAYED
    lying.truth()
    await lying.edit(kind, a)
    assert await refused(store, kind) is Reason.EDITED
    lying.truth()
    await lying.edit(kind, a, at=-1)
    assert await refused(store, kind) is Reason.EDITED
    lying.truth()
    await lying.swap(kind, a, b)
    assert await refused(store, kind) is Reason.SWAPPED
    lying.truth()
    lying.drop(kind, a)
    assert await refused(store, kind) is Reason.DROPPED
    lying.truth()
    assert (await store.read(b"a")).meta == b"new"
    assert await store.read_body(b"a", 2) == b"new"


async def test_a_meta_blob_is_no_body(attacked):
    store, lying, a, _ = attacked
    meta = await lying.peek(Kind.META, a)
    lying.blobs[Kind.BODY][a] = meta
    assert await refused(store, Kind.BODY) is Reason.EDITED


async def test_a_kept_body_stays_good_and_an_older_one_does_not(attacked):
    store, lying, a, _ = attacked
    await lying.freeze(Kind.BODY, a)
    await store.commit([put(b"a", 1, b"m2", KEEP)])
    assert await store.read_body(b"a", 2) == b"body"
    await store.commit([put(b"a", 2, b"m3", b"body")])  # equal, yet not the same
    assert await refused(store, Kind.BODY) is Reason.REPLAYED


async def test_a_removed_record_does_not_come_back(attacked):
    store, lying, a, _ = attacked
    await lying.freeze(Kind.META, a)
    await lying.freeze(Kind.BODY, a)
    await store.commit([put(b"a", 1, b"m", None)])
    assert await store.read_body(b"a", 2) is None


async def test_one_bad_record_does_not_spoil_the_others(attacked):
    store, lying, a, _ = attacked
    lying.drop(Kind.META, a)
    assert await refused(store, Kind.META) is Reason.DROPPED
    assert (await store.read(b"b")).version == 1


async def test_nothing_is_answered_any_more_once_the_back_end_told_another_history():
    space = MemorySpace()
    lying = LyingBackend(MemoryBackend(space, shared=True))
    async with open_store(lying, SECRET, create=True) as store:
        await store.commit([put(b"a")])
        older = space.head
        await store.commit([put(b"b")])
        assert (await store.read(b"a")).version == 1
        lying.places = (None, older)
        with pytest.raises(Tampered):
            await store.refresh()
        lying.truth()
        for call in (
            *READ.values(),
            lambda store: store.search(Query()),
            lambda store: store.commit([]),
            lambda store: store.commit([put(b"c")]),
            lambda store: store.refresh(),
        ):
            with pytest.raises(Tampered) as caught:
                await call(store)
            assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.ROLLED_BACK)


@pytest.mark.parametrize("head", [b"", b"\1", b"\1\1", bytes(200)])
async def test_a_head_that_is_none_is_refused_while_the_store_is_open(head):
    lying = LyingBackend(MemoryBackend(shared=True))
    async with open_store(lying, SECRET, create=True) as store:
        await store.commit([put(b"a")])

        async def none(_, wanted=()):
            return Tail(head, [])

        lying.tail = none
        with pytest.raises(Tampered) as caught:
            await store.refresh()
        assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.EDITED)


async def test_what_is_kept_opened_is_bounded_in_bytes():
    """Each counts for more than its meta part has, which is kept as bytes and decoded."""
    async with open_store(MemoryBackend(), SECRET, create=True, cache_bytes=50_000) as store:
        names = [b"%d" % n for n in range(100)]
        await store.commit([put(name, meta=bytes(1000)) for name in names])
        for name in names:
            await store.read(name)
        assert 0 < len(store._reader._opened._entries) <= 25


async def test_a_read_that_meets_a_commit_is_no_attack():
    """The blob is fetched from before, the table is from after, and the other way round."""
    slow = SlowBackend(MemoryBackend())
    slow.go.set()
    async with open_store(slow, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a")])
        slow.go, slow.waiting = trio.Event(), trio.Event()
        true_get = slow._inner.get
        fetched = []

        async def get_while_committing(kind, names):
            answer = await true_get(kind, names)
            if not fetched:
                fetched.append(answer)
                slow.go.set()
                while store.version(b"a") == 1:
                    await trio.lowlevel.checkpoint()
            return answer

        slow._inner.get = get_while_committing
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [put(b"a", 1, b"new")])
            await slow.waiting.wait()
            assert (await store.read(b"a")).meta == b"meta"  # as it was when the read began
        assert (await store.read(b"a")).meta == b"new"
        slow._inner.get = true_get
        slow.go, slow.waiting = trio.Event(), trio.Event()
        true_commit = slow._inner.commit

        async def read_before_the_table_knows(commit):
            missed = await true_commit(commit)
            nursery.start_soon(read_newest)
            await trio.testing.wait_all_tasks_blocked()
            return missed

        async def read_newest():
            assert (await store.read(b"a")).meta == b"newest"
            fetched.append("after")

        slow._inner.commit = read_before_the_table_knows
        slow.go.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [put(b"a", 2, b"newest")])
        assert fetched[-1] == "after"


async def test_what_was_read_or_written_last_is_not_fetched(make):
    counting = LyingBackend(make())
    async with open_store(counting, SECRET, create=True) as store:
        await store.commit([put(b"a")])
    counting = LyingBackend(make())
    async with open_store(counting, SECRET) as store:
        for _ in range(2):
            assert (await store.read(b"a")).meta == b"meta"
            assert await store.read_body(b"a", 1) == b"body"
        assert counting.calls.count("get") == 2
        await store.commit([put(b"a", 1, b"m2", b"b2")])
        assert (await store.read(b"a")).meta == b"m2"
        assert await store.read_body(b"a", 2) == b"b2"
        assert counting.calls.count("get") == 2


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("attack", ["edited", "dropped"])
async def test_what_would_not_open_again_takes_no_more_changes(make, kind, attack):
    """Acknowledged means durable: a store with a spoiled record is refused at its next start.

    A spoiled body is not: it is fetched when it is asked for, so it fails alone.
    """
    lying = LyingBackend(make())
    async with open_store(lying, SECRET, create=True, cache_bytes=0) as store:
        version = await store.commit([put(b"one"), put(b"other")])
        handle = store._table.keyring.now.handle(b"one")
        if attack == "edited":
            await lying.edit(kind, handle)
        else:
            lying.drop(kind, handle)
        with pytest.raises(Tampered):
            await (store.read(b"one") if kind is Kind.META else store.read_body(b"one", version))
        if kind is Kind.BODY:
            await store.commit([put(b"new")])
            return
        for change in ([put(b"new")], [Remove(b"other", version)]):
            with pytest.raises(Tampered, match="the record"):
                await store.commit(change)
        with pytest.raises(Tampered):
            await store.add_slot(SECRET)
        assert (await store.read(b"other")).meta == b"meta"
        assert await store.read_body(b"other", version) == b"body"
        assert len((await store.search(Query())).names) == 2


@pytest.fixture
async def two_stores():
    """A store that writes, another over the same memory, and the back end of the other."""
    space = MemorySpace()
    lying = LyingBackend(MemoryBackend(space, shared=True))
    async with (
        open_store(MemoryBackend(space, shared=True), SECRET, create=True) as one,
        open_store(lying, SECRET) as other,
    ):
        await one.commit([put(b"a"), put(b"b", body=b"other"), put(b"c", body=None)])
        await other.refresh()
        lying.calls.clear()
        yield one, other, lying


async def test_what_will_be_read_comes_with_the_news(two_stores):
    _, store, backend = two_stores
    await store.refresh([b"a", b"b", b"c", b"none"])
    assert (await store.read(b"a")).meta == b"meta"
    assert await store.read_body(b"a", 1) == b"body"
    assert await store.read_body(b"b", 1) == b"other"
    assert (await store.read(b"c")).version == 1
    assert backend.calls == ["tail"]


async def test_what_is_in_memory_is_not_fetched_again(two_stores):
    _, store, _ = two_stores
    await store.refresh([b"a"])
    await store.read(b"a")
    wanted = list(store._reader.missing([b"a"]))
    assert wanted == []


async def test_what_the_news_made_useless_is_fetched_anew(two_stores):
    one, store, _ = two_stores
    await one.commit([put(b"a", 1, b"new", b"new body")])
    await store.refresh([b"a"])
    assert (await store.read(b"a")).meta == b"new"
    assert await store.read_body(b"a", 2) == b"new body"


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_lie_that_came_with_the_news_is_found_when_it_is_read(two_stores, kind):
    _, store, lying = two_stores
    handle = store._table.keyring.now.handle(b"a")
    (_, name) = next(one for one in store._reader.missing([b"a"]) if one[0] is kind)
    (blob,) = await lying.get(kind, [name])
    lying.blobs[kind][handle] = flipped(blob, 30)
    await store.refresh([b"a"])
    assert await refused(store, kind) is Reason.EDITED


async def test_those_who_wait_for_news_together_fetch_together(two_stores):
    _, store, backend = two_stores
    async with trio.open_nursery() as nursery:
        for name in (b"a", b"b", b"c"):
            nursery.start_soon(store.refresh, [name])
    for name in (b"a", b"b", b"c"):
        await store.read(name)
    assert await store.read_body(b"b", 1) == b"other"
    assert set(backend.calls) == {"tail"}
    assert len(backend.calls) < 3


async def test_a_store_that_nobody_shares_asks_nothing_beforehand():
    backend = FailingBackend(MemoryBackend())
    async with open_store(backend, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a")])
        backend.calls.clear()
        await store.refresh([b"a"])
        assert backend.calls == []
