"""A running server and a process in which PyKMIP's clients run, one of each for a worker."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.access import password_file
from server.access.password_file import Kind
from tests.interop.server_process import REPOSITORY, RunningServer, environment, running

PYKMIP = REPOSITORY / ".venvs" / "pykmip" / "bin" / "python"


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server at its defaults, but for the place where PyKMIP looks for a wrapped key."""
    options = ("--wrapped-key-in-structure", "*")
    with running(tmp_path_factory.mktemp("plain") / "data", *options) as server:
        yield server


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with users and short messages, that spares all clients what PyKMIP cannot decode."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    cheap = password_file.Cost(memory_kib=8 * 1024, iterations=1)
    password_file.add(data / "users.json", Kind.USER, "alice", "correct horse", cost=cheap)
    options = ("--omit-unreadable-attributes", "*", "--max-message-bytes", "40000")
    with running(data, *options) as server:
        yield server


class Driver:
    """The process in which PyKMIP is; see `driver.py`."""

    def __init__(self, process: subprocess.Popen[str], configuration: Path) -> None:
        self._process = process
        self._configuration = configuration

    def perform(self, server: RunningServer, scenario: str, version: str) -> None:
        """Run a scenario as a client that no other scenario is; fails as it fails."""
        own = f"{scenario}-{version}"
        task = {
            "scenario": scenario,
            "version": version,
            "host": server.host,
            "port": server.port,
            "ca": str(server.tls / "ca.pem"),
            "configuration": str(self._configuration),
            "certificates": {
                "own": server.certificate(own),
                "other": server.certificate(f"other-{own}"),
            },
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process with PyKMIP ended"
        failure = json.loads(answer)["failure"]
        if failure is not None:
            pytest.fail(failure, pytrace=False)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """The process in which PyKMIP is."""
    directory = tmp_path_factory.mktemp("pykmip")
    configuration = directory / "pykmip.conf"
    configuration.write_text("[client]\n")  # or PyKMIP reads the one of whoever runs the tests
    command = [str(PYKMIP), str(Path(__file__).with_name("driver.py"))]
    with (
        (directory / "errors").open("w") as errors,
        subprocess.Popen(
            command,
            cwd=directory,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        yield Driver(process, configuration)
