"""The store that the settings name: its place, its secret, opening it."""

import stat
from pathlib import Path

import pytest

from server.setup import open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage import Put, SQLiteBackend, Terms
from storage.errors import Damaged, InUse, Missing, WrongSecret
from storage.secret import KeyFile, Password


async def put(config: Config) -> None:
    async with open_store.opened(config) as opened:
        await opened.commit([Put(b"name", 0, b"content", None, Terms())])


async def has(config: Config) -> bool:
    async with open_store.opened(config, create=False) as opened:
        return await opened.read(b"name") is not None


def test_places(tmp_path: Path) -> None:
    default = open_store.place(Config(data=tmp_path))
    assert str(default) == str(tmp_path / "store.db")
    assert str(open_store.place(Config(store="sqlite:/x.db"))) == "/x.db"
    assert str(open_store.place(Config(store="memory:"))) == "in memory"


@pytest.mark.parametrize("text", ["x", "redis", "sqlite", "sqlite:", "memory", "memory:x", "/a/b"])
def test_what_is_no_place_is_told(text: str) -> None:
    with pytest.raises(Failure, match=r"store must be sqlite:PATH or memory: or redis://.*, not"):
        open_store.place(Config(store=text))


async def test_a_first_start_makes_a_private_key_file_and_a_second_finds_it(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    await put(config)
    key = config.key_file
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE((tmp_path / "data" / "store.db").stat().st_mode) == 0o600
    assert await has(config)


async def test_looking_for_a_store_makes_neither_it_nor_a_key_file(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    with pytest.raises(Missing):
        await has(config)
    assert not list(tmp_path.iterdir())


async def test_a_missing_key_file_is_never_replaced(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    await put(config)
    config.key_file.unlink()
    with pytest.raises(Failure, match=r"its key file .*store\.key is not"):
        await has(config)
    assert not config.key_file.exists()


async def test_a_new_store_beside_an_old_key_file_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    config = Config(data=tmp_path)
    await put(config)
    assert not caplog.records
    (tmp_path / "store.db").unlink()
    await put(config)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "its key file was there, and no store" in caplog.text


async def test_a_store_by_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    config = Config(data=tmp_path, store_password_file=file)
    await put(config)
    assert await has(config)
    assert not config.key_file.exists()
    file.write_text("wrong\n")
    with pytest.raises(WrongSecret):
        await has(config)
    assert open_store.secret_name(config) == "the password given"


async def test_another_key_file_does_not_open_it(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    await put(config)
    config.key_file.write_bytes(b"x" * 32)
    with pytest.raises(WrongSecret):
        await has(config)


async def test_a_store_in_use_and_one_that_is_not_there(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    with pytest.raises(Missing):
        await has(config)
    async with open_store.opened(config):
        with pytest.raises(InUse):
            await has(config)


async def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    config = Config(data=tmp_path)
    await put(config)
    (tmp_path / "store.db").write_bytes(b"x" * 4096)
    with pytest.raises(Damaged):
        await has(config)


async def test_a_store_in_memory_leaves_nothing_behind(tmp_path: Path) -> None:
    config = Config(data=tmp_path, store="memory:")
    await put(config)
    assert open_store.secret_name(config) == "a key that is not kept"
    assert not list(tmp_path.iterdir())


def test_secrets_that_cannot_be_used_are_told_without_being_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"short")
    with pytest.raises(Failure, match="cannot be used: a key file has 32 bytes to 1 MiB"):
        open_store.key_file(key)
    with pytest.raises(Failure, match="cannot be used") as caught:
        open_store.password("s" * 1025)
    assert "sss" not in str(caught.value)
    assert open_store.password("x") == Password("x")
    key.write_bytes(b"k" * 32)
    assert open_store.key_file(key) == KeyFile(b"k" * 32)


async def test_an_empty_database_is_a_new_store_and_gets_a_key_file(tmp_path: Path) -> None:
    backend = SQLiteBackend(tmp_path / "store.db")  # as a start leaves it that is interrupted
    await backend.open()
    await backend.aclose()
    config = Config(data=tmp_path)
    async with open_store.opened(config) as opened:
        assert opened.is_new
    assert config.key_file.exists()
