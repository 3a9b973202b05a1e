"""The commands as a person types them, within this process."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from server.__main__ import main
from server.access import password_file
from server.access.password_file import Kind
from server.access.users import Users
from server.setup import open_store
from server.setup.config import Config
from storage import Put, Terms
from tests.storage.redis_server import RedisServer


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-8"))))

    return put


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that is refused says: one line."""
    capsys.readouterr()
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("strongroom: ")
    assert said.err.count("\n") == 1
    return said.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in ("serve", "client-certificate", "user", "store-password", "config"):
        assert f"\n    {name}" in text


@pytest.mark.parametrize(
    "words", [[], ["nothing"], ["serve", "--nothing"], ["user"], ["serve", "x"]]
)
def test_what_makes_no_sense_is_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: strongroom" in capsys.readouterr().err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip().count(".") == 2


def test_client_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["client-certificate", "app", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for name in ("app.pem", "app.key", "ca.pem"):
        assert f"{tmp_path}/tls/{name}" in said
        assert (tmp_path / "tls" / name).exists()
    assert "cannot name a client" in refusal(
        capsys, "client-certificate", "../app", "--data", str(tmp_path)
    )


def test_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], say: Callable[[str], None]
) -> None:
    place = ["--data", str(tmp_path)]
    say("secret\n")
    assert main(["user", "add", "alice", *place]) == 0
    (tmp_path / "password").write_text("other")
    file = ["--password-file", str(tmp_path / "password")]
    assert main(["user", "add", "bob", *file, *place]) == 0
    assert main(["user", "add", "SN-1", "--device", *file, *place]) == 0
    assert "secret" not in capsys.readouterr().out
    assert main(["user", "list", *place]) == 0
    assert capsys.readouterr().out == "alice\nbob\n"
    assert main(["user", "list", "--device", *place]) == 0
    assert capsys.readouterr().out == "SN-1\n"
    assert "exists; --replace" in refusal(capsys, "user", "add", "bob", *file, *place)
    assert main(["user", "add", "bob", "--replace", *file, *place]) == 0
    assert main(["user", "remove", "bob", *place]) == 0
    assert "no user 'bob'" in refusal(capsys, "user", "remove", "bob", *place)
    assert list(password_file.read(tmp_path / "users.json")[Kind.USER]) == ["alice"]


def test_users_of_a_store_that_servers_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], valkey: RedisServer, label: str
) -> None:
    place = ["--data", str(tmp_path), "--store", valkey.url, "--redis-findex-label", label]
    (tmp_path / "password").write_text("other")
    file = ["--password-file", str(tmp_path / "password")]
    assert "no store" in refusal(capsys, "user", "add", "bob", *file, *place)
    settings = Config(data=tmp_path, store=valkey.url, redis_findex_label=label)
    trio.run(made, settings)
    assert main(["user", "add", "bob", *file, *place]) == 0
    assert "From now on a password in a request must be right" in capsys.readouterr().out
    assert main(["user", "add", "SN-1", "--device", *file, *place]) == 0
    assert main(["user", "list", "--device", *place]) == 0
    assert capsys.readouterr().out == "The device SN-1 may identify by a password.\nSN-1\n"
    assert "exists; --replace" in refusal(capsys, "user", "add", "bob", *file, *place)
    assert "looks like" in refusal(capsys, "user", "add", "Bob", *file, *place)
    assert main(["user", "add", "bob", "--replace", *file, *place]) == 0
    assert trio.run(lets_in, settings, "bob", "other")
    assert main(["user", "remove", "bob", *place]) == 0
    assert not trio.run(lets_in, settings, "bob", "other")
    assert "no user 'bob'" in refusal(capsys, "user", "remove", "bob", *place)
    assert not (tmp_path / "users.json").exists()
    assert main(["tickets", "end", "bob", *place]) == 0
    assert not (tmp_path / "tickets.json").exists()
    assert "whose tickets" in refusal(capsys, "tickets", "end", "", *place)


async def made(settings: Config) -> None:
    """Make the store that the settings name."""
    async with open_store.opened(settings):
        pass


async def lets_in(settings: Config, name: str, password: str) -> bool:
    """Whether a server on the store would let a user in."""
    async with open_store.opened(settings, create=False) as store:
        users = Users(settings.users_file)
        users.look_into(store)
        return await users.verify(name, password)


@pytest.mark.parametrize(
    "text, sentence", [("", "is empty"), ("\n", "is empty"), ("x" * 1025, "1 to 1024 bytes")]
)
def test_passwords_that_cannot_be(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    say: Callable[[str], None],
    text: str,
    sentence: str,
) -> None:
    say(text)
    assert sentence in refusal(capsys, "user", "add", "alice", "--data", str(tmp_path))


