"""A process that commits until it is killed, and prints what was acknowledged."""

import sys

import trio

from storage import open_store
from storage.redis import RedisBackend, RedisPlace
from tests.storage.stores import SECRET, put


async def main(url, label, run):
    async with open_store(RedisBackend(RedisPlace.parse(url), label), SECRET) as store:

        async def call(caller):
            for number in range(1 << 30):
                name = b"%s-%d-%d" % (run.encode(), caller, number)
                version = await store.commit([put(name)])
                print(name.decode(), version, flush=True)

        async with trio.open_nursery() as nursery:
            for caller in range(4):
                nursery.start_soon(call, caller)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2], sys.argv[3])
