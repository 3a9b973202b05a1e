"""The server as a process of its own, as its users start it."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.pki import local_authority

REPOSITORY = Path(__file__).resolve().parents[2]

LISTENS = re.compile(r"serves KMIP on ([\d.]+):(\d+)")
START_SECONDS = 60
"""For a first start on a machine that is busy with other tests."""


def environment() -> dict[str, str]:
    """The environment without what would lead another Python, or the server, astray."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("PYTHON", "STRONGROOM_", "COV_", "COVERAGE_"))
    }


@dataclass
class RunningServer:
    """A server process.

    Attributes:
        data: its directory.
        host: the address it serves.
        port: the port it serves.
        lines: what it says next.
    """

    data: Path
    host: str
    port: int
    lines: Iterator[str]

    def said(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Where the next of its lines that has a pattern has it."""
        for line in self.lines:
            if found := pattern.search(line):
                return found
        raise AssertionError(f"it has not said {pattern.pattern}")

    @property
    def tls(self) -> Path:
        """Where its certificates are."""
        return self.data / "tls"

    def certificate(self, name: str) -> dict[str, str]:
        """The files of a client's certificate and key, made if need be."""
        pair = local_authority.ensure_client(self.tls, name, datetime.now(UTC))
        return {"certificate": str(pair.certificate), "key": str(pair.key)}


@contextlib.contextmanager
def running(data: Path, *options: str) -> Iterator[RunningServer]:
    """The real server, from its first start to a graceful stop.

    Args:
        data: its directory, new.
        options: more of its command line.
    """
    command = [sys.executable, "-m", "server", "serve", "--data", str(data), "--kmip-port", "0"]
    log = data.with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*command, *options],
            cwd=REPOSITORY,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            found = LISTENS.search(next(lines, ""))
            assert found, log.read_text()
            yield RunningServer(data, found[1], int(found[2]), lines)
        finally:
            process.terminate()
            process.stdout.read()
            stopped = process.wait(START_SECONDS)
    assert stopped == 0, log.read_text()[-4000:]
    assert "Traceback" not in log.read_text()
