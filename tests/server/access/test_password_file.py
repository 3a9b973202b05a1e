"""Users and devices with passwords: the file, and who is let in."""

import fcntl
import json
import os
import stat
from pathlib import Path
from typing import ClassVar

import pytest
import trio

from server.access import password_file, users
from server.access.password_file import Cost, Kind
from server.access.users import Users
from server.setup.failure import Failure

QUICK = Cost(memory_kib=8, iterations=1, lanes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "users.json"


def add(path: Path, name: str, password: str, kind: Kind = Kind.USER, **more: bool) -> None:
    password_file.add(path, kind, name, password, cost=QUICK, **more)


def guard(path: Path) -> Users:
    return Users(path, QUICK)


async def is_let_in(known: Users, name: str, password: str, kind: Kind = Kind.USER) -> bool:
    return await known.verify(name, password, kind)


async def test_the_right_password_lets_in_and_no_other(path: Path) -> None:
    add(path, "alice", "secret")
    known = guard(path)
    assert await is_let_in(known, "alice", "secret")
    assert await is_let_in(known, "alice", "secret")
    assert not await is_let_in(known, "alice", "Secret")
    assert not await is_let_in(known, "alice", "")
    assert not await is_let_in(known, "bob", "secret")
    assert not await is_let_in(known, "", "")


async def test_users_and_devices_are_apart(path: Path) -> None:
    add(path, "SN-1", "secret", Kind.DEVICE)
    known = guard(path)
    assert await is_let_in(known, "SN-1", "secret", Kind.DEVICE)
    assert not await is_let_in(known, "SN-1", "secret")


async def test_the_same_characters_are_the_same_password(path: Path) -> None:
    add(path, "alice", "caf\u00e9")
    assert await is_let_in(guard(path), "alice", "cafe\u0301")


def test_the_file_is_private_and_holds_no_password(path: Path) -> None:
    add(path, "alice", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in path.read_text()
    assert json.loads(path.read_text())["user"]["alice"].startswith("$argon2id$v=19$m=8,t=1,p=1$")


def test_the_default_cost_is_that_of_rfc_9106() -> None:
    assert Cost().verifier("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_running_server_sees_changes(path: Path) -> None:
    known = guard(path)
    assert await known.is_empty()
    assert not await is_let_in(known, "alice", "one")
    add(path, "alice", "one")
    assert not await known.is_empty()
    assert await is_let_in(known, "alice", "one")
    add(path, "alice", "two", replace=True)
    assert not await is_let_in(known, "alice", "one")
    assert await is_let_in(known, "alice", "two")
    password_file.remove(path, Kind.USER, "alice")
    assert not await is_let_in(known, "alice", "two")
    assert await known.is_empty()


async def test_a_damaged_file_lets_nobody_in_and_is_not_empty(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(path, "alice", "secret")
    known = guard(path)
    assert await is_let_in(known, "alice", "secret")
    path.write_text("{")
    assert not await is_let_in(known, "alice", "secret")
    assert not await known.is_empty()
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"user": [], "device": {}}', "\xff"])
def test_a_damaged_file_is_told(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(Failure, match="is damaged"):
        password_file.read(path)


async def test_a_damaged_verifier_lets_nobody_in(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"user": {"alice": "$argon2id$broken"}, "device": {}}')
    assert not await is_let_in(guard(path), "alice", "")


def test_names_and_passwords_that_cannot_be(path: Path) -> None:
    for name in ("", "x" * 256, "a\nb", "a\0b"):
        with pytest.raises(Failure, match="printable"):
            add(path, name, "secret")
    for password in ("", "x" * 1025):
        with pytest.raises(Failure, match="1 to 1024 bytes"):
            add(path, "alice", password)
    assert not path.exists()


def test_adding_twice_and_removing_nobody_are_refused(path: Path) -> None:
    add(path, "alice", "secret")
    with pytest.raises(Failure, match="exists; --replace"):
        add(path, "alice", "other")
    with pytest.raises(Failure, match="no device 'alice'"):
        password_file.remove(path, Kind.DEVICE, "alice")


async def test_a_mark_changes_with_the_password_and_is_nothing_without_a_name(path: Path) -> None:
    known = guard(path)
    assert await known.mark("alice", Kind.USER) == ""
    add(path, "alice", "secret")
    first = await known.mark("alice", Kind.USER)
    assert first
    assert await known.mark("alice", Kind.DEVICE) == ""
    add(path, "alice", "secret", replace=True)
    assert await known.mark("alice", Kind.USER) not in ("", first)
    password_file.remove(path, Kind.USER, "alice")
    assert await known.mark("alice", Kind.USER) == ""


async def test_the_longest_password_is_taken_and_lets_in(path: Path) -> None:
    longest = "x" * password_file.MAX_PASSWORD_BYTES
    add(path, "alice", longest)
    assert await is_let_in(guard(path), "alice", longest)


def test_a_name_is_judged_before_a_password_is_asked_for(path: Path) -> None:
    password_file.check_name(path, Kind.USER, "alice")
    with pytest.raises(Failure, match="printable"):
        password_file.check_name(path, Kind.USER, "a\nb")
    add(path, "alice", "secret")
    password_file.check_name(path, Kind.USER, "alice")
    with pytest.raises(Failure, match="looks like the name of"):
        password_file.check_name(path, Kind.USER, "ALICE")
    path.write_text(json.dumps({"user": {" alice": QUICK.verifier("x")}, "device": {}}))
    password_file.check_name(path, Kind.USER, " alice")


class Looking(Cost):
    """Looks, while a verifier is made, whether another command would have to wait."""

    def verifier(self, password: str) -> str:
        with self.lock.open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return QUICK.verifier(password)

    lock: ClassVar[Path]


def test_two_commands_at_once_do_not_undo_each_other(path: Path) -> None:
    """The second waits from before the file is read until it is written."""
    Looking.lock = path.with_suffix(".lock")
    password_file.add(path, Kind.USER, "alice", "secret", cost=Looking())
    with Looking.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_passwords_of_unknown_names_are_not_remembered(path: Path) -> None:
    known = guard(path)
    assert not await is_let_in(known, "nobody", "x")
    assert not known._proved


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(" alice", id="a space before"),
        pytest.param("alice ", id="a space behind"),
        pytest.param("al  ice", id="two spaces"),
        pytest.param("\uff41lice", id="fullwidth"),
        pytest.param("a\u0301lice", id="decomposed"),
        pytest.param("\u3164", id="Hangul filler"),
        pytest.param("\u2800", id="Braille blank"),
        pytest.param("al\u115fice", id="Hangul Choseong filler"),
        pytest.param("alice\ufe0f", id="variation selector"),
        pytest.param("\u0300", id="an accent on nothing"),
        pytest.param("\u0430lice", id="Cyrillic a"),
        pytest.param("\ufb01n", id="ligature"),
    ],
)
def test_a_new_name_does_not_look_like_another_or_like_none(path: Path, name: str) -> None:
    with pytest.raises(Failure):
        add(path, name, "secret")
    assert password_file.read(path)[Kind.USER] == {}


@pytest.mark.parametrize("known, name", [("alice", "Alice"), ("cop", "\u0441\u043e\u0440")])
def test_a_new_name_does_not_look_like_a_name_that_there_is(
    path: Path, known: str, name: str
) -> None:
    add(path, known, "secret")
    with pytest.raises(Failure, match="looks like the name of"):
        add(path, name, "secret")


@pytest.mark.parametrize(
    "label", ["user:", "device:", "name:", "sha256:", "san:", "DNS:", "dns:", "email:", "URI:"]
)
def test_no_user_is_called_as_clients_of_other_kinds_are(path: Path, label: str) -> None:
    with pytest.raises(Failure, match="other clients are called so"):
        add(path, f"{label}x", "secret")


@pytest.mark.parametrize(
    "name",
    ["alice", "Alice B", "\xe1lice", "user", "a:b", "\u0430\u043b\u0438\u0441\u0430", "sn-7"],
)
def test_plain_names_are_taken(path: Path, name: str) -> None:
    add(path, name, "secret")
    assert list(password_file.read(path)[Kind.USER]) == [name]


def test_a_name_of_before_can_be_removed_and_its_password_replaced(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"user": {" alice": QUICK.verifier("x")}, "device": {}}))
    add(path, " alice", "y", replace=True)
    password_file.remove(path, Kind.USER, " alice")
    assert password_file.read(path)[Kind.USER] == {}


