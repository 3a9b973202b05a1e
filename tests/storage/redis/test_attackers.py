"""Somebody who owns the Redis: what they read, and what they change.

They have every key of it, its AOF, and all that goes over the connections.
"""

import pytest
import trio

from storage import Part, Query, Range, Reason, Tampered, open_store
from storage.redis import RedisBackend, RedisPlace
from tests.storage.redis.recording_proxy import RecordingProxy
from tests.storage.stores import SECRET, put, terms

PLACE, LOG = "strongroom:{x}:place", "strongroom:{x}:log"
WORD = "a word nobody would seal by chance"


def backend(server):
    return RedisBackend(server.place, "x")


async def opened_again(server, **options):
    """How opening the store anew fails."""
    with pytest.raises(Tampered) as caught:
        async with open_store(backend(server), SECRET, create=True, **options):
            pass
    return caught.value.part, caught.value.reason


@pytest.fixture
async def server(servers):
    """A Redis with a store of three commits: records a and b, and a changed."""
    server = servers.start()
    async with open_store(backend(server), SECRET, create=True) as store:
        await store.commit([put(b"a")])
        await store.commit([put(b"b")])
        await store.commit([put(b"a", 1)])
        server.handle = store._table.keyring.now.handle
        server.anchor = store.anchor
    return server


def bucket(server, kind, name):
    """The key and the field of a record's blob, and the blob."""
    handle = server.handle(name)
    key = f"strongroom:{{x}}:{kind}:{handle[0]:02x}"
    flat = server.ask("HGETALL", key)
    field = next(one for one in flat[::2] if one.startswith(handle))
    return key, field, flat[flat.index(field) + 1]


async def test_nothing_is_legible_in_redis_in_its_files_or_on_the_wire(servers):
    server = servers.start()
    word = WORD.encode()
    async with trio.open_nursery() as nursery:
        proxy = RecordingProxy(server.socket)
        await nursery.start(proxy.run)
        place = RedisPlace.parse(f"redis://127.0.0.1:{proxy.port}")
        for _ in range(2):
            async with open_store(RedisBackend(place, "x"), SECRET, create=True) as store:
                version = store.version(word)
                found_by = terms(WORD, **{WORD: 1})
                await store.commit([put(word, version, word, word, found_by)])
                await store.search(Query(all_of=(frozenset({word}),)))
                await store.read_body(word, store.version(word))
                await store.refresh()
        nursery.cancel_scope.cancel()
    seen = server.dump() + proxy.recorded
    assert len(seen) > 4000
    assert b"strongroom:{x}:place" in seen
    for part in (word, word.hex().encode(), b"nobody", WORD.upper().encode()):
        assert part not in seen


async def test_two_searches_look_the_same_whatever_is_looked_for(servers):
    server = servers.start()
    async with trio.open_nursery() as nursery:
        proxy = RecordingProxy(server.socket)
        await nursery.start(proxy.run)
        place = RedisPlace.parse(f"redis://127.0.0.1:{proxy.port}")
        async with open_store(RedisBackend(place, "x"), SECRET, create=True) as store:
            for number in range(5):
                await store.commit([put(b"%d" % number, found_by=terms("t", date=number))])
            seen = []
            for query in (
                Query(all_of=(frozenset({b"t"}),)),
                Query(all_of=(frozenset({b"t"}),)),
                Query(all_of=(frozenset({b"none"}),), limit=1),
                Query(ranges=(Range(b"date", 1, 3),)),
            ):
                start = len(proxy.recorded)
                await store.refresh()
                await store.search(query)
                seen.append(proxy.recorded[start:])
        nursery.cancel_scope.cancel()
    assert seen[0]
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("kind, part", [("meta", Part.RECORD), ("body", Part.BODY)])
async def test_a_blob_that_is_changed_exchanged_or_removed(server, kind, part):
    (key, field, blob), (other_key, other_field, other) = (
        bucket(server, kind, name) for name in (b"a", b"b")
    )

    async def found():
        if kind == "meta":
            return await opened_again(server)
        async with open_store(backend(server), SECRET) as store:
            with pytest.raises(Tampered) as caught:
                await store.read_body(b"a", 3)
            return caught.value.part, caught.value.reason

    server.ask("HSET", key, field, blob[:60] + bytes([blob[60] ^ 1]) + blob[61:])
    assert await found() == (part, Reason.EDITED)
    server.ask("HSET", key, field, other)
    server.ask("HSET", other_key, other_field, blob)
    assert await found() == (part, Reason.SWAPPED)
    server.ask("HSET", other_key, other_field, other)
    server.ask("HDEL", key, field)
    assert await found() == (part, Reason.DROPPED)
    server.ask("HSET", key, field, blob)
    async with open_store(backend(server), SECRET) as store:
        assert await store.read_body(b"a", 3) == b"body"


