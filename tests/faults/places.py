"""Databases for faults: a Redis alone, with a replica, under little disk, behind a network, ..."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.storage.redis_server import DURABLE, VALKEY, RedisServer, Servers, free_port

QUICK = ("--repl-diskless-sync-delay", "0")


class Skipped(Exception):
    """A fault that cannot be made here, with the reason."""


def pair(servers: Servers) -> tuple[RedisServer, RedisServer]:
    """A primary, and a replica of it that has all its data."""
    port = free_port()
    primary = servers.start(*DURABLE, *QUICK, port=port)
    replica = servers.start(
        *DURABLE, *QUICK, "--replicaof", "127.0.0.1", str(port), port=free_port()
    )
    replica.wait_for_primary()
    return primary, replica


def through(directory: Path, name: str, line: str) -> Path:
    """A program that starts Valkey by way of something else, as the same process."""
    script = directory / name
    script.write_text(f'#!/bin/sh\nexec {line} {VALKEY} "$@"\n')
    script.chmod(0o755)
    return script


def run(*command: object) -> None:
    """Run a program that ought not to fail.

    Raises:
        Skipped: it does.
    """
    done = subprocess.run([*map(str, command)], capture_output=True, check=False)
    if done.returncode:
        raise Skipped(f"{command[0]}: {done.stderr.decode().strip()}")


def _need_root(what: str) -> None:
    if os.geteuid() != 0:
        raise Skipped(f"{what} needs root")


@contextmanager
def small_disk(directory: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of so many MiB."""
    _need_root("a file system")
    directory.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", directory)
    try:
        yield directory
    finally:
        run("umount", "-l", directory)


class Network:
    """A network namespace, joined to the machine's own by a link.

    Attributes:
        name: of the namespace.
        address: of the namespace's end.
    """

    def __init__(self, number: int) -> None:
        self.name = f"strongroom{number}"
        self.address = f"10.{200 + number % 50}.{number % 250}.2"
        self._host = self.address[:-1] + "1"
        self._link = f"srm{number}"

    def make(self) -> None:
        """Make it."""
        _need_root("a network namespace")
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0",
            "netns", self.name)  # fmt: skip
        run("ip", "addr", "add", f"{self._host}/24", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        self.within("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.within("link", "set", "lo", "up")
        self.join()

    def within(self, *command: object) -> None:
        """Have `ip` do something in the namespace."""
        run("ip", "-n", self.name, *command)

    def part(self) -> None:
        """Let nothing through any more."""
        self.within("link", "set", "eth0", "down")

    def join(self) -> None:
        """Let everything through."""
        self.within("link", "set", "eth0", "up")

    def remove(self) -> None:
        """Remove it."""
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    char text[32] = {0};
    int file = open(getenv("CLOCK_OFFSET"), O_RDONLY);
    if (file < 0) return 0;
    long length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? atol(text) : 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    int (*true_one)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int status = true_one(now, zone);
    now->tv_sec += offset();
    return status;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*true_one)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = true_one(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += offset();
    return status;
}

time_t time(time_t *where) {
    struct timeval now;
    gettimeofday(&now, NULL);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}
"""


def movable_clock(directory: Path) -> tuple[Path, Path]:
    """A program that starts Valkey with a clock of its own, and the file with its offset in s."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Skipped("a clock that jumps needs a C compiler")
    directory.mkdir(exist_ok=True)
    (directory / "clock.c").write_text(CLOCK)
    library, offset = directory / "clock.so", directory / "offset"
    run(compiler, "-shared", "-fPIC", "-o", library, directory / "clock.c", "-ldl")
    offset.write_text("0")
    line = f"env LD_PRELOAD={library} CLOCK_OFFSET={offset}"
    return through(directory, "valkey", line), offset
