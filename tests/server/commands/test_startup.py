"""The real program, from start to end: what a person sees when it works and when it cannot."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.pki import local_authority

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "server"]


class ServerProcess:
    """A server process that has said where it listens."""

    def __init__(self, *words: object) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "serve", *map(str, words)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.banner = self.process.stdout.readline()
        found = re.search(r"serves KMIP on .*:(\d+)", self.banner)
        if found is None:
            pytest.fail(f"it did not start: {self.process.communicate()[1]}")
        self.port = int(found[1])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status and what it wrote on standard error."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=30)
        return self.process.returncode, error


Start = Callable[..., ServerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers, and ends those that a test leaves."""
    started: list[ServerProcess] = []

    def begin(*words: object) -> ServerProcess:
        started.append(ServerProcess(*words))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate()


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def refusal(*words: object) -> str:
    """The one sentence with which the server refuses to start."""
    ended = command("serve", "--log-level", "error", *words)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("strongroom: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_first_start_a_client_a_stop_and_a_second_start(tmp_path: Path, start: Start) -> None:
    data = tmp_path / "data"
    first = start("--data", data, "--kmip-port", 0)
    tried = command("try", "--data", data, "--kmip-port", first.port)
    assert tried.returncode == 0, tried.stderr
    assert "a key of 256 bits" in tried.stdout
    assert command("client-certificate", "app", "--data", data).returncode == 0
    tried = command("try", "--data", data, "--kmip-port", first.port, "--client", "app")
    assert tried.returncode == 0, tried.stderr
    status, error = first.stop(signal.SIGINT)
    assert status == 0
    assert "Traceback" not in error
    state = {path: path.read_bytes() for path in data.glob("tls/*")}
    key = (data / "store.key").read_bytes()
    second = start("--data", data, "--kmip-port", 0)
    tried = command("try", "--data", data, "--kmip-port", second.port)
    assert tried.returncode == 0, tried.stderr
    assert second.stop()[0] == 0
    assert {path: path.read_bytes() for path in data.glob("tls/*")} == state
    assert (data / "store.key").read_bytes() == key


def test_everything_private_is_private(tmp_path: Path, start: Start) -> None:
    start("--data", tmp_path / "data", "--kmip-port", 0).stop()
    for path in (tmp_path / "data").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.suffix == ".pem"


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("--data", tmp_path, "--kmip-port", port)
    assert said == f"strongroom: 127.0.0.1 port {port} is in use by another program.\n"


def test_a_store_in_use(tmp_path: Path, start: Start) -> None:
    start("--data", tmp_path, "--kmip-port", 0)
    assert "store.db is in use by another process" in refusal("--data", tmp_path, "--kmip-port", 0)


def test_a_wrong_secret_and_a_damaged_store(tmp_path: Path, start: Start) -> None:
    place = ("--data", tmp_path, "--kmip-port", 0)
    start(*place).stop()
    (tmp_path / "password").write_text("guess")
    assert "does not open with the password given" in refusal(
        *place, "--store-password-file", tmp_path / "password"
    )
    key = (tmp_path / "store.key").read_bytes()
    (tmp_path / "store.key").write_bytes(b"x" * 32)
    assert f"does not open with the key file {tmp_path}/store.key" in refusal(*place)
    (tmp_path / "store.key").unlink()
    assert "its key file" in refusal(*place)
    (tmp_path / "store.key").write_bytes(key)
    with (tmp_path / "store.db").open("r+b") as file:
        file.write(b"x" * 200)
    assert "is damaged or was tampered with" in refusal(*place)


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    place = ("--data", tmp_path, "--kmip-port", 0)
    long_ago = datetime.now(UTC) - timedelta(days=500)
    old = local_authority.ensure_server(tmp_path / "old", ["localhost"], long_ago)
    expired = ("--tls-certificate", old.certificate, "--tls-private-key", old.key)
    assert "expired on" in refusal(*place, *expired)
    absent = ("--tls-certificate", tmp_path / "absent", "--tls-private-key", old.key)
    assert "absent cannot be read: No such file" in refusal(*place, *absent)
    assert "Give both" in refusal(*place, *expired[:2])
    (tmp_path / "tls").mkdir(exist_ok=True)
    (tmp_path / "tls" / "ca.pem").write_text("nonsense")
    assert "holds no PEM certificate" in refusal(*place)


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    place = ("--data", tmp_path, "--kmip-port", 0, "--kmip-host")
    assert "is not an address of this machine" in refusal(*place, "192.0.2.1")


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refusal("--data", tmp_path / "file" / "data")


def test_try_without_a_server(tmp_path: Path) -> None:
    local_authority.ensure_client(tmp_path / "tls", "client", datetime.now(UTC))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ended = command("try", "--data", tmp_path, "--kmip-port", port)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"strongroom: 127.0.0.1 port {port} cannot be used: Connection refused.\n"
    )
