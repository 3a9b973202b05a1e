"""Users and devices with passwords: the file, and who is let in."""

import json
import stat
from pathlib import Path

import pytest
import trio

from kmip.errors import AuthenticationNotSuccessful
from server.access import password_file
from server.access.password_file import Cost, Kind, Users
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES
from server.setup.failure import Failure

QUICK = Cost(memory_kib=8, iterations=1, lanes=1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "users.json"


def add(path: Path, name: str, password: str, kind: Kind = Kind.USER, **more: bool) -> None:
    password_file.add(path, kind, name, password, cost=QUICK, **more)


def guard(path: Path, clock: Clock | None = None) -> Users:
    return Users(path, clock or Clock(), QUICK)


async def is_let_in(
    users: Users, name: str, password: str, kind: Kind = Kind.USER, client: str = ""
) -> bool:
    try:
        return await users.verify(name, password, kind, client) == name
    except AuthenticationNotSuccessful:
        return False


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
    assert known.is_empty()
    assert not await is_let_in(known, "alice", "one")
    add(path, "alice", "one")
    assert not known.is_empty()
    assert await is_let_in(known, "alice", "one")
    add(path, "alice", "two", replace=True)
    assert not await is_let_in(known, "alice", "one")
    assert await is_let_in(known, "alice", "two")
    password_file.remove(path, Kind.USER, "alice")
    assert not await is_let_in(known, "alice", "two")
    assert known.is_empty()


async def test_a_damaged_file_lets_nobody_in_and_is_not_empty(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(path, "alice", "secret")
    known = guard(path)
    assert await is_let_in(known, "alice", "secret")
    path.write_text("{")
    assert not await is_let_in(known, "alice", "secret")
    assert not known.is_empty()
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


async def test_too_many_failures_bar_a_name_for_the_rest_of_the_minute(path: Path) -> None:
    add(path, "alice", "secret")
    clock = Clock()
    known = guard(path, clock)
    for _ in range(MAX_FAILURES):
        assert not await is_let_in(known, "alice", "wrong")
    assert not await is_let_in(known, "alice", "secret")
    clock.now = FAILURE_WINDOW_SECONDS
    assert await is_let_in(known, "alice", "secret")


async def test_who_is_at_work_is_not_locked_out_by_others_guesses(path: Path) -> None:
    add(path, "alice", "secret")
    known = guard(path)
    assert await is_let_in(known, "alice", "secret")
    for _ in range(MAX_FAILURES):
        assert not await is_let_in(known, "alice", "wrong", client="mallory")
    assert await is_let_in(known, "alice", "secret")
    assert not await is_let_in(known, "alice", "secret", client="mallory")


async def test_failures_of_an_earlier_minute_do_not_count(path: Path) -> None:
    add(path, "alice", "secret")
    clock = Clock()
    known = guard(path, clock)
    for _ in range(MAX_FAILURES - 1):
        assert not await is_let_in(known, "alice", "wrong")
    clock.now = FAILURE_WINDOW_SECONDS
    assert not await is_let_in(known, "alice", "wrong")
    assert await is_let_in(known, "alice", "secret")


async def test_guesses_at_unknown_names_leave_nothing_behind(path: Path) -> None:
    add(path, "alice", "secret")
    known = guard(path)
    for number in range(MAX_FAILURES + 5):
        assert not await is_let_in(known, f"nobody {number}", "x")
    assert not known._failed_logins._failures
    assert not known._proved


async def test_a_crowd_is_refused_rather_than_queued_without_end(path: Path) -> None:
    """Derivations in flight and waiting are bounded; the others fail at once."""
    add(path, "alice", "secret")
    known = guard(path)
    let_in = []

    async def enter() -> None:
        if await is_let_in(known, "alice", "secret"):
            let_in.append(1)

    async with trio.open_nursery() as nursery:
        for _ in range(password_file.MAX_DERIVATIONS + password_file.MAX_WAITING + 20):
            nursery.start_soon(enter)
    assert (
        password_file.MAX_DERIVATIONS
        <= len(let_in)
        <= password_file.MAX_DERIVATIONS + password_file.MAX_WAITING
    )


async def test_an_overlong_password_is_refused_without_a_derivation(path: Path) -> None:
    add(path, "alice", "secret")
    assert not await is_let_in(guard(path), "alice", "x" * (password_file.MAX_PASSWORD_BYTES + 1))