def test_a_password_that_is_not_utf_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "password").write_bytes(b"\xff")
    words = ["--password-file", str(tmp_path / "password"), "--data", str(tmp_path)]
    assert "is not UTF-8" in refusal(capsys, "user", "add", "alice", *words)


def test_a_password_file_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--password-file", str(tmp_path / "absent"), "--data", str(tmp_path)]
    assert "absent cannot be read" in refusal(capsys, "user", "add", "alice", *words)


def test_config_tells_each_value_and_who_gave_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_text("kmip_port = 5\n")
    monkeypatch.setenv("STRONGROOM_CONFIG", str(file))
    monkeypatch.setenv("STRONGROOM_KMIP_HOST", "::1")
    assert main(["config", "--log-level", "debug"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "kmip_host = ::1  # STRONGROOM_KMIP_HOST" in lines
    assert f"kmip_port = 5  # kmip_port in {file}" in lines
    assert "log_level = debug  # --log-level" in lines
    assert "data = .strongroom  # the default" in lines


def test_config_tells_what_follows_from_other_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "--data", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"store = sqlite:{tmp_path}/store.db  # the default" in lines
    assert f"tls_client_ca = {tmp_path}/tls/ca.pem  # the default" in lines
    assert "store_password_file = (none)  # the default" in lines


def test_a_reader_who_leaves_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert main(["config"]) == 0


def test_a_wrong_setting_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--kmip-port must be a whole number, not 'x'." in refusal(
        capsys, "config", "--kmip-port", "x"
    )
    assert "nowhere.toml cannot be read" in refusal(capsys, "config", "--config", "nowhere.toml")


async def _make(config: Config) -> None:
    async with open_store.opened(config) as opened:
        await opened.commit([Put(b"name", 0, b"content", None, Terms())])


def test_store_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], say: Callable[[str], None]
) -> None:
    place = ["--data", str(tmp_path)]
    config = Config(data=tmp_path)
    trio.run(_make, config)
    password = tmp_path / "password"
    password.write_text("one\n")
    assert main(["store-password", "--new-password-file", str(password), "--keep", *place]) == 0
    say("two\n")
    assert main(["store-password", "--store-password-file", str(password), *place]) == 0
    assert "does not open with the password given" in refusal(
        capsys, "store-password", "--store-password-file", str(password),
        "--new-password-file", str(password), *place,
    )  # fmt: skip
    password.write_text("two")
    other = tmp_path / "other.key"
    other.write_bytes(b"k" * 32)
    old, new = ["--store-password-file", str(password)], ["--new-key-file", str(other)]
    assert main(["store-password", *old, *new, *place]) == 0
    old, new = ["--store-key-file", str(other)], ["--new-password-file", str(password)]
    assert main(["store-password", *old, *new, *place]) == 0
    assert "one" not in capsys.readouterr().out


def test_store_password_needs_a_store_that_nobody_uses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text("one")
    words = ["store-password", "--new-password-file", str(password), "--data", str(tmp_path)]
    assert "There is no store at" in refusal(capsys, *words)


def test_more_secrets_than_a_store_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config(data=tmp_path)
    trio.run(_make, config)
    words = ["store-password", "--keep", "--new-key-file", "", "--data", str(tmp_path)]
    for number in range(7):
        key = tmp_path / f"{number}.key"
        key.write_bytes(bytes([number]) * 32)
        words[3] = str(key)
        assert main(words) == 0
    assert "cannot be added: a store has at most eight key slots" in refusal(capsys, *words)


def test_on_a_terminal_a_password_is_asked_for_twice_and_not_echoed(tmp_path: Path) -> None:
    child = (
        f"{sys.executable!r}, '-m', 'server', 'user', 'add', 'alice', '--data', {str(tmp_path)!r}"
    )
    terminal = f"import pty, sys; sys.exit(pty.spawn([{child}]) >> 8)"

    def answer(*answers: str) -> tuple[int, str]:
        with subprocess.Popen(
            [sys.executable, "-c", terminal], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            output = b""
            for prompts, one in enumerate(answers, start=1):
                while output.count(b": ") < prompts:
                    more = os.read(process.stdout.fileno(), 1000)
                    assert more, output
                    output += more
                process.stdin.write(one.encode() + b"\n")
                process.stdin.flush()
            output += process.stdout.read()
        return process.returncode, output.decode()

    status, output = answer("secret", "other")
    assert status == 1
    assert "The two passwords differ." in output
    status, output = answer("secret", "secret")
    assert status == 0
    assert "secret" not in output
    assert list(password_file.read(tmp_path / "users.json")[Kind.USER]) == ["alice"]


def test_an_interrupted_command_ends_as_shells_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("server.pki.local_authority.ensure_client", interrupted)
    assert main(["client-certificate", "app", "--data", str(tmp_path)]) == 130
