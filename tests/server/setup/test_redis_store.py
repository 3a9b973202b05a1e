"""A store in Redis, as the settings name it."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from server.setup import explanations, open_store
from server.setup.config import Config, DatabaseType
from server.setup.failure import Failure
from storage import Durability, Put, Terms, Unsuitable, WrongSecret
from tests.storage.redis_server import RedisServer, Servers, free_port


@pytest.fixture
def config(tmp_path: Path, valkey: RedisServer, label: str) -> Config:
    return Config(data=tmp_path, store=valkey.url, redis_findex_label=label)


async def test_a_first_start_makes_the_store_and_its_key_file(config: Config):
    async with open_store.opened(config) as store:
        assert store.is_new
        await store.commit([Put(b"name", 0, b"content", None, Terms())])
    assert stat.S_IMODE(config.key_file.stat().st_mode) == 0o600
    assert [path.name for path in config.data.iterdir()] == ["store.key"]
    async with open_store.opened(config, create=False) as store:
        assert await store.read(b"name") is not None


async def test_the_names_of_cosmian_are_taken(config: Config, tmp_path: Path):
    password = tmp_path / "password"
    password.write_text("correct horse")
    config = replace(
        config,
        store="",
        database_url=config.store,
        database_type=DatabaseType.REDIS_FINDEX,
        redis_master_password_file=password,
    )
    assert open_store.secret_name(config) == "the password given"
    for is_new in (True, False):
        async with open_store.opened(config) as store:
            assert store.is_new is is_new
    assert not config.key_file.exists()
    password.write_text("wrong")
    with pytest.raises(WrongSecret) as caught:
        async with open_store.opened(config):
            pass
    assert explanations.explain(caught.value, config) == (
        f"The store {config.database_url} does not open with the password given."
    )


async def test_the_password_of_redis_is_in_a_file(servers: Servers, config: Config, tmp_path: Path):
    port = free_port()
    servers.start(port=port).ask("ACL", "SETUSER", "fred", "on", ">word", "~*", "+@all")
    file = tmp_path / "redis-password"
    file.write_text("word\n")
    config = replace(config, store=f"redis://fred@127.0.0.1:{port}", redis_password_file=file)
    async with open_store.opened(config) as store:
        assert store.is_new
    file.write_text("other\n")
    with pytest.raises(Unsuitable) as caught:
        async with open_store.opened(config):
            pass
    assert explanations.explain(caught.value, config) == (
        f"The store {config.store} cannot be used: Redis refuses the user or the password."
    )


@pytest.mark.parametrize(
    "place", ["redis://u:secret@h", "redis://:secret@h/1", "rediss://h?password=secret"]
)
def test_a_password_in_a_place_is_refused_and_not_repeated(place: str):
    with pytest.raises(Failure, match="redis_password_file") as caught:
        open_store.place(Config(store=place))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "place, why",
    [
        ("redis://h/x", "database"),
        ("redis://h?x=1", "option"),
        ("redis+sentinel://h", "service"),
        ("unix://x", "socket"),
    ],
)
def test_what_the_place_lacks_is_told_in_a_sentence(place: str, why: str):
    config = Config(store=place)
    with pytest.raises(Failure, match=f"^The store in Redis cannot be used: .*{why}"):
        open_store.place(config).backend(config)


def test_settings_that_contradict_each_other_are_refused():
    for fields in (
        {"store": "redis://h", "database_url": "redis://h"},
        {"store_password_file": Path("p"), "redis_master_password_file": Path("p")},
        {"redis_master_password_file": Path("p"), "store_password_prompt": True},
        {"redis_tls_private_key": Path("k")},
    ):
        with pytest.raises(Failure):
            Config(**fields)
    with pytest.raises(Failure, match="needs the URL of a Redis"):
        open_store.place(Config(database_type=DatabaseType.REDIS_FINDEX))


async def test_a_durability_that_redis_does_not_keep_is_told(servers: Servers, config: Config):
    url = servers.start("--save", "").url
    config = replace(config, store=url)
    with pytest.raises(Unsuitable) as caught:
        async with open_store.opened(config):
            pass
    assert explanations.explain(caught.value, config) == (
        f"The store {url} cannot be used: Redis keeps no AOF, which the durability fsync needs: "
        "set appendonly yes."
    )
    async with open_store.opened(replace(config, redis_durability=Durability.NONE)) as store:
        assert store.is_new


async def test_two_servers_with_one_key_file_share_a_store(config: Config, tmp_path: Path):
    other = replace(config, data=tmp_path / "other", store_key_file=config.key_file)
    async with open_store.opened(config) as one, open_store.opened(other) as another:
        await one.commit([Put(b"name", 0, b"content", None, Terms())])
        await another.refresh()
        assert await another.read(b"name") is not None
