"""A store in a Cluster of six: finding its nodes, and following what moves and fails over."""

import pytest
import trio
from redis.crc import key_slot

from storage import (
    open_store,
)
from storage.redis import RedisBackend, RedisPlace
from storage.testing import check_backend
from tests.storage.redis.cluster import move, spread_backend
from tests.storage.redis.test_faults import Load
from tests.storage.redis_server import free_port, in_thread
from tests.storage.stores import SECRET, put


async def test_the_exercise(steady):
    await check_backend(lambda: RedisBackend(steady.place, "one"))
    holding = [node for node in steady.nodes[:3] if b"{one}" in b"".join(node.all_keys())]
    assert holding == [steady.owner("one")[0]]


async def test_a_node_is_found_from_any_other(steady, label):
    for number, node in enumerate(steady.nodes):
        place = RedisPlace.parse(f"redis+cluster://127.0.0.1:{node.port}")
        async with open_store(RedisBackend(place, label), SECRET, create=True) as store:
            await store.commit([put(b"%d" % number)])
            assert store.count == number + 1


async def test_a_primary_that_is_gone_is_replaced_and_nothing_confirmed_is_lost(cluster):
    primary, replica, _ = cluster.owner("x")
    backend = spread_backend(cluster, "x", patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(50)
        await in_thread(primary.kill)
        await in_thread(replica.until, b"role:master", "INFO", "replication")
        scope.cancel()
    await in_thread(primary.start)  # as a replica of the other, without which nothing is confirmed
    await in_thread(primary.wait_for_primary)
    backend = spread_backend(cluster, "x", patience_s=30)
    async with open_store(backend, SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()
        await store.commit([put(b"after")])


async def test_a_slot_that_moves_is_followed_under_load(cluster):
    source, _, target = cluster.owner("x")
    backend = RedisBackend(cluster.place, "x", patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(20)
        for way in ((source, target), (target, source), (source, target)):
            await in_thread(move, key_slot(b"x"), *way)
            await load.until(20)
        scope.cancel()
    assert not load.ended, "nobody has to try again"
    assert source.all_keys() == []
    async with open_store(RedisBackend(cluster.place, "x"), SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()


async def test_a_node_named_alone_is_refused_to_be_of_a_cluster(steady):
    with pytest.raises(Exception, match=r"use redis\+cluster://"):
        async with open_store(RedisBackend(steady.nodes[0].place, "x"), SECRET, create=True):
            pass


async def test_a_cluster_that_is_none_is_refused(servers):
    node = servers.start(port=free_port())
    place = RedisPlace.parse(f"redis+cluster://127.0.0.1:{node.port}")
    with pytest.raises(Exception, match="use redis:// in place of it"):
        async with open_store(RedisBackend(place, "x"), SECRET, create=True):
            pass
