"""A Cluster of six: three primaries, each with a replica."""

import pytest
import trio
from redis.crc import key_slot

from storage import open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from storage.testing import check_backend
from tests.storage.redis.test_faults import Load
from tests.storage.redis_server import DURABLE, free_port, in_thread
from tests.storage.stores import SECRET, put

SLOTS = 16384
QUICK = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
         "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0")  # fmt: skip


class Cluster:
    """Three primaries with a third of the slots each, and a replica of each."""

    def __init__(self, servers):
        self.nodes = []
        for _ in range(6):
            port, bus = free_port(), free_port()
            self.nodes.append(
                servers.start(*DURABLE, *QUICK, "--cluster-port", str(bus), port=port)
            )
            self.nodes[-1].bus = bus
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if node is not first:
                first.ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        for number, node in enumerate(self.nodes[:3]):
            start, end = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", start, end)
        for primary, replica in zip(self.nodes[:3], self.nodes[3:], strict=True):
            name = primary.ask("CLUSTER", "MYID")
            replica.until(name, "CLUSTER", "NODES")
            replica.ask("CLUSTER", "REPLICATE", name)
        for node in self.nodes:
            node.until(b"cluster_state:ok", "CLUSTER", "INFO")
        for replica in self.nodes[3:]:
            replica.wait_for_primary()

    @property
    def place(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return RedisPlace.parse(f"redis+cluster://{hosts}")

    def owner(self, label):
        """The primary of a label's slot, its replica, and another primary."""
        number = key_slot(label.encode()) * 3 // SLOTS
        return self.nodes[number], self.nodes[number + 3], self.nodes[(number + 1) % 3]


@pytest.fixture
async def cluster(servers):
    return await in_thread(Cluster, servers)


async def test_the_exercise(cluster):
    await check_backend(lambda: RedisBackend(cluster.place, "one"))
    holding = [node for node in cluster.nodes[:3] if node.all_keys()]
    assert holding == [cluster.owner("one")[0]]


async def test_a_node_is_found_from_any_other(cluster):
    for node in cluster.nodes:
        place = RedisPlace.parse(f"redis+cluster://127.0.0.1:{node.port}")
        async with open_store(RedisBackend(place, "one"), SECRET, create=True) as store:
            await store.commit([put(b"%d" % node.port)])
            assert store.count == cluster.nodes.index(node) + 1


async def test_a_primary_that_is_gone_is_replaced_and_nothing_confirmed_is_lost(cluster):
    primary, replica, _ = cluster.owner("x")
    backend = RedisBackend(cluster.place, "x", durability=Durability.REPLICAS, patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(50)
        await in_thread(primary.kill)
        await in_thread(replica.until, b"role:master", "INFO", "replication")
        scope.cancel()
    backend = RedisBackend(cluster.place, "x", patience_s=30)
    async with open_store(backend, SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()
        await store.commit([put(b"after")])


async def test_a_slot_that_moves_is_followed_under_load(cluster):
    source, _, target = cluster.owner("x")
    slot = key_slot(b"x")
    backend = RedisBackend(cluster.place, "x", patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(20)

        def move():
            ids = [node.ask("CLUSTER", "MYID") for node in (source, target)]
            target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
            while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
                source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            for node in (target, source):
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[1])

        await in_thread(move)
        await load.until(20)
        scope.cancel()
    assert source.all_keys() == []
    async with open_store(RedisBackend(cluster.place, "x"), SECRET) as store:
        found = {name: row.version for name, row in store._table.rows.items()}
        assert load.acknowledged.items() <= found.items()


async def test_a_node_named_alone_is_refused_to_be_of_a_cluster(cluster):
    with pytest.raises(Exception, match=r"use redis\+cluster://"):
        async with open_store(RedisBackend(cluster.nodes[0].place, "x"), SECRET, create=True):
            pass


async def test_a_cluster_that_is_none_is_refused(servers):
    node = servers.start(port=free_port())
    place = RedisPlace.parse(f"redis+cluster://127.0.0.1:{node.port}")
    with pytest.raises(Exception, match="use redis:// in place of it"):
        async with open_store(RedisBackend(place, "x"), SECRET, create=True):
            pass
