"""The table of back ends: what one row brings with it."""

import logging
from dataclasses import fields
from pathlib import Path

import pytest

from server.setup import backends, explanations, open_store
from server.setup.backends import SCHEMES, Scheme
from server.setup.config import Config
from server.setup.failure import Failure
from storage import Backend, MemoryBackend, MemorySpace, Missing, Put, Terms

PLACES: dict[str, MemorySpace] = {}


def remembered(place: str, *, store_cache_bytes: int) -> Backend:
    """A back end over memory that stays, as a server elsewhere would have it."""
    assert store_cache_bytes == 12345
    return MemoryBackend(PLACES.setdefault(place, MemorySpace()), shared=True)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The settings of a server whose store is of a scheme that one row adds."""
    row = Scheme(
        name="remembered",
        rest="HOST",
        meaning="a test",
        make=remembered,
        settings=("store_cache_bytes",),
    )
    monkeypatch.setitem(SCHEMES, row.name, row)
    PLACES.clear()
    return Config(data=tmp_path, store="remembered:here", store_cache_bytes=12345)


async def test_one_row_adds_a_back_end_that_is_new_once(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with open_store.opened(config) as opened:
        assert opened.is_new
        await opened.commit([Put(b"name", 0, b"content", None, Terms())])
    assert "made a new store here" in caplog.text
    key = config.key_file.read_bytes()
    caplog.clear()
    async with open_store.opened(config) as opened:
        assert not opened.is_new
        assert await opened.read(b"name") is not None
    assert not caplog.records
    assert config.key_file.read_bytes() == key


async def test_its_key_file_is_made_for_a_new_store_only(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Missing):
        async with open_store.opened(config, create=False):
            pass
    assert not config.key_file.exists()
    async with open_store.opened(config):
        pass
    key = config.key_file.read_bytes()
    config.key_file.unlink()
    with pytest.raises(Failure, match="The store here is there and its key file"):
        async with open_store.opened(config):
            pass
    assert not config.key_file.exists()
    config.key_file.write_bytes(key)
    config.key_file.chmod(0o600)
    PLACES.clear()
    async with open_store.opened(config):
        pass
    assert "made a new store here: its key file was there, and no store" in caplog.text


async def test_its_new_password_is_asked_for_twice_and_its_old_one_once(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[bool] = []

    def read_password(file: str | None, prompt: str, *, twice: bool) -> str:
        prompts.append(twice)
        return "correct horse"

    monkeypatch.setattr(open_store, "read_password", read_password)
    config = Config(
        data=config.data, store=config.store, store_cache_bytes=12345, store_password_prompt=True
    )
    for _ in range(2):
        async with open_store.opened(config):
            pass
    assert prompts == [True, False]


def test_its_form_is_in_the_sentences_and_the_documentation(config: Config) -> None:
    with pytest.raises(
        Failure, match=r"must be sqlite:PATH or memory: or .*remembered:HOST, not 'x'"
    ):
        backends.parse("x")
    assert "remembered:HOST (a test)" in backends.meanings()
    assert explanations.explain(Missing("none"), config) == "There is no store at here."
    assert open_store.secret_name(config) == f"the key file {config.key_file}"


def test_the_settings_that_a_row_needs_are_there() -> None:
    known = {field.name for field in fields(Config)}
    for scheme in SCHEMES.values():
        assert set(scheme.settings) <= known


def test_the_default_is_of_the_table(tmp_path: Path) -> None:
    assert backends.parse(backends.default(tmp_path)).scheme is SCHEMES["sqlite"]
