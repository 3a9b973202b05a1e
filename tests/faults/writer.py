"""A process that commits until it is killed, and tells its parent what was acknowledged."""

from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

import trio

from storage import Put, Terms, Unavailable, open_store
from storage.redis import Durability, RedisBackend, RedisPlace
from tests.storage.stores import SECRET


async def _write(url: str, label: str, run: int, tell: Connection, durability: str) -> None:
    place = RedisPlace.parse(url)
    backend = RedisBackend(place, label, durability=Durability(durability))
    async with open_store(backend, SECRET, create=True) as store:

        async def call(caller: int) -> None:
            for number in range(1 << 30):
                name = b"%d-%d-%d" % (run, caller, number)
                try:
                    version = await store.commit([Put(name, 0, name, b"body " + name, Terms())])
                except Unavailable:
                    continue
                tell.send((name, version))

        async with trio.open_nursery() as nursery:
            for caller in range(4):
                nursery.start_soon(call, caller)


def main(url: str, label: str, run: int, tell: Connection, durability: str) -> None:
    """Commit, until killed."""
    trio.run(_write, url, label, run, tell, durability)


async def _open_once(url: str, label: str, run: int, tell: Connection) -> None:
    async with open_store(RedisBackend(RedisPlace.parse(url), label), SECRET, create=True) as store:
        name = b"%d" % run
        version = await store.commit([Put(name, 0, name, b"body " + name, Terms())])
        tell.send((store.is_new, name, version))


def open_once(url: str, label: str, run: int, tell: Connection, start: Barrier) -> None:
    """Wait for the others, open the store or make it, commit once, and tell."""
    start.wait()
    trio.run(_open_once, url, label, run, tell)