class MadeOnce(Cost):
    """Counts the verifiers that it makes."""

    made: ClassVar[list[str]] = []

    def verifier(self, password: str) -> str:
        self.made.append(QUICK.verifier(password))
        return self.made[-1]


async def test_a_name_that_does_not_exist_is_compared_with_a_verifier_that_costs_as_much(
    path: Path,
) -> None:
    """One for all such names, made at the first: none that is made anew or not at all."""
    known = Users(path, MadeOnce())
    for name in ("nobody", "somebody"):
        assert not await is_let_in(known, name, "x")
    (made,) = MadeOnce.made
    assert made.startswith("$argon2id$v=19$m=8,t=1,p=1$")


@pytest.mark.parametrize("cost", ["m=1048576,t=1,p=1", "m=8,t=64,p=1", "m=8,t=1,p=64"])
def test_a_verifier_may_cost_so_much(path: Path, cost: str) -> None:
    path.parent.mkdir()
    verifier = f"$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"
    path.write_text(json.dumps({"user": {"alice": verifier}, "device": {}}))
    assert password_file.read(path)[Kind.USER] == {"alice": verifier}


@pytest.mark.parametrize("cost", ["m=4194304,t=1,p=1", "m=8,t=99,p=1", "m=8,t=1,p=99"])
def test_a_verifier_that_costs_too_much_damages_the_file(path: Path, cost: str) -> None:
    path.parent.mkdir()
    verifier = f"$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"
    path.write_text(json.dumps({"user": {"alice": verifier}, "device": {}}))
    with pytest.raises(Failure, match="is damaged"):
        password_file.read(path)


def test_a_deeply_nested_file_is_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[" * 200_000)
    with pytest.raises(Failure, match="is damaged"):
        password_file.read(path)


async def test_a_pipe_in_the_place_of_the_file_stops_nobody(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    assert not await is_let_in(guard(path), "alice", "secret")
    assert "is not a plain file" in caplog.text


async def test_a_crowd_is_refused_rather_than_queued_without_end(path: Path) -> None:
    """Derivations in flight and waiting are bounded; the others fail at once."""
    add(path, "alice", "secret")
    known = guard(path)
    let_in = []

    async def enter() -> None:
        if await is_let_in(known, "alice", "secret"):
            let_in.append(1)

    async with trio.open_nursery() as nursery:
        for _ in range(users.MAX_DERIVATIONS + users.MAX_WAITING + 20):
            nursery.start_soon(enter)
    assert users.MAX_DERIVATIONS <= len(let_in) <= users.MAX_DERIVATIONS + users.MAX_WAITING


async def test_an_overlong_password_is_refused_without_a_derivation(path: Path) -> None:
    add(path, "alice", "secret")
    assert not await is_let_in(guard(path), "alice", "x" * (password_file.MAX_PASSWORD_BYTES + 1))
