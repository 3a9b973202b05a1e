"""A store whose blobs are on all nodes of a Cluster: what is put, left and dropped, and when."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio
from redis.crc import key_slot

from storage import (
    KEEP,
    MemoryBackend,
    MemorySpace,
    Remove,
    Tampered,
    Unsuitable,
    open_store,
    sweep,
)
from storage.backend import Attempt, BlobName, Commit, Kind
from storage.copy_mark import fresh_mark
from storage.redis import Durability, RedisBackend, RedisPlace
from storage.redis.buckets import Attempted, Share
from storage.status import read_status
from storage.sweep import Sweeper
from storage.table import Draft
from storage.testing import check_backend, check_filling, opened
from tests.storage.redis.cluster import SLOTS, kept, move, spread_backend
from tests.storage.redis.test_faults import Load
from tests.storage.redis_server import in_thread
from tests.storage.stores import SECRET, put, supersede


@pytest.fixture
def autojump_sweep(monkeypatch):
    """What is left is looked at again at once."""
    monkeypatch.setattr(sweep, "PAUSE_S", 0)


async def test_the_exercise_with_blobs_on_all_nodes(steady):
    await check_backend(lambda: spread_backend(steady, "all"))
    await check_filling(lambda: spread_backend(steady, "filled"))
    for node in steady.nodes[:3]:
        assert b"{all:" in b"".join(node.all_keys())


async def test_the_same_trace_leaves_the_same_in_memory_in_redis_and_in_a_cluster(
    steady, valkey, label
):
    backends = [
        MemoryBackend(shared=True), RedisBackend(valkey.place, label), spread_backend(steady, label)
    ]  # fmt: skip
    results = []
    for backend in backends:
        chance = Random(7)
        async with open_store(backend, SECRET, create=True, cache_bytes=0) as store:
            for step in range(120):
                names = chance.sample([b"%d" % n for n in range(12)], chance.randint(1, 4))
                changes = [
                    Remove(name, store.version(name))
                    if store.version(name) and chance.random() < 0.3
                    else put(name, store.version(name), b"%d" % step,
                             chance.choice([KEEP, None, b"body %d" % step]))
                    for name in names
                ]  # fmt: skip
                await store.commit(changes)
                if step == 60:
                    await store.rotate(SECRET)
            found = {}
            for name in sorted(row.name for row in store._table.index.rows()):
                record = await store.read(name)
                found[name] = record, await store.read_body(name, record.version)
            verification = await store.verify()
            assert not verification.damaged
            results.append((found, verification.records, store.anchor.number))
    assert results[0] == results[1] == results[2]


async def test_nothing_that_is_superseded_stays_in_a_cluster(steady, label):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await supersede(store)
    assert kept(steady, label) == {b"meta": 2, b"body": 1}


async def swept(store, cluster, label):
    """Sweep until nothing is left; the store itself may be at it."""
    sweeper = Sweeper(store._replica._backend, store._replica)
    for _ in range(100):
        if not kept(cluster, label)[b"attempts"]:
            return
        await sweeper.sweep()
    pytest.fail("something stays")


def attempt(store):
    """A commit as it would be sent next."""
    draft = Draft(store._table)
    draft.change(put(b"a", 1, b"new"))
    draft.change(put(b"new"))
    return draft.commit(1)[0]


async def test_what_a_server_left_that_ended_before_its_commit_is_no_record_and_is_swept(
    steady, label, autojump_sweep
):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        await store._replica._backend.spread.put(Attempted.of(attempt(store)))
    assert kept(steady, label) == {b"meta": 3, b"body": 3, b"attempts": 2}
    async with opened(spread_backend(steady, label)) as backend:
        status = await read_status(backend, SECRET)
        assert (status.is_spread, status.unsettled) == (True, 1)
    async with open_store(spread_backend(steady, label), SECRET) as store:
        assert store.count == 1
        assert (await store.read(b"a")).meta == b"meta"
        sweeper = Sweeper(store._replica._backend, store._replica)
        assert await sweeper.sweep() == 0, "it may still be the commit"
        await store.commit([put(b"b")])
        await swept(store, steady, label)
    assert kept(steady, label) == {b"meta": 2, b"body": 2}


async def test_what_a_server_left_that_ended_after_its_commit_counts_and_is_swept(
    steady, label, autojump_sweep
):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        commit, backend = attempt(store), store._replica._backend
        await backend.spread.put(Attempted.of(commit))
        assert await backend._commit(replace(commit, meta={}, body={}, superseded={})) is None
    assert kept(steady, label) == {b"meta": 3, b"body": 3, b"attempts": 2}
    async with open_store(spread_backend(steady, label), SECRET) as store:
        assert store.count == 2
        assert (await store.read(b"a")).meta == b"new"
        await swept(store, steady, label)
        assert await store.read_body(b"a", 2) == b"body"
    assert kept(steady, label) == {b"meta": 2, b"body": 2}


async def test_a_put_that_comes_after_its_attempt_was_settled_does_nothing(steady, label):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        spread = store._replica._backend.spread
        late = Attempted.of(attempt_of(store, b"a"))
        await store.commit([put(b"b")])
        await spread.settle(1, marks_of(late), [])
        assert not await spread.put(late)
    assert kept(steady, label) == {b"meta": 1, b"body": 1}


def attempt_of(store, name):
    draft = Draft(store._table)
    draft.change(put(name))
    return draft.commit(1)[0]


def marks_of(attempted):
    return [
        Attempt(attempted.number, attempted.name, bucket, (), ()) for bucket in attempted.shares
    ]


async def test_a_store_that_is_in_one_slot_stays_there(steady, label):
    async with open_store(RedisBackend(steady.place, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
    async with open_store(spread_backend(steady, label), SECRET) as store:
        await store.commit([put(b"b")])
        assert await store.read_body(b"a", 1) == b"body"
    assert kept(steady, label) == {}


async def test_a_store_is_copied_from_one_slot_to_all_nodes_and_back(steady, label):
    names = (label, f"{label}.spread", f"{label}.back")
    async with open_store(RedisBackend(steady.place, names[0]), SECRET, create=True) as store:
        await store.commit([put(b"%d" % number) for number in range(40)])
        await store.copy_to(spread_backend(steady, names[1]), SECRET)
    assert kept(steady, names[1]) == {b"meta": 40, b"body": 40}
    async with open_store(spread_backend(steady, names[1]), SECRET) as store:
        assert not (await store.verify()).damaged
        await store.copy_to(MemoryBackend(space := MemorySpace()), SECRET)
    async with open_store(MemoryBackend(space), SECRET) as store:
        assert (store.count, len((await store.verify()).damaged)) == (40, 0)


async def test_a_copy_that_was_cut_short_between_two_versions_of_a_record_is_finished(
    steady, label
):
    async with open_store(MemoryBackend(), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b")])
        versions = list(await store._blobs.read([b"a"], {}))
        await store.commit([put(b"a", 1, b"new", KEEP)])
        versions += await store._blobs.read([b"a"], {})
        async with opened(spread_backend(steady, label)) as target:
            mark = fresh_mark(store._table.keyring.store)
            await target.commit(Commit(0, None, mark, b"", 1, {}, {}))
            for record in versions:
                meta, body = ({one.handle: one.blob} for one in (record.meta, record.body))
                await target.spread.put(Attempted.of(Commit(0, mark, b"", b"", 1, meta, body)))
        assert kept(steady, label) == {b"meta": 2, b"body": 1}
        await store.copy_to(spread_backend(steady, label), SECRET)
    assert kept(steady, label) == {b"meta": 2, b"body": 2}
    async with open_store(spread_backend(steady, label), SECRET) as store:
        assert (await store.read(b"a")).meta == b"new"
        assert await store.read_body(b"a", 2) == b"body"


async def test_a_mark_that_cannot_be_read_stops_changes_and_is_refused_at_the_opening(
    steady, label
):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        key = f"strongroom:{{{label}:00}}:attempts"
        number = key_slot(key.encode()) * 3 // SLOTS
        steady.nodes[number].ask("HSET", key, "1-forged", "no mark")
        store._left.set()
        while store.finding is None:
            await trio.lowlevel.checkpoint()
        with pytest.raises(Tampered):
            await store.commit([put(b"b")])
    with pytest.raises(Tampered):
        async with open_store(spread_backend(steady, label), SECRET):
            pass


async def test_a_spread_store_is_refused_what_may_lose_a_part_of_it(steady, label):
    async with open_store(spread_backend(steady, label), SECRET, create=True):
        pass
    for durability in (Durability.FSYNC, Durability.EVERYSEC, Durability.NONE):
        with pytest.raises(Exception, match="set redis_durability to replicas"):
            async with open_store(RedisBackend(steady.place, label, durability=durability), SECRET):
                pass


async def test_a_primary_of_buckets_that_is_gone_is_replaced_and_nothing_confirmed_is_lost(cluster):
    home, *_ = cluster.owner("x")
    number = next(n for n in range(3) if cluster.nodes[n] is not home)
    primary, replica = cluster.nodes[number], cluster.nodes[number + 3]
    backend = spread_backend(cluster, "x", patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(50)
        await in_thread(primary.kill)
        await in_thread(replica.until, b"role:master", "INFO", "replication")
        await in_thread(primary.start)
        await load.until(20)
        scope.cancel()
    async with open_store(spread_backend(cluster, "x", patience_s=30), SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()
        assert not (await store.verify()).damaged


async def test_slots_of_buckets_that_move_are_followed_under_load(steady, label):
    slots = [key_slot(b"%s:%02x" % (label.encode(), bucket)) for bucket in range(256)]
    source, target = steady.nodes[0], steady.nodes[1]
    moved = [slot for slot in slots if slot < SLOTS // 3][:8]
    backend = spread_backend(steady, label, patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(20)
        for way in ((source, target), (target, source)):
            for slot in moved:
                await in_thread(move, slot, *way)
            await load.until(20)
        scope.cancel()
    assert not load.ended
    async with open_store(spread_backend(steady, label), SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()
        assert not (await store.verify()).damaged


DOCUMENTED = re.compile(r"ACL SETUSER strongroom on >PASSWORD (.*?)```", re.DOTALL)


async def test_a_user_may_do_what_the_documents_say_and_is_told_what_is_missing(steady, label):
    text = (Path(__file__).parents[3] / "docs/storage.md").read_text()
    rights = [
        *DOCUMENTED.search(text).group(1).replace("{LABEL}", f"{{{label}}}").split(),
        "+waitaof", "+cluster|slots", "+asking",
    ]  # fmt: skip
    spread = [f"~strongroom:{{{label}:*", "+hgetall"]
    place = RedisPlace.parse(str(steady.place).replace("//", "//fred:word@"))
    for missing, left in (("hgetall", spread[:1]), ("ACL|key|script", spread[1:]), ("", spread)):
        for node in steady.nodes:
            node.ask("ACL", "SETUSER", "fred", "reset", "on", ">word", *rights, *left)
        backend = RedisBackend(place, label, durability=Durability.REPLICAS)
        if missing:
            with pytest.raises(Unsuitable, match=missing):
                async with open_store(backend, SECRET, create=True):
                    pass
            continue
        async with open_store(backend, SECRET, create=True) as store:
            await store.commit([put(b"a")])
            assert await store.read_body(b"a", 1) == b"body"
            await backend.spread.settle(1, await backend.spread.unsettled(), [])


@pytest.mark.parametrize("happened", [True, False])
async def test_what_is_older_than_the_log_counts_if_it_was_the_commit(
    steady, label, monkeypatch, happened
):
    monkeypatch.setattr(sweep, "PAUSE_S", 1000)  # nobody sweeps
    monkeypatch.setattr("storage.replica._KEPT_SHARED", 2)
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        commit, backend = attempt(store), store._replica._backend
        await backend.spread.put(Attempted.of(commit))
        if happened:
            await backend._commit(replace(commit, meta={}, body={}, superseded={}))
            await store.refresh()
        for number in range(5):
            await store.commit([put(b"%d" % number)])
    assert kept(steady, label)[b"attempts"] == 2
    async with open_store(spread_backend(steady, label), SECRET) as store:
        assert store.count == (7 if happened else 6)
        assert (await store.read(b"a")).meta == (b"new" if happened else b"meta")
        assert (await store.read(b"new") is not None) == happened
        assert not (await store.verify()).damaged


async def test_a_mark_that_somebody_has_invented_neither_adds_a_record_nor_hides_one(
    steady, label, monkeypatch
):
    monkeypatch.setattr(sweep, "PAUSE_S", 1000)
    monkeypatch.setattr("storage.replica._KEPT_SHARED", 2)
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        handle, row = store._table.keyring.now.handle(b"a"), store._table.rows[b"a"]
        for number in range(5):
            await store.commit([put(b"%d" % number)])
        spread, field = store._replica._backend.spread, handle + row.tag
        (blob,) = await spread.get([(Kind.META, BlobName(handle, row.tag))])
        share = Share({field: blob}, {}, {kind: [] for kind in Kind})
        await spread.put(Attempted(100, b"100-forged", {handle[0]: share}))
    with pytest.raises(Tampered, match="missing"):
        async with open_store(spread_backend(steady, label), SECRET):
            pass
    async with opened(spread_backend(steady, label)) as backend:
        await backend.spread.settle(6, [Attempt(100, b"100-forged", handle[0], (), ())], [])
    async with open_store(spread_backend(steady, label), SECRET) as store:
        assert store.count == 6


async def test_a_mark_that_somebody_has_invented_has_nothing_dropped_that_is_due(
    steady, label, autojump_sweep
):
    async with open_store(spread_backend(steady, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        await store.commit([put(b"b")])
        handle, row = store._table.keyring.now.handle(b"a"), store._table.rows[b"a"]
        share = Share({}, {}, {Kind.META: [handle + row.tag], Kind.BODY: []})
        spread = store._replica._backend.spread
        await spread.put(Attempted(2, b"2-forged", {handle[0]: share}))
        await swept(store, steady, label)
        assert await store.read_body(b"a", 1) == b"body"
    assert kept(steady, label) == {b"meta": 2, b"body": 2}
