"""Behind Sentinels: the primary is found, and found again after it is gone."""

import pytest
import trio

from storage import Unavailable, open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from storage.testing import check_backend
from tests.storage.redis.test_faults import Load, opened_anew
from tests.storage.redis_server import DURABLE, free_port, in_thread
from tests.storage.stores import SECRET, put

SENTINEL = """
port {port}
bind 127.0.0.1
unixsocket s
sentinel monitor main 127.0.0.1 {primary} 2
sentinel down-after-milliseconds main 300
sentinel failover-timeout main 3000
"""


class Group:
    """A primary, a replica of it, and three Sentinels."""

    def __init__(self, servers):
        port, other = free_port(), free_port()
        quick = ("--repl-diskless-sync-delay", "0")
        self.primary = servers.start(*DURABLE, *quick, port=port)
        self.replica = servers.start(
            *DURABLE, *quick, "--replicaof", "127.0.0.1", str(port), port=other
        )
        self.replica.wait_for_primary()
        self.sentinels = []
        for _ in range(3):
            text = SENTINEL.format(port=(number := free_port()), primary=port)
            self.sentinels.append(servers.start_sentinel(text, number))
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        self.place = RedisPlace.parse(f"redis+sentinel://{hosts}/main")

    def wait_for_view(self):
        """Wait until every Sentinel knows the replica and both others."""
        for sentinel in self.sentinels:
            sentinel.wait_for(b"+slave", 1)
            sentinel.wait_for(b"+sentinel ", 2)


@pytest.fixture
def group(servers):
    return Group(servers)


async def test_the_exercise(group):
    await check_backend(lambda: RedisBackend(group.place, "behind"))


async def test_a_failover_under_load_loses_nothing_that_the_replica_has_confirmed(group):
    group.wait_for_view()
    backend = RedisBackend(group.place, "x", durability=Durability.REPLICAS, patience_s=30)
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 4)
        await load.until(50)
        await in_thread(group.primary.kill)
        await in_thread(group.replica.until, b"role:master", "INFO", "replication")
        scope.cancel()
    place = group.replica.place
    found = await opened_anew(place, "x", durability=Durability.FSYNC)
    assert load.acknowledged.items() <= found.items()


async def test_a_store_goes_on_with_the_new_primary(group):
    group.wait_for_view()
    backend = RedisBackend(group.place, "x", patience_s=30)
    async with open_store(backend, SECRET, create=True) as store:
        await store.commit([put(b"a")])
        while group.replica.ask("XLEN", "strongroom:{x}:log") != 1:
            await trio.lowlevel.checkpoint()
        await in_thread(group.primary.kill)
        await store.refresh()
        assert await store.read_body(b"a", 1) == b"body"
        await store.commit([put(b"b")])
    assert set(await opened_anew(group.replica.place, "x")) == {b"a", b"b"}


async def test_a_service_that_no_sentinel_knows_is_told(group):
    hosts = f"127.0.0.1:{group.sentinels[0].port}"
    place = RedisPlace.parse(f"redis+sentinel://{hosts}/other")
    with pytest.raises(Unavailable, match="the Sentinels know no service 'other'"):
        async with open_store(RedisBackend(place, "x"), SECRET, create=True):
            pass


async def test_a_primary_that_most_sentinels_do_not_name_is_not_believed(group):
    for sentinel in group.sentinels[:2]:
        sentinel.kill()
    with pytest.raises(Unavailable, match="only 1 of 3 Sentinels name the same primary"):
        async with open_store(RedisBackend(group.place, "x", patience_s=0), SECRET, create=True):
            pass
