"""A store in Redis that the operator gives to an unprovisioned server, tried when it is given."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.bootstrap.operator import operator_access
from server.bootstrap.routes import Bootstrap
from server.setup import open_store
from server.setup.config import Config
from server.setup.provisioning import Provisioning, opening
from server.setup.redis_store import RedisAccess
from storage import Anchor, Part, Reason, Tampered
from tests.server.bootstrap.test_routes import own_key
from tests.server.unprovisioned_server import PASSWORD, configured, request
from tests.storage.redis_server import RedisServer, Servers, free_port


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


@pytest.fixture
def one(config: Config) -> Bootstrap:
    async def launch(provisioning: Provisioning) -> None:
        raise AssertionError("not asked for")

    return Bootstrap(config, operator_access(config), launch, own_key)


@pytest.fixture
def give(one: Bootstrap) -> Callable[..., Any]:
    async def give(**body: str) -> str:
        status, said = await request(one.routes, "POST", "/redis-findex", body)
        assert status in (200, 422)
        return said.get("success") or said["error"]

    return give


async def test_it_is_tried_and_kept_without_its_password_in_the_url(
    servers: Servers, one: Bootstrap, give, config: Config
):
    port = free_port()
    server = servers.start(port=port)
    server.ask("ACL", "SETUSER", "fred", "on", ">word", "~*", "+@all")
    place = f"redis://fred:word@127.0.0.1:{port}"
    said = await give(url=place, findex_label="mine", master_password=PASSWORD)
    assert "Successfully" in said
    kept = one.provisioning
    assert kept == Provisioning(
        store=f"redis://fred@127.0.0.1:{port}/",
        password=PASSWORD,
        redis=RedisAccess("mine", "word"),
    )
    assert "word" not in repr(kept).replace("password", "")
    assert Provisioning.decode(kept.encode()) == kept
    assert server.all_keys() == [], "and not made yet"
    async with open_store.opened(config, opening=opening(kept)) as store:
        assert store.is_new
    assert "Successfully" in await give(url=place, findex_label="mine", master_password=PASSWORD)
    said = await give(url=place, findex_label="mine", master_password="wrong")
    assert said == (
        f"The store redis://fred@127.0.0.1:{port}/ does not open with the password given."
    )
    said = await give(
        url=f"redis://fred@127.0.0.1:{port}",
        findex_label="mine",
        master_password=PASSWORD,
        password="other",
    )
    assert said.endswith("cannot be used: Redis refuses the user or the password.")


async def test_a_key_file_may_open_it(valkey: RedisServer, one: Bootstrap, give, label: str):
    said = await give(url=valkey.url, findex_label=label)
    assert said == "give master_password, or the store's key file first"
    assert (await request(one.routes, "POST", "/key-file", bytes(range(32))))[0] == 200
    assert "Successfully" in await give(url=valkey.url, findex_label=label)


@pytest.mark.parametrize(
    "option, value, why",
    [
        ("appendfsync", "everysec", "set appendfsync always"),
        ("appendonly", "no", "set appendonly yes"),
        ("maxmemory-policy", "allkeys-lfu", "set noeviction"),
    ],
)
async def test_a_redis_that_cannot_keep_it_is_refused_in_a_sentence(
    servers: Servers, one: Bootstrap, give, option: str, value: str, why: str
):
    server = servers.start()
    server.ask("CONFIG", "SET", option, value)
    said = await give(url=server.url, findex_label="x", master_password=PASSWORD)
    assert said.startswith(f"The store {server.url} cannot be used: ")
    assert said.endswith(f"{why}.")
    assert one.provisioning == Provisioning()


async def test_a_store_that_is_empty_where_it_was_not_is_refused(
    valkey: RedisServer, one: Bootstrap, label: str, config: Config
):
    provisioning = Provisioning(
        store=valkey.url,
        password=PASSWORD,
        redis=RedisAccess(label),
        anchor=str(Anchor(5, bytes(16))),
    )
    with pytest.raises(Tampered) as caught:
        async with open_store.opened(config, opening=opening(provisioning)):
            pass
    assert (caught.value.part, caught.value.reason) == (Part.STORE, Reason.ROLLED_BACK)


async def test_sqlite_after_it_forgets_it(valkey: RedisServer, one: Bootstrap, give, label: str):
    await give(url=valkey.url, findex_label=label, master_password=PASSWORD)
    assert one.provisioning.redis is not None
    status, _ = await request(one.routes, "POST", "/sqlite", {"password": PASSWORD})
    assert status == 200
    assert one.provisioning == replace(Provisioning(), password=PASSWORD)