async def test_an_old_record_beside_the_new_one_or_in_its_place(server):
    key, old_field, old = bucket(server, "meta", b"a")
    async with open_store(backend(server), SECRET) as store:
        await store.commit([put(b"a", 3)])
    _, field, new = bucket(server, "meta", b"a")
    server.ask("HSET", key, field, old)
    assert await opened_again(server) == (Part.RECORD, Reason.REPLAYED)
    server.ask("HDEL", key, field)
    server.ask("HSET", key, old_field, old)
    assert await opened_again(server) == (Part.RECORD, Reason.REPLAYED)
    server.ask("HSET", key, field, new)
    server.ask("HDEL", key, old_field)
    async with open_store(backend(server), SECRET) as store:
        assert store.version(b"a") == 4


async def test_log_entries_that_are_removed_exchanged_or_doubled(server):
    true = server.ask("XRANGE", LOG, "-", "+")

    def write(numbers):
        server.ask("DEL", LOG)
        for number, (_, (_, entry)) in numbers:
            server.ask("XADD", LOG, number, "e", entry)

    write([("1-0", true[0]), ("3-0", true[2])])
    assert await opened_again(server) == (Part.LOG, Reason.DROPPED)
    write([("1-0", true[0]), ("2-0", true[1])])
    assert await opened_again(server) == (Part.LOG, Reason.DROPPED)
    write([("1-0", true[1]), ("2-0", true[0]), ("3-0", true[2])])
    assert await opened_again(server) == (Part.LOG, Reason.SWAPPED)
    write([("1-0", true[0]), ("2-0", true[1]), ("2-1", true[1]), ("3-0", true[2])])
    assert (await opened_again(server))[0] is Part.LOG
    write([("1-0", true[0]), ("2-0", true[1]), ("3-0", true[2]), ("4-0", true[2])])
    assert (await opened_again(server))[0] in (Part.LOG, Part.HEAD)
    write(zip(("1-0", "2-0", "3-0"), true, strict=True))
    async with open_store(backend(server), SECRET):
        pass


async def test_everything_put_back_to_an_older_state(server):
    """A running server sees it at once, and a later one if it was told what to expect."""
    old = server.ask("DUMP", PLACE), server.ask("DUMP", LOG)
    async with open_store(backend(server), SECRET) as store:
        await store.commit([put(b"new")])
        anchor = store.anchor
        server.ask("FLUSHALL")
        for key, value in zip((PLACE, LOG), old, strict=True):
            server.ask("RESTORE", key, 0, value)
        with pytest.raises(Tampered) as caught:
            await store.refresh()
        assert (caught.value.part, caught.value.reason) == (Part.HEAD, Reason.ROLLED_BACK)
        with pytest.raises(Tampered):
            await store.commit([put(b"more")])
    server.ask("FLUSHALL")
    found = await opened_again(server, anchor=anchor)
    assert found == (Part.STORE, Reason.ROLLED_BACK)


async def test_two_histories_for_two_servers(server):
    """Redis shows one server a store in which a commit of another never happened."""
    async with open_store(backend(server), SECRET) as one:
        before = {key: server.ask("DUMP", key) for key in server.all_keys()}
        async with open_store(backend(server), SECRET) as other:
            await other.commit([put(b"theirs")])
            server.ask("FLUSHALL")
            for key, value in before.items():
                server.ask("RESTORE", key, 0, value)
            await one.commit([put(b"ours")])
            with pytest.raises(Tampered) as caught:
                await other.refresh()
            assert caught.value.reason in (Reason.FORKED, Reason.ROLLED_BACK)


async def test_the_place_is_emptied_under_a_running_server(server):
    async with open_store(backend(server), SECRET) as store:
        server.ask("FLUSHALL")
        with pytest.raises(Tampered):
            await store.refresh()
    assert await opened_again(server, anchor=server.anchor) == (Part.STORE, Reason.ROLLED_BACK)


@pytest.mark.parametrize("field", ["header", "head"])
async def test_header_and_head_that_are_removed_or_changed(server, field):
    part = {"header": Part.HEADER, "head": Part.HEAD}[field]
    true = server.ask("HGET", PLACE, field)
    server.ask("HDEL", PLACE, field)
    assert await opened_again(server) == (part, Reason.DROPPED)
    server.ask("HSET", PLACE, field, true[:-1] + bytes([true[-1] ^ 1]))
    assert (await opened_again(server))[0] is part
    server.ask("HSET", PLACE, field, true)


@pytest.mark.parametrize("key", [PLACE, LOG, "strongroom:{x}:meta:07"])
async def test_a_key_of_another_type(server, key):
    server.ask("DEL", key)
    server.ask("SET", key, "x")
    with pytest.raises(Tampered):
        async with open_store(backend(server), SECRET, create=True):
            pass
