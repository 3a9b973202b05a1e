"""The examples for several servers: a real Valkey takes its files, and Strongroom its own."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from redis.connection import Connection
from redis.exceptions import ResponseError

from server.setup.config import Config
from storage import open_store
from storage.redis import RedisBackend, RedisPlace
from tests.storage.redis_server import VALKEY, free_port
from tests.storage.stores import SECRET, put

ROOT = Path(__file__).parents[2]
GROUP = ROOT / "docs" / "deployment" / "group"
PASSWORD = "of-strongroom"
SETTINGS = sorted(GROUP.glob("strongroom*.toml"))


@pytest.fixture
def place(tmp_path):
    """A directory with the files, their passwords put in."""
    for path in GROUP.iterdir():
        content = path.read_text("utf-8").replace("STRONGROOM-PASSWORD", PASSWORD)
        (tmp_path / path.name).write_text(content)
    return tmp_path


@pytest.fixture
def start(place):
    """Starts a Valkey with one of the files."""
    started = []

    def starting(configuration, *more):
        port = free_port()
        # A file of settings comes first on the command line.
        command = [str(VALKEY), configuration, "--port", str(port), *more]
        if configuration == "cluster.conf":  # its own would be 10000 above, where there may be none
            command += ["--cluster-port", str(free_port())]
        process = subprocess.Popen(
            command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        ready = b"Sentinel ID is" if "--sentinel" in more else b"eady to accept"
        said = b""
        while ready not in said:
            line = process.stdout.readline()
            assert line, said.decode()
            said += line
        return port

    yield starting
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def as_user(port, name, password, *command):
    connection = Connection(port=port, username=name, password=password, protocol=2)
    try:
        connection.send_command(*command)
        return connection.read_response()
    finally:
        connection.disconnect()


@pytest.mark.parametrize("configuration", ["valkey.conf", "cluster.conf"])
def test_a_valkey_starts_with_the_settings(start, configuration):
    port = start(configuration)
    assert as_user(port, "operator", "OPERATOR-PASSWORD", "PING") == b"PONG"
    for name, value in (("appendfsync", b"always"), ("maxmemory-policy", b"noeviction")):
        got = as_user(port, "operator", "OPERATOR-PASSWORD", "CONFIG", "GET", name)
        assert got[1] == value


def test_a_sentinel_starts_with_the_settings(start, place):
    text = (place / "sentinel.conf").read_text().replace("primary.example.com", "127.0.0.1")
    (place / "sentinel.conf").write_text(text)
    start("sentinel.conf", "--sentinel")


async def test_a_store_works_with_what_its_user_may_do(start):
    port = start("valkey.conf")
    where = RedisPlace.parse(f"redis://strongroom:{PASSWORD}@127.0.0.1:{port}")
    backend = RedisBackend(where, "production")
    async with open_store(backend, SECRET, create=True) as store:
        await store.commit([put(b"a", store.version(b"a"))])
        assert await store.read(b"a")


@pytest.mark.parametrize(
    "command", [("FLUSHALL",), ("CONFIG", "SET", "appendonly", "no"), ("GET", "x"), ("KEYS", "*")]
)
def test_nothing_else_is_allowed_to_it(start, command):
    port = start("valkey.conf")
    with pytest.raises(ResponseError, match="permission"):
        as_user(port, "strongroom", PASSWORD, *command)


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_the_servers_take_their_settings(path):
    done = subprocess.run(
        [sys.executable, "-m", "server", "config", "--config", path],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(tomllib.loads(path.read_text())) <= {*Config.__dataclass_fields__}


def test_the_label_is_the_same_for_the_user_and_the_servers():
    (label,) = re.findall(r"~strongroom:\{(\w+)\}:", (GROUP / "users.acl").read_text())
    for path in SETTINGS:
        assert tomllib.loads(path.read_text())["redis_findex_label"] == label
