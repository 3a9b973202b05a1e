"""`strongroom proxy` with real processes: unmodified clients of an attested server."""

import http.client
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import test_bootstrap
from tests.e2e.program import ROOT
from tests.e2e.test_bootstrap import Machine, command
from tests.interop.conftest import PYKMIP
from tests.interop.server_process import environment

pytestmark = pytest.mark.slow

USES_KMIP = """
import sys
from kmip import enums
from kmip.pie.client import ProxyKmipClient

port, cert, key, ca, times = sys.argv[1:]
version = enums.KMIPVersion.KMIP_2_0
for time in range(int(times)):
    client = ProxyKmipClient("127.0.0.1", port, cert=cert, key=key, ca=ca, kmip_version=version)
    with client:
        uid = client.create(enums.CryptographicAlgorithm.AES, 128, name=f"key {time}")
        client.activate(uid)
        print(len(client.get(uid).value))
"""


@dataclass
class RunningProxy:
    """A proxy process.

    Attributes:
        machine: the server's.
        kmip, https: the proxy's ports.
        said: the first lines it printed, up to the ones that name them.
    """

    machine: Machine
    kmip: int
    https: int
    said: str
    log: Path

    @property
    def trusted(self) -> Path:
        return self.machine.directory / "user" / "proxy" / "ca.pem"

    def pykmip(self, times: int = 1, name: str = "client") -> subprocess.CompletedProcess[str]:
        clients = self.machine.directory / "clients"
        words = (clients / f"{name}.pem", clients / f"{name}.key", self.trusted, times)
        return subprocess.run(
            [PYKMIP, "-c", USES_KMIP, str(self.kmip), *map(str, words)],
            cwd=self.machine.directory, env=environment(), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def get(self, path: str) -> bytes:
        """What a client of HTTPS gets, which knows the proxy's authority only."""
        context = ssl.create_default_context(cafile=self.trusted)
        connection = http.client.HTTPSConnection(
            "localhost", self.https, context=context, timeout=30
        )
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()


def words_of(machine: Machine, *more: object) -> list[str]:
    clients = machine.directory / "clients"
    words = (
        "proxy", *machine.accepted(), "--data", machine.directory / "user",
        "--certificate", clients / "client.pem", "--key", clients / "client.key",
        "--kmip-port", 0, "--https-port", 0, "--server-kmip-port", machine.kmip, *more,
    )  # fmt: skip
    return [str(word) for word in words]


@contextmanager
def proxy_of(machine: Machine, *more: object) -> Iterator[RunningProxy]:
    log = machine.directory / "proxy.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "server", *words_of(machine, *more)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout
        try:
            said = ""
            ports: list[int] = []
            while len(ports) < 2:
                line = process.stdout.readline()
                assert line, log.read_text()
                said += line
                if line.startswith("forwards "):
                    ports.append(int(line.split(" to ")[0].rpartition(":")[2]))
            yield RunningProxy(machine, ports[0], ports[1], said, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in log.read_text()


machine = test_bootstrap.machine


@pytest.fixture
def served(machine: Machine) -> Machine:
    """A machine whose server was provisioned."""
    machine.launch()
    machine.measure()
    machine.start("--restart")
    return machine


@pytest.mark.interop
@pytest.mark.skipif(not PYKMIP.exists(), reason="PyKMIP's environment is not there: ./check")
def test_pykmip_uses_an_attested_server_through_the_proxy(served: Machine):
    with proxy_of(served) as proxy:
        assert "SIMULATED" in proxy.said
        # More connections than a server answers with evidence at once for one address.
        done = proxy.pykmip(times=20)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "16\n" * 20

        # Another server in its place, of the same image on the same chip: other settings.
        served.end()
        served.launch("--insecure-allow-no-client-certificate")
        served.start()
        refused = proxy.pykmip()
        assert refused.returncode != 0
        assert "its insecure settings changed" in proxy.log.read_text()


def test_https_goes_through_the_proxy_and_other_users_do_not(served: Machine):
    with proxy_of(served) as proxy:
        assert b'"serving"' in proxy.get("/status")
        context = ssl.create_default_context(cafile=proxy.trusted)
        with (
            socket.create_connection(("127.0.0.1", proxy.kmip), 30) as tcp,
            context.wrap_socket(tcp, server_hostname="localhost") as stream,
            pytest.raises(ssl.SSLError),
        ):
            stream.recv(1)  # TLS 1.3 tells it after the handshake

    words = [word for word in words_of(served) if word != "--allow-insecure-simulated"]
    done = command(*words, check=False)
    assert done.returncode == 1
    assert "simulated: no chip stands behind this evidence" in done.stderr
