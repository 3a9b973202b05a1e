import pytest
import trio

from storage import (
    KEEP,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Query,
    Unavailable,
    WrongSecret,
    open_store,
)
from storage.backend import Kind
from storage.testing import FailingBackend
from tests.storage.stores import PASSWORD, SECRET, put, terms

NEW = KeyFile(b"n" * 32)


async def test_everything_is_sealed_anew(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.add_slot(PASSWORD)
        for n in range(150):
            body = None if n % 3 == 0 else b"body %d" % n
            await store.commit([put(b"%d" % n, 0, b"m%d" % n, body, terms("t", n=n))])
        await store.commit([put(b"7", store.version(b"7"), b"changed", KEEP, terms("t"))])
        before = await store.search(Query())
        await store.rotate(NEW)
        assert not store.is_rotating
        assert await store.search(Query()) == before
        assert await store.read_body(b"7", store.version(b"7")) == b"body 7"
        await store.commit([put(b"8", store.version(b"8"), b"after", KEEP)])
    for old in (SECRET, PASSWORD):
        with pytest.raises(WrongSecret):
            async with open_store(make(), old):
                pass
    async with open_store(make(), NEW) as store:
        assert (await store.search(Query())).names == before.names
        assert (await store.read(b"7")).meta == b"changed"
        assert await store.read_body(b"8", store.version(b"8")) == b"body 8"
        assert await store.read_body(b"9", store.version(b"9")) is None


async def test_nothing_old_stays_behind():
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a"), put(b"b"), put(b"c", body=None)])
        old = {kind: dict(blobs) for kind, blobs in space.blobs.items()}
        await store.rotate(NEW)
    for kind in Kind:
        assert len(space.blobs[kind]) == len(old[kind])
        assert space.blobs[kind].keys().isdisjoint(old[kind])
        assert {blob[1] for blob in space.blobs[kind].values()} == {2}
    assert {entry[1] for entry in space.log.values()} == {2}


async def test_the_store_serves_meanwhile(make):
    async with open_store(make(), SECRET, create=True) as store:
        await store.commit([put(b"%d" % n) for n in range(200)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.rotate, NEW)
            for n in range(200):
                changed = put(b"%d" % n, 1, b"changed", KEEP)
                version = await store.commit([changed, put(b"new %d" % n)])
                assert await store.read_body(b"%d" % n, version) == b"body"
        assert store.count == 400
    async with open_store(make(), NEW) as store:
        assert (await store.read(b"150")).meta == b"changed"
        assert not store.is_rotating


async def test_an_interrupted_rotation_is_taken_up_again(make):
    failing = FailingBackend(make())
    async with open_store(failing, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"%d" % n, body=b"%d" % n) for n in range(100)])
        true_commit = failing.commit
        calls = []

        async def fail_at_third(commit):
            calls.append(commit)
            failing.fail_next = 2 if len(calls) == 3 else 0
            return await true_commit(commit)

        failing.commit = fail_at_third
        with pytest.raises(Unavailable):
            await store.rotate(NEW)
    async with open_store(make(), NEW) as store:
        assert store.is_rotating
        assert await store.read_body(b"99", 1) == b"99"
        version = await store.commit([put(b"99", 1, b"m", KEEP)])
        await store.reseal()
        assert not store.is_rotating
        assert await store.read_body(b"99", version) == b"99"
    async with open_store(make(), NEW) as store:
        assert store.count == 100


async def test_many_rotations():
    """More than there are epoch numbers: they are used again."""
    space = MemorySpace()
    async with open_store(MemoryBackend(space), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        for _ in range(260):
            await store.rotate(NEW)
        assert await store.read_body(b"a", 1) == b"body"
        assert store._table.keyring.current == 261 - 255
