"""A Cluster of six for tests: three primaries, each with a replica."""

from collections import Counter

from redis.crc import key_slot

from storage.redis import Durability, RedisBackend, RedisPlace
from tests.storage.redis_server import DURABLE, free_port

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
            # It tells of each slot that moves, and nobody reads on: a full pipe would stop it.
            self.nodes[-1].ask("CONFIG", "SET", "loglevel", "warning")
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


def spread_backend(cluster, label, **options):
    return RedisBackend(cluster.place, label, durability=Durability.REPLICAS, **options)


def kept(cluster, label):
    """What is in buckets of a store: kind, then how many fields in all."""
    found = Counter()
    for node in cluster.nodes[:3]:
        for key in node.all_keys():
            tag, _, kind = key.partition(b"}:")
            if tag[:-2] == b"strongroom:{%s:" % label.encode():
                fields = node.ask("HKEYS", key)
                found[kind] += len([one for one in fields if one != b"settled"])
    return +found


def move(slot, source, target):
    """Move a slot from one primary to another."""
    ids = [node.ask("CLUSTER", "MYID") for node in (source, target)]
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
        source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
    for node in (target, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
