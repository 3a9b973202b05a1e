"""What is asked of a Redis before a store is entrusted to it, and again while it has it."""

import pytest

from storage import Unavailable, Unsuitable, WrongSecret, open_store
from storage.redis import Durability, RedisBackend, RedisPlace, condition
from storage.redis.places import Form
from storage.redis.scripts import Keys, Layout
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


class Node:
    """A link to a node that tells of itself what it is told to."""

    def __init__(self, **info):
        self.checked = 0.0
        self.info = {
            "redis_version": "8.0.0", "role": "master", "aof_enabled": "1",
            "maxmemory_policy": "noeviction", "connected_slaves": "1", **info,
        }  # fmt: skip

    def exchange(self, commands):
        info = "\r\n".join(f"{name}:{value}" for name, value in self.info.items()).encode()
        replies = {"INFO": info, "HGET": Layout.ONE_SLOT.value, "CONFIG": [
            b"appendfsync", b"always", b"no-appendfsync-on-rewrite", b"no"
        ]}  # fmt: skip
        return [replies.get(one[0] if isinstance(one, tuple) else "", []) for one in commands]


def looked_at(form, durability=Durability.FSYNC, replicas=1):
    return condition.Condition(form, Keys("x"), durability, replicas)


REPLICA = "ip=127.0.0.1,port=1,state=online,offset=1,lag={}"


@pytest.mark.parametrize("writes", [True, False])
def test_a_primary_that_has_lost_its_replicas_is_looked_for_anew(monkeypatch, writes):
    monkeypatch.setattr(condition, "SENTINEL_AGAIN_S", 0)
    node = Node(slave0=REPLICA.format(1))
    looked = looked_at(Form.SENTINEL)
    looked.check(node, writes=writes)
    looked.check(node, writes=writes)
    for left in (REPLICA.format(9), REPLICA.format(0).replace("online", "wait_bgsave"), ""):
        node.info["slave0"] = left
        with pytest.raises(Unavailable, match="lost its replicas"):
            looked.check(node, writes=writes)
    looked.check(Node(), writes=writes)  # the Sentinels have named it again


def test_a_primary_that_never_had_replicas_is_not_suspected(monkeypatch):
    monkeypatch.setattr(condition, "AGAIN_S", 0)
    for form in (Form.SENTINEL, Form.ALONE):
        node, looked = Node(), looked_at(form)
        looked.check(node, writes=True)
        looked.check(node, writes=True)


@pytest.mark.parametrize(
    "form, durability, info, words",
    [
        (Form.ALONE, Durability.FSYNC, {}, []),
        (Form.SENTINEL, Durability.FSYNC, {}, ["a failover may lose", "min-replicas-to-write"]),
        (Form.CLUSTER, Durability.EVERYSEC, {"min_slaves_good_slaves": 1}, ["a failover may lose"]),
        (Form.CLUSTER, Durability.REPLICAS, {"min_slaves_good_slaves": 1}, []),
        (Form.ALONE, Durability.REPLICAS, {"connected_slaves": 3}, ["only 1 of 3 replicas"]),
        (Form.ALONE, Durability.NONE, {"aof_enabled": 0}, ["keeps no AOF"]),
    ],
)
def test_what_could_be_better_is_logged_when_it_changes(
    monkeypatch, caplog, form, durability, info, words
):
    monkeypatch.setattr(condition, "AGAIN_S", 0)
    node, looked = Node(**info), looked_at(form, durability)
    for _ in range(3):
        looked.check(node, writes=True)
    assert len(looked.concerns) == len(caplog.records) == len(words)
    assert all(word in concern for word, concern in zip(words, looked.concerns, strict=True))


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
    server.ask("HSET", "strongroom:{x}:place", "format", "3")
    assert "format" in await refused(server.place)
    server.ask("HSET", "strongroom:{x}:place", "format", "2")
    assert "use redis+cluster://" in await refused(server.place)


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
