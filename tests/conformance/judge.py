"""Play the OASIS cases with the independent judge, against a server that runs or one of its own.

    python tests/conformance/judge.py --only 'SKLC*'              a server on port 5696
    python tests/conformance/judge.py --data DIR --kmip-port N    another one
    python tests/conformance/judge.py --start --only 'SKLC*' -v   a new one, which ends afterwards
    python tests/conformance/judge.py --start --https --encoding json    over HTTPS, in JSON

Whatever is no argument of ours goes to the judge, whose own help is `--judge-help`. The server has
to be set up as `prepare` does it; see docs/conformance.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.conformance.cases import CASES, JUDGE  # noqa: E402 # a script finds the tests so

CLIENT = "one-time-user"
"""The Common Name of the judge's certificate. A case (TC-CREG-2) identifies itself by this user's
password, and must see what the certificate's client has made."""

USERS = {CLIENT: "one-time-password", "administrator": "password"}
"""Who identifies by a password in the cases."""

BANNER = [r"serves KMIP on \S*:(\d+)", r"over HTTPS +https://\S*:(\d+)/kmip"]
"""The lines by which a server says where it listens, in their order."""

HTTPS = ["--https", "/kmip"]
"""What the judge is told besides, to post its messages."""

SETTINGS = ["--legacy-algorithms", "allow", "--issuer", "own:"]
"""The cases use algorithms that are kept for old data, and have certificates signed."""


def prepare(data: Path) -> None:
    """Make the certificate and the users that the cases need."""
    strongroom(data, "client-certificate", CLIENT)
    for name, password in USERS.items():
        words = ["user", "add", name, "--password-file", "-", "--replace"]
        strongroom(data, *words, password=password)


def strongroom(data: Path, *words: str, password: str = "") -> None:
    """Run one of the server's commands."""
    command = [sys.executable, "-m", "server", *words, "--data", str(data)]
    subprocess.run(
        command, input=password.encode(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


class Ports(NamedTuple):
    """Where a server listens."""

    kmip: int
    https: int


@contextmanager
def server(data: Path, log: Path) -> Iterator[Ports]:
    """A server that keeps everything under `data`, prepared for the cases."""
    prepare(data)
    words = ["serve", "--data", str(data), "--kmip-port", "0", "--https-port", "0", *SETTINGS]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "server", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            yield Ports(*(_port(lines, pattern, log) for pattern in BANNER))
        finally:
            process.terminate()
            process.wait(30)


def _port(lines: Iterator[str], pattern: str, log: Path) -> int:
    """What the next line that has the pattern says."""
    for line in lines:
        if found := re.search(pattern, line):
            return int(found[1])
    raise SystemExit(f"the server did not start; see {log}")


def command(data: Path, port: int, words: Sequence[str]) -> list[str]:
    """The judge's command line."""
    tls = data / "tls"
    name = CLIENT if (tls / f"{CLIENT}.pem").exists() else "client"
    return [
        *(sys.executable, str(JUDGE), "--host", "localhost", "--port", str(port)),
        *("--ca", str(tls / "ca.pem")),
        *("--cert", str(tls / f"{name}.pem"), "--key", str(tls / f"{name}.key")),
        *("--vectors", str(CASES), *words),
    ]


def results(place: Path, encoding: str | None, seconds: float) -> dict[str, dict[str, str]]:
    """What the judge finds of each case at a server of its own, by the case's name.

    Args:
        place: an empty directory.
        encoding: of messages over HTTPS; None: at KMIP's own port.
        seconds: in which all of it is done.
    """
    found = place / "found.json"
    with server(place / "data", place / "log") as ports:
        words = ["--no-wait", "--json", str(found)]
        port = ports.kmip if encoding is None else ports.https
        if encoding is not None:
            words += [*HTTPS, "--encoding", encoding]
        subprocess.run(
            command(place / "data", port, words),
            timeout=seconds,
            check=False,
            stdout=subprocess.DEVNULL,
        )
    return {result["name"]: result for result in json.loads(found.read_text())["results"]}


def main() -> int:
    """Run the judge; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / ".strongroom", help="the server's")
    parser.add_argument("--kmip-port", type=int, default=5696)
    parser.add_argument("--start", action="store_true", help="start a server of its own")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="of that server")
    parser.add_argument("--https", action="store_true", help="KMIP over HTTPS")
    parser.add_argument("--https-port", type=int, default=9998)
    parser.add_argument("--judge-help", action="store_true")
    ours, words = parser.parse_known_args()
    if ours.judge_help:
        return subprocess.run([sys.executable, str(JUDGE), "--help"], check=False).returncode
    if ours.https:
        words += HTTPS
    if not ours.start:
        port = ours.https_port if ours.https else ours.kmip_port
        return subprocess.run(command(ours.data, port, words), check=False).returncode
    with tempfile.TemporaryDirectory() as place, server(Path(place), ours.log) as ports:
        port = ports.https if ours.https else ports.kmip
        return subprocess.run(command(Path(place), port, words), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
