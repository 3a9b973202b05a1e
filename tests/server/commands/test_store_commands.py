"""The commands on a store, as a person types them, within this process."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from server.__main__ import main
from server.setup import open_store
from server.setup.config import Config
from storage import Put, Remove, SealedStore, SQLiteBackend, Terms
from storage import resume as resume_module
from storage import saver as saver_module
from tests.storage.redis_server import RedisServer


@contextmanager
def in_use(config: Config) -> Iterator[Callable[[Callable[[SealedStore], Any]], Any]]:
    """A store that a server in another thread has open; gives what calls it there."""
    ready, token, ended = threading.Event(), [], trio.Event()
    stores: list[SealedStore] = []

    async def hold() -> None:
        async with open_store.opened(config, follows=True) as opened:
            token.append(trio.lowlevel.current_trio_token())
            stores.append(opened)
            await opened._follower.look()
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=trio.run, args=(hold,))
    thread.start()
    try:
        assert ready.wait(20)
        yield lambda job: trio.from_thread.run(job, stores[0], trio_token=token[0])
    finally:
        if token:
            token[0].run_sync_soon(ended.set)
        thread.join()


async def _make(config: Config, count: int) -> None:
    async with open_store.opened(config) as opened:
        for n in range(count):
            await opened.commit([Put(b"name %d" % n, 0, b"meta", b"body %d" % n, Terms())])


@pytest.fixture
def made(tmp_path: Path) -> Config:
    """A store of 20 records."""
    config = Config(data=tmp_path / "data")
    trio.run(_make, config, 20)
    return config


@pytest.fixture
def run(made: Config, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command on it, which succeeds; gives what is said."""

    def call(*words: str) -> str:
        capsys.readouterr()
        status = main([*words, "--data", str(made.data)])
        said = capsys.readouterr()
        assert status == 0, said.err
        return said.out

    return call


