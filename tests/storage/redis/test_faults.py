"""What goes wrong between a store and its Redis, with real processes.

Nothing that was acknowledged is lost; who is not answered is told so; and what comes back is whole.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from storage import Missing, StorageFull, Unavailable, open_store
from storage.redis import RedisBackend, RedisPlace
from storage.testing import opened
from tests.storage.redis.cutting_proxy import CuttingProxy
from tests.storage.redis_server import in_thread
from tests.storage.stores import SECRET, put


async def opened_anew(place, label, **options):
    """The versions by name of a store that is opened anew, which checks all of it."""
    async with open_store(RedisBackend(place, label, **options), SECRET) as store:
        return {name: row.version for name, row in store._table.rows.items()}


class Load:
    """Callers that commit without a pause, and note what was acknowledged."""

    def __init__(self, store, tag=b""):
        self.store, self.tag = store, tag
        self.acknowledged = {}
        self.ended = Counter()
        self._count = 0
        self._moved = trio.Event()

    async def run(self, callers, *, task_status):
        async with trio.open_nursery() as nursery:
            for _ in range(callers):
                nursery.start_soon(self._call)
            task_status.started(nursery.cancel_scope)

    async def _call(self):
        while True:
            self._count += 1
            name = self.tag + b"%d" % self._count
            try:
                self.acknowledged[name] = await self.store.commit([put(name)])
                self._moved.set()
                self._moved = trio.Event()
            except Unavailable as error:
                self.ended[type(error)] += 1

    async def until(self, count):
        """Wait for so many more acknowledged commits."""
        goal = len(self.acknowledged) + count
        while len(self.acknowledged) < goal:
            await self._moved.wait()


async def test_a_script_that_redis_has_forgotten_is_sent_again(valkey, label):
    async with open_store(RedisBackend(valkey.place, label), SECRET, create=True) as store:
        for number in range(3):
            valkey.ask("SCRIPT", "FLUSH")
            await store.commit([put(b"%d" % number)])
            valkey.ask("SCRIPT", "FLUSH")
            await store.refresh()
        assert store.count == 3


async def test_connections_that_are_cut_under_load(servers):
    server = servers.start()
    backend = RedisBackend(server.place, "x")
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 8)
        for _ in range(25):
            await load.until(5)
            await in_thread(server.ask, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await store.refresh()
        scope.cancel()
    found = await opened_anew(server.place, "x")
    assert load.acknowledged.items() <= found.items()


async def test_redis_killed_under_load(servers):
    server = servers.start()
    backend = RedisBackend(server.place, "x")
    async with open_store(backend, SECRET, create=True) as store, trio.open_nursery() as nursery:
        load = Load(store)
        scope = await nursery.start(load.run, 8)
        for _ in range(5):
            await load.until(20)
            await in_thread(server.restart)
        await load.until(20)
        scope.cancel()
    found = await opened_anew(server.place, "x")
    assert load.acknowledged.items() <= found.items()


async def test_redis_that_stands_still_for_a_while(servers):
    server = servers.start()
    async with open_store(RedisBackend(server.place, "x"), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        server.pause()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, [put(b"b")])
            nursery.start_soon(store.refresh)
            nursery.start_soon(in_thread, server.resume)
        assert store.count == 2


@pytest.fixture
async def proxy(valkey):
    async with trio.open_nursery() as nursery:
        proxy = CuttingProxy(valkey.socket)
        await nursery.start(proxy.run)
        yield proxy
        nursery.cancel_scope.cancel()


async def test_a_commit_whose_reply_is_lost_is_found_in_the_log(proxy, label):
    place = RedisPlace.parse(f"redis://127.0.0.1:{proxy.port}")
    async with open_store(RedisBackend(place, label), SECRET, create=True) as store:
        assert await store.commit([put(b"a")]) == 1
        proxy.cut_reply_to = b"EVALSHA"
        assert await store.commit([put(b"b")]) == 2
        assert proxy.cuts == 1
        await store.commit([put(b"b", 2)])
    assert await opened_anew(place, label) == {b"a": 1, b"b": 3}


async def test_a_commit_that_never_arrived_is_told_and_not_repeated(proxy, label):
    place = RedisPlace.parse(f"redis://127.0.0.1:{proxy.port}")
    async with open_store(RedisBackend(place, label), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        proxy.drop_request = b"EVALSHA"
        with pytest.raises(Unavailable):
            await store.commit([put(b"b")])
        assert store.version(b"b") == 0
        assert await store.commit([put(b"b")]) == 2
    assert await opened_anew(place, label) == {b"a": 1, b"b": 2}


async def test_a_redis_that_is_not_there_is_told(tmp_path):
    place = RedisPlace.parse(f"unix://{tmp_path / 'nothing'}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        async with open_store(RedisBackend(place, "x", patience_s=0), SECRET, create=True):
            pass


async def test_a_full_memory_refuses_commits_and_gives_what_is_there(servers):
    server = servers.start()
    async with open_store(
        RedisBackend(server.place, "x"), SECRET, create=True, cache_bytes=0
    ) as store:
        await store.commit([put(b"a")])
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StorageFull, match="maxmemory"):
            await store.commit([put(b"b")])
        assert await store.read_body(b"a", 1) == b"body"
        server.ask("CONFIG", "SET", "maxmemory", "0")
        await store.commit([put(b"b")])
    assert await opened_anew(server.place, "x") == {b"a": 1, b"b": 2}


async def test_writers_that_are_killed_lose_nothing_they_have_acknowledged(valkey, label):
    async with open_store(RedisBackend(valkey.place, label), SECRET, create=True):
        pass
    acknowledged = {}
    for run in range(3):
        writer = await in_thread(
            partial(
                subprocess.Popen,
                [sys.executable, "-m", "tests.storage.redis.writer", valkey.url, label, f"{run}"],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            )
        )
        lines = [await in_thread(writer.stdout.readline) for _ in range(3 + 7 * run)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += await in_thread(writer.stdout.readlines)
        writer.wait()
        writer.stdout.close()
        for line in lines:
            if line.endswith(b"\n"):
                name, version = line.split()
                acknowledged[name] = int(version)
    found = await opened_anew(valkey.place, label)
    assert acknowledged
    assert acknowledged.items() <= found.items()


async def test_a_writer_that_is_gone_does_not_keep_precedence(valkey, label):
    async with open_store(RedisBackend(valkey.place, label), SECRET, create=True) as store:
        async with opened(RedisBackend(valkey.place, label)) as gone:
            assert (await gone.precedence(0)).ahead == 0
        await store.commit([put(b"a")])
        assert store.version(b"a") == 1
        await trio.testing.wait_all_tasks_blocked()
    assert not [key for key in valkey.all_keys() if key.endswith(label.encode() + b"}:queue")]


async def test_a_store_that_is_gone_is_missing(servers):
    server = servers.start()
    async with open_store(RedisBackend(server.place, "x"), SECRET, create=True) as store:
        await store.commit([put(b"a")])
    server.ask("FLUSHALL")
    with pytest.raises(Missing):
        async with open_store(RedisBackend(server.place, "x"), SECRET):
            pass
