"""`strongroom token`, as a person types it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from server.__main__ import main
from server.access import api_tokens
from server.access.api_tokens import APITokens
from server.access.kept_tokens import KeptTokens
from server.setup import open_store
from server.setup.config import Config
from tests.server.commands.test_commands import refusal
from tests.storage.redis_server import RedisServer


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    return ["--data", str(tmp_path)]


def now() -> float:
    return datetime.now(UTC).timestamp()


def test_a_token_is_printed_once_and_listed_with_its_rights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: list[str]
) -> None:
    assert main(["token", "add", "app", *place]) == 0
    token = capsys.readouterr().out.strip()
    tokens = APITokens(tmp_path / "tokens.json")
    found = trio.run(tokens.find, token, now())
    assert found is not None
    assert 89 < (found.until - now()) / 86_400 <= 90
    assert main(["token", "add", "reader", "--read-only", *place]) == 0
    assert main(["token", "add", "user", "--operations", "Decrypt,encrypt", *place]) == 0
    capsys.readouterr()
    assert main(["token", "list", *place]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in listed] == ["app", "reader", "user"]
    assert [line.split("  ")[2] for line in listed] == [
        "all operations",
        "read only",
        "Decrypt, Encrypt",
    ]
    assert token not in "".join(listed)
    assert main(["token", "remove", "app", *place]) == 0
    assert trio.run(tokens.find, token, now()) is None


def test_a_token_may_go_to_a_file_that_only_its_owner_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: list[str]
) -> None:
    out = tmp_path / "app.token"
    assert main(["token", "add", "app", "--out", str(out), *place]) == 0
    token = out.read_text().strip()
    assert token not in capsys.readouterr().out
    assert out.stat().st_mode & 0o777 == 0o600
    assert trio.run(APITokens(tmp_path / "tokens.json").find, token, now()) is not None
    assert "exists" in refusal(capsys, "token", "add", "other", "--out", str(out), *place)
    assert "other" not in api_tokens.read(tmp_path / "tokens.json")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["add", "app", "--days", "0"], "days"),
        (["add", "app", "--operations", "Fetch"], "no operation 'Fetch'"),
        (["add", "app", "--operations", "Get", "--read-only"], "not both"),
        (["add", ""], "printable"),
        (["remove", "app"], "no token 'app'"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    capsys: pytest.CaptureFixture[str], place: list[str], words: list[str], sentence: str
) -> None:
    assert sentence in refusal(capsys, "token", *words, *place)


def test_tokens_of_a_store_that_servers_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], valkey: RedisServer, label: str
) -> None:
    place = ["--data", str(tmp_path), "--store", valkey.url, "--redis-findex-label", label]
    assert "no store" in refusal(capsys, "token", "add", "app", *place)
    settings = Config(data=tmp_path, store=valkey.url, redis_findex_label=label)
    trio.run(made, settings)
    assert main(["token", "add", "app", *place]) == 0
    token = capsys.readouterr().out.strip()
    assert trio.run(is_taken, settings, token)
    assert "exists; --replace" in refusal(capsys, "token", "add", "app", *place)
    assert main(["token", "list", *place]) == 0
    assert capsys.readouterr().out.startswith("app  until ")
    assert main(["token", "remove", "app", *place]) == 0
    assert not trio.run(is_taken, settings, token)
    assert "no token 'app'" in refusal(capsys, "token", "remove", "app", *place)
    assert not (tmp_path / "tokens.json").exists()


async def made(settings: Config) -> None:
    """Make the store that the settings name."""
    async with open_store.opened(settings):
        pass


async def is_taken(settings: Config, token: str) -> bool:
    """Whether a server on the store would take a token."""
    async with open_store.opened(settings, create=False) as store:
        return await APITokens(None, KeptTokens(store)).find(token, now()) is not None
