"""What is asked of a Redis before a store is entrusted to it, and again while it has it."""

import pytest

from storage import Unsuitable, WrongSecret, open_store
from storage.redis import Durability, RedisBackend, RedisPlace, condition
from tests.storage.redis_server import DURABLE, free_port
from tests.storage.stores import SECRET, put

RIGHTS = (
    "resetkeys", "~strongroom:{x}:*", "resetchannels", "-@all", "+evalsha", "+eval", "+hget",
    "+hmget", "+hset", "+hdel", "+hscan", "+xadd", "+xrange", "+del", "+info",
    "+config|get", "+time", "+lpush", "+pexpire", "+blpop",
)  # fmt: skip


async def refused(place, **options):
    with pytest.raises(Unsuitable) as caught:
        async with open_store(RedisBackend(place, "x", **options), SECRET, create=True):
            pass
    return str(caught.value)


async def accepted(place, **options):
    async with open_store(RedisBackend(place, "x", **options), SECRET, create=True) as store:
        await store.commit([put(b"a", store.version(b"a"))])


@pytest.mark.parametrize(
    "option, value, why",
    [
        ("appendonly", "no", "set appendonly yes"),
        ("appendfsync", "everysec", "set appendfsync always"),
        ("no-appendfsync-on-rewrite", "yes", "set no-appendfsync-on-rewrite no"),
        ("maxmemory-policy", "allkeys-lru", "set noeviction"),
    ],
)
async def test_a_setting_that_loses_commits_is_refused(servers, option, value, why):
    server = servers.start()
    await accepted(server.place)
    server.ask("CONFIG", "SET", option, value)
    assert why in await refused(server.place)


async def test_the_other_durabilities_ask_for_less(servers):
    server = servers.start("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
    await accepted(server.place, durability=Durability.EVERYSEC)
    server.ask("CONFIG", "SET", "appendonly", "no")
    assert "appendonly yes" in await refused(server.place, durability=Durability.EVERYSEC)
    await accepted(server.place, durability=Durability.NONE)
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    assert "noeviction" in await refused(server.place, durability=Durability.NONE)


async def test_too_few_replicas_are_refused(servers):
    server = servers.start()
    why = await refused(server.place, durability=Durability.REPLICAS, replicas=2)
    assert "0 replicas, of which 2 must have each commit" in why


async def test_a_replica_is_refused(servers):
    port = free_port()
    servers.start(port=port)
    replica = servers.start(*DURABLE, "--replicaof", "127.0.0.1", str(port))
    assert "name its primary" in await refused(replica.place)


async def test_what_is_set_wrongly_later_ends_the_acknowledging(servers, monkeypatch):
    monkeypatch.setattr(condition, "AGAIN_S", 0)
    server = servers.start()
    backend = RedisBackend(server.place, "x")
    async with open_store(backend, SECRET, create=True, cache_bytes=0) as store:
        await store.commit([put(b"a")])
        server.ask("CONFIG", "SET", "appendfsync", "no")
        with pytest.raises(Unsuitable, match="appendfsync always"):
            await store.commit([put(b"b")])
        assert await store.read_body(b"a", 1) == b"body"
        server.ask("CONFIG", "SET", "appendfsync", "always")
        await store.commit([put(b"b")])


async def test_a_user_needs_the_rights_that_are_documented_and_no_others(servers):
    port = free_port()
    server = servers.start(port=port)
    server.ask("ACL", "SETUSER", "fred", "on", ">word", *RIGHTS)
    place = RedisPlace.parse(f"redis://fred:word@127.0.0.1:{port}")
    await accepted(place)
    for right in RIGHTS[4:]:
        server.ask("ACL", "SETUSER", "fred", right.replace("+", "-"))
        if right != "+eval":  # which is needed for a script that Redis does not know yet
            why = await refused(place)
            assert "lacks a right" in why or "may not read appendfsync" in why
        server.ask("ACL", "SETUSER", "fred", right)
    server.ask("ACL", "SETUSER", "fred", "resetkeys", "~strongroom:{y}:*")
    assert "lacks a right" in await refused(place)


@pytest.mark.parametrize("user", ["fred:wrong", "nobody:word", ":word"])
async def test_a_wrong_user_or_password_is_told_without_it(servers, user):
    port = free_port()
    server = servers.start(port=port)
    server.ask("ACL", "SETUSER", "fred", "on", ">word", "~*", "+@all")
    why = await refused(RedisPlace.parse(f"redis://{user}@127.0.0.1:{port}"))
    assert why == "Redis refuses the user or the password"


async def test_another_format_is_refused(servers):
    server = servers.start()
    await accepted(server.place)
    server.ask("HSET", "strongroom:{x}:place", "format", "2")
    assert "format" in await refused(server.place)


async def test_a_store_does_not_open_under_another_label(servers):
    server = servers.start()
    await accepted(server.place)
    for key in server.all_keys():
        server.ask("RENAME", key, key.replace(b"{x}", b"{y}"))
    with pytest.raises(WrongSecret):
        async with open_store(RedisBackend(server.place, "y"), SECRET):
            pass
    for key in server.all_keys():
        server.ask("RENAME", key, key.replace(b"{y}", b"{x}"))
    await accepted(server.place)


@pytest.mark.parametrize("label", ["", "a" * 65, "a b", "{", "ä", "a\n"])
def test_a_label_is_a_word(valkey, label):
    with pytest.raises(ValueError, match="label"):
        RedisBackend(valkey.place, label)
