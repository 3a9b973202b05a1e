"""The exercise of all back ends, over a real Valkey and over Debian's Redis where it is there."""

import pytest
import trio

from storage import KEEP, Remove, open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from storage.testing import check_backend, opened
from tests.storage.redis_server import DURABLE, REDIS, VALKEY, free_port
from tests.storage.stores import SECRET, put, supersede

BINARIES = [
    pytest.param(VALKEY, id="valkey"),
    pytest.param(
        REDIS, id="redis", marks=pytest.mark.skipif(REDIS is None, reason="no redis-server here")
    ),
]


@pytest.mark.parametrize("binary", BINARIES)
async def test_alone(servers, binary):
    server = servers.start(binary=binary)
    await check_backend(lambda: RedisBackend(server.place, "alone"))


async def test_over_tcp_with_user_password_and_database(servers):
    port = free_port()
    server = servers.start(port=port)
    server.ask("ACL", "SETUSER", "fred", "on", ">p@ss", "~*", "+@all")
    place = RedisPlace.parse(f"redis://fred:p%40ss@127.0.0.1:{port}/3")
    await check_backend(lambda: RedisBackend(place, "tcp"))


async def test_two_labels_are_two_stores(valkey, label):
    async with (
        open_store(RedisBackend(valkey.place, label), SECRET, create=True) as one,
        open_store(RedisBackend(valkey.place, label + ".b"), SECRET, create=True) as other,
    ):
        await one.commit([put(b"a")])
        await other.refresh()
        assert (one.count, other.count) == (1, 0)


async def test_two_servers_that_start_at_once_make_one_store(valkey, label):
    made = []
    done = trio.Event()

    async def start(number):
        backend = RedisBackend(valkey.place, label)
        async with open_store(backend, SECRET, create=True) as store:
            await store.commit([put(b"%d" % number)])
            made.append(store.is_new)
            if len(made) == 4:
                done.set()
            await done.wait()
            await store.refresh()
            assert store.count == 4

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(start, number)
    assert sorted(made) == [False, False, False, True]


async def test_what_one_has_committed_another_finds(valkey, label):
    backends = [RedisBackend(valkey.place, label) for _ in range(2)]
    async with (
        open_store(backends[0], SECRET, create=True) as one,
        open_store(backends[1], SECRET, cache_bytes=0) as other,
    ):
        await one.commit([put(b"a"), put(b"b")])
        await other.refresh()
        assert await other.read_body(b"a", 1) == b"body"
        await other.commit([put(b"a", 1, b"new", KEEP), Remove(b"b", 1)])
        await one.refresh()
        assert (await one.read(b"a")).meta == b"new"
        assert await one.read(b"b") is None


async def test_nothing_that_is_superseded_stays(valkey, label):
    async with open_store(RedisBackend(valkey.place, label), SECRET, create=True) as store:
        await supersede(store)
    buckets = [
        key for key in valkey.all_keys() if label.encode() + b"}:" in key and key[-3:-2] == b":"
    ]
    kinds = [key.split(b":")[-2] for key in buckets for _ in range(valkey.ask("HLEN", key))]
    assert sorted(kinds) == [b"body", b"meta", b"meta"]


@pytest.mark.parametrize("durability", [Durability.EVERYSEC, Durability.NONE])
async def test_without_an_fsync(servers, durability):
    server = servers.start("--appendonly", "yes", "--save", "")
    await check_backend(lambda: RedisBackend(server.place, "fast", durability=durability))


async def test_with_a_replica_that_has_each_commit(servers):
    port = free_port()
    primary = servers.start(*DURABLE, "--repl-diskless-sync-delay", "0", port=port)
    replica = servers.start(*DURABLE, "--replicaof", "127.0.0.1", str(port))
    replica.wait_for_primary()

    def make():
        return RedisBackend(primary.place, "both", durability=Durability.REPLICAS)

    await check_backend(make)
    async with opened(make()) as backend:
        _, head = await backend.load()
    assert replica.ask("HGET", "strongroom:{both}:place", "head") == head