@pytest.fixture
def refused(made: Config, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command on it, which is refused in one sentence at the end; gives that."""

    def call(*words: str) -> str:
        capsys.readouterr()
        assert main([*words, "--data", str(made.data)]) == 1
        sentence = capsys.readouterr().err.splitlines()[-1]
        assert sentence.startswith("strongroom: ")
        return sentence

    return call


def fields(text: str) -> dict[str, str]:
    return {line[:12].strip(): line[12:] for line in text.splitlines()}


def test_status(made: Config, run: Callable[..., str]) -> None:
    found = fields(run("store", "status"))
    assert found["store"] == str(made.data / "store.db")
    assert found["opened by"] == f"the key file {made.data / 'store.key'} (key slot 1 of 1)"
    assert found["records"] == "20"
    assert found["size"] == f"{(made.data / 'store.db').stat().st_size} bytes in files"
    assert found["head"] == "commit 20, its log from 5 on"
    assert found["anchor"] == run("store", "anchor").strip()
    assert found["rotation"] == "none under way, epoch 1"
    assert found["index"] == "not saved: a start reads all records"
    assert found["durability"] == "fsync of each commit"
    assert "servers" not in found


def test_the_status_of_a_store_in_redis(
    run: Callable[..., str], valkey: RedisServer, label: str
) -> None:
    redis = ["--redis-findex-label", label]
    run("store", "copy", f"sqlite:{_data(run)}/store.db", valkey.url, *redis)
    found = fields(run("store", "status", "--store", valkey.url, *redis))
    assert found["records"] == "20"
    assert found["servers"] == "0 at most, that follow a rotation"
    assert found["durability"] == "fsync; Redis was asked"
    assert "size" not in found


def _data(run: Callable[..., str]) -> str:
    return fields(run("store", "status"))["store"].removesuffix("/store.db")


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["anchor"],
        ["verify"],
        ["slots"],
        ["slots", "--remove", "2"],
        ["rotate"],
        ["rotate", "--resume"],
    ],
    ids=" ".join,
)
def test_a_store_in_use_or_absent_is_a_sentence(
    made: Config, refused: Callable[..., str], words: list[str], tmp_path: Path
) -> None:
    with in_use(made):
        assert "is in use by another process." in refused("store", *words)
    absent = ["--store", f"sqlite:{tmp_path / 'absent.db'}"]
    assert "There is no store at" in refused("store", *words, *absent)
    assert not (tmp_path / "absent.db").exists()


def test_a_wrong_secret_is_a_sentence(
    refused: Callable[..., str], tmp_path: Path, made: Config
) -> None:
    other = tmp_path / "other.key"
    other.write_bytes(b"o" * 32)
    for command in ("status", "anchor", "verify", "rotate"):
        said = refused("store", command, "--store-key-file", str(other))
        assert f"does not open with the key file {other}." in said
    (made.data / "store.key").unlink()
    assert "put the key file back" in refused("store", "rotate")
    assert not (made.data / "store.key").exists()


def test_an_anchor_notices_an_older_store(
    made: Config, run: Callable[..., str], refused: Callable[..., str]
) -> None:
    file = made.data / "store.db"
    before = file.read_bytes()
    older = run("store", "anchor").strip()
    trio.run(_more, made)
    newer = run("store", "anchor").strip()
    assert "anchor" in run("store", "status", "--anchor", newer)
    assert "records" in run("store", "verify", "--anchor", older)
    file.write_bytes(before)
    for command in ("status", "anchor", "verify", "rotate", "slots"):
        said = refused("store", command, "--anchor", newer)
        assert "is older than a state already seen" in said
    forged = newer.partition(":")[0] + ":" + "0" * 32
    trio.run(_more, made)
    assert "has another history" in refused("store", "status", "--anchor", forged)


async def _more(config: Config) -> None:
    async with open_store.opened(config, create=False) as opened:
        await opened.commit([Put(b"more", 0, b"meta", None, Terms())])


@pytest.mark.parametrize("text", ["x", "1:", "1:00", ":" + "0" * 32, "-1:" + "0" * 32])
def test_what_is_no_anchor(refused: Callable[..., str], text: str) -> None:
    assert "anchor is a number, a colon and 32" in refused("store", "status", f"--anchor={text}")


def test_a_server_refuses_a_store_that_is_older_than_its_anchor(
    run: Callable[..., str], refused: Callable[..., str]
) -> None:
    number, _, mark = run("store", "anchor").strip().partition(":")
    said = refused(
        "serve", "--anchor", f"{int(number) + 1}:{mark}", "--kmip-port", "0", "--https-port", "0"
    )
    assert "is older than a state already seen" in said


def test_verify(
    made: Config, run: Callable[..., str], refused: Callable[..., str], capsys: Any
) -> None:
    anchor = run("store", "anchor").strip()
    said = run("store", "verify")
    assert said.startswith(f"All 20 records of the store {made.data / 'store.db'} are as they were")
    assert said.endswith(f"its anchor is {anchor}.\n")
    with sqlite3.connect(made.data / "store.db") as connection:
        connection.execute("DELETE FROM body WHERE rowid = 7")
        connection.execute("UPDATE body SET blob = zeroblob(298) WHERE rowid = 9")
    capsys.readouterr()
    assert main(["store", "verify", "--data", str(made.data)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 2
    assert "'name 6': the record body is missing" in output.out
    assert "'name 8': the record body was changed" in output.out
    assert "2 of 20 records are damaged: each is named above." in output.err
    assert "verifying: 0 of 20 records" in output.err


def test_rotate(
    made: Config, run: Callable[..., str], refused: Callable[..., str], tmp_path: Path, capsys: Any
) -> None:
    said = run("store", "rotate")
    assert "has new keys, and opens with the present secret alone" in said
    assert fields(run("store", "status"))["rotation"] == "none under way, epoch 2"
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    said = run("store", "rotate", "--new-password-file", str(password))
    assert "opens with the new secret alone" in said
    assert "does not open with the key file" in refused("store", "status")
    by_password = ["--store-password-file", str(password)]
    assert fields(run("store", "status", *by_password))["rotation"] == "none under way, epoch 3"
    key = tmp_path / "new.key"
    key.write_bytes(b"k" * 32)
    run("store", "rotate", "--new-key-file", str(key), *by_password)
    assert "All 20 records" in run("store", "verify", "--store-key-file", str(key))
    assert "correct horse" not in said


def test_a_rotation_that_was_interrupted(
    made: Config, run: Callable[..., str], refused: Callable[..., str], tmp_path: Path
) -> None:
    assert "is under way" in refused("store", "rotate", "--resume")

    async def interrupt() -> None:
        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        opened = open_store.opened(made, create=False)
        async with opened as store:
            await store.rotate(open_store.secret(made, is_new=False), tell=stop)

    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupt)
    assert "--resume" in fields(run("store", "status"))["rotation"]
    assert "is not finished, or was first; nothing was changed" in refused("store", "rotate")
    key = tmp_path / "new.key"
    key.write_bytes(b"k" * 32)
    assert "give none" in refused("store", "rotate", "--resume", "--new-key-file", str(key))
    assert "is finished" in run("store", "rotate", "--resume")
    assert fields(run("store", "status"))["rotation"] == "none under way, epoch 2"
    assert "All 20 records" in run("store", "verify")


def test_a_rotation_of_a_store_with_a_damaged_body(
    made: Config, run: Callable[..., str], refused: Callable[..., str]
) -> None:
    """All else gets new keys; the old ones stay for the one that cannot be sealed again."""
    with sqlite3.connect(made.data / "store.db") as connection:
        connection.execute("DELETE FROM body WHERE rowid = 7")
    for more in ([], ["--resume"]):
        assert "`strongroom store verify` names it" in refused("store", "rotate", *more)
    assert "to epoch 2" in fields(run("store", "status"))["rotation"]

    async def remove() -> None:
        async with open_store.opened(made, create=False) as opened:
            await opened.commit([Remove(b"name 6", opened.version(b"name 6"))])

    trio.run(remove)
    assert "is finished" in run("store", "rotate", "--resume")
    assert "All 19 records" in run("store", "verify")


def test_a_rotation_that_is_killed(made: Config, run: Callable[..., str]) -> None:
    trio.run(_make_more, made)
    command = [sys.executable, "-m", "server", "store", "rotate", "--data", str(made.data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr
        said = process.stderr.readline()
        while b" 0 of" in said:  # some is done, and much is not
            said = process.stderr.readline()
        process.kill()
    assert b"sealing again" in said
    assert "to epoch 2" in fields(run("store", "status"))["rotation"]
    assert "is finished" in run("store", "rotate", "--resume")
    assert "All 1020 records" in run("store", "verify")


async def _make_more(config: Config) -> None:
    async with open_store.opened(config) as opened:
        names = [b"more %d" % n for n in range(1000)]
        await opened.commit([Put(name, 0, b"meta", b"body", Terms()) for name in names])


def test_a_rotation_while_a_server_serves(
    made: Config, run: Callable[..., str], valkey: RedisServer, label: str, tmp_path: Path
) -> None:
    redis = ["--redis-findex-label", label]
    run("store", "copy", f"sqlite:{made.data / 'store.db'}", valkey.url, *redis)
    here = ["--store", valkey.url, *redis]
    shared = Config(data=made.data, store=valkey.url, redis_findex_label=label)
    key = tmp_path / "new.key"
    key.write_bytes(b"k" * 32)
    with in_use(shared) as call:
        assert fields(run("store", "status", *here))["servers"].startswith("1 at most")
        run("store", "rotate", "--new-key-file", str(key), *here)

        async def go_on(store: SealedStore) -> bytes | None:
            await store.refresh()
            await store.commit([Put(b"after", 0, b"meta", None, Terms())])
            return await store.read_body(b"name 3", store.version(b"name 3"))

        assert call(go_on) == b"body 3"
    assert "All 21 records" in run("store", "verify", "--store-key-file", str(key), *here)


def test_password_and_slots(
    made: Config, run: Callable[..., str], refused: Callable[..., str], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    run("store", "password", "--new-password-file", str(password), "--keep")
    assert run("store", "slots").splitlines() == [
        "1  key file, the one given",
        "2  password, Argon2id: 65536 KiB, 3 passes, 4 lanes",
    ]
    assert "is the one that the secret given opens" in refused("store", "slots", "--remove", "1")
    assert "there is no such key slot" in refused("store", "slots", "--remove", "3")
    by_password = ["--store-password-file", str(password)]
    assert "does not open" in run("store", "slots", "--remove", "1", *by_password)
    assert "does not open with the key file" in refused("store", "slots")


def test_the_old_name_of_store_password_is_still_a_command(
    run: Callable[..., str], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    run("store-password", "--new-password-file", str(password), "--keep")
    assert len(run("store", "slots").splitlines()) == 2


def test_copy_to_a_file(
    made: Config, run: Callable[..., str], refused: Callable[..., str], tmp_path: Path
) -> None:
    source, target = f"sqlite:{made.data / 'store.db'}", f"sqlite:{tmp_path / 'backup.db'}"
    anchor = run("store", "anchor").strip()
    said = run("store", "copy", source, target)
    assert f"All 20 records of the store {tmp_path / 'backup.db'}" in said
    assert f"its anchor is {anchor}." in said
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    assert run("store", "anchor", "--store", target).strip() == anchor
    before = (tmp_path / "backup.db").read_bytes()
    assert "there is a store already. It was left as it is." in refused(
        "store", "copy", source, target
    )
    assert (tmp_path / "backup.db").read_bytes() == before
    assert "the same place" in refused("store", "copy", source, source)


def test_copy_to_redis_and_back(
    made: Config, run: Callable[..., str], valkey: RedisServer, label: str, tmp_path: Path
) -> None:
    source, target = f"sqlite:{made.data / 'store.db'}", f"sqlite:{tmp_path / 'back.db'}"
    anchor = run("store", "anchor").strip()
    run("store", "copy", source, valkey.url, "--to-redis-findex-label", label)
    run("store", "copy", valkey.url, valkey.url, "--redis-findex-label", label,
        "--to-redis-findex-label", label + ".b")  # fmt: skip
    run("store", "copy", valkey.url, target, "--redis-findex-label", label + ".b")
    assert run("store", "anchor", "--store", target).strip() == anchor


def test_copies_that_cannot_be_made(
    made: Config, refused: Callable[..., str], tmp_path: Path
) -> None:
    source, target = f"sqlite:{made.data / 'store.db'}", f"sqlite:{tmp_path / 'copy.db'}"
    assert "is forgotten with its process" in refused("store", "copy", source, "memory:")
    assert "store must be" in refused("store", "copy", source, "nowhere")
    assert "There is no store at" in refused(
        "store", "copy", f"sqlite:{tmp_path / 'absent.db'}", target
    )
    with in_use(made):
        assert "store.db is in use" in refused("store", "copy", source, target)
    (tmp_path / "copy.db").write_text("not a database, and a hundred bytes long".ljust(100))
    said = refused("store", "copy", source, target)
    assert f"The store {tmp_path / 'copy.db'} is damaged" in said
    said = refused("store", "copy", source, "redis://user:sesame@127.0.0.1")
    assert "has a password in it" in said
    assert "sesame" not in said


def test_a_copy_that_was_interrupted_is_gone_on_with(
    made: Config,
    run: Callable[..., str],
    refused: Callable[..., str],
    tmp_path: Path,
    capsys: Any,
) -> None:
    source, target = f"sqlite:{made.data / 'store.db'}", f"sqlite:{tmp_path / 'copy.db'}"
    other = Config(data=made.data, store=target)

    async def interrupt() -> None:
        def stop(done: int, total: int) -> None:
            if done:
                raise KeyboardInterrupt

        async with open_store.opened(made, create=False) as store:
            backend = open_store.place(other).backend(other)
            await store.copy_to(backend, open_store.secret(made, is_new=False), stop)

    with pytest.raises(KeyboardInterrupt):
        trio.run(interrupt)
    for command in ("status", "verify"):
        assert "it is an unfinished copy" in refused("store", command, "--store", target)
    capsys.readouterr()
    assert main(["store", "copy", source, target, "--data", str(made.data)]) == 0
    output = capsys.readouterr()
    assert "copying: 16 of 20 records, 80 %" in output.err
    assert "copying: 0 of 20" not in output.err
    assert "All 20 records" in output.out


async def _save_index(config: Config) -> None:
    async with open_store.opened(config) as opened:
        await opened.commit([Put(b"lost", 0, b"meta", b"body", Terms())])
        await opened.save_index()


async def _move_index(newer: Path, older: Path) -> None:
    source, target = SQLiteBackend(newer), SQLiteBackend(older)
    await source.open()
    await target.open()
    names = await source.index_names()
    blobs = await source.read_index(names)
    assert blobs
    await target.write_index(dict(zip(names, blobs, strict=True)))
    await source.aclose()
    await target.aclose()


def test_a_store_older_than_its_saved_index_is_gone_on_with_on_demand(
    made: Config,
    run: Callable[..., str],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(resume_module, "SAVED_FROM", 1)
    monkeypatch.setattr(saver_module, "SAVED_FROM", 1)
    store, newer = made.data / "store.db", tmp_path / "newer.db"
    older = store.read_bytes()
    trio.run(_save_index, made)
    newer.write_bytes(store.read_bytes())
    store.write_bytes(older)
    trio.run(_move_index, newer, store)
    assert "`strongroom store drop-index`" in refused("store", "verify")
    assert "--accept-loss" in refused("store", "drop-index")
    assert "drop-index" in refused("store", "verify")
    assert "reads all records" in run("store", "drop-index", "--accept-loss")
    assert "20" in run("store", "verify")
