"""The processes that are measured: starting them, stopping them, and what they take."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 300
"""How long a start may take: a large store is read at start."""


@dataclass(frozen=True)
class Process:
    """A server that runs.

    Attributes:
        port: where it listens on 127.0.0.1.
        pid: its process.
        seconds: from starting the process to its first accept.
    """

    port: int
    pid: int
    seconds: float

    @property
    def memory(self) -> int:
        """Resident bytes now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    @property
    def computed(self) -> float:
        """Seconds that its threads have computed until now."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[Process]:
    """A server process, from the line in which it names its port to its graceful end.

    Args:
        command: what to start.
        log: takes its standard error.
    """
    environment = {name: value for name, value in os.environ.items() if "STRONGROOM" not in name}
    started = time.perf_counter()
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command,
            cwd=HOME,
            env={**environment, "PYTHONPATH": str(HOME)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"on 127\.0\.0\.1:(\d+)", line)
            if found is None:
                raise SystemExit(f"{command[1:]} did not start: {log.read_text()[-2000:]}")
            yield Process(int(found[1]), process.pid, time.perf_counter() - started)
        finally:
            process.terminate()
            process.communicate(timeout=START_SECONDS)


def strongroom(
    data: Path, profile: Path | None = None
) -> contextlib.AbstractContextManager[Process]:
    """The real server with every setting at its default; its audit log goes to a file.

    Args:
        data: its directory.
        profile: takes what cProfile saw, once the server has ended.
    """
    measured = [] if profile is None else ["-m", "cProfile", "-o", str(profile)]
    command = [
        *(sys.executable, *measured, "-m", "server", "serve", "--data", str(data)),
        *("--kmip-port", "0", "--audit", str(data.with_suffix(".audit.log"))),
    ]
    return running(command, data.with_suffix(".log"))


def fixed(data: Path) -> contextlib.AbstractContextManager[Process]:
    """The server of `fixed.py`, with the certificates in the real one's directory."""
    program = str(Path(__file__).with_name("fixed.py"))
    return running([sys.executable, program, str(data)], data.with_suffix(".fixed.log"))
