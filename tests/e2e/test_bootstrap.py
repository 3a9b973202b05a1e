"""The zero-trust story with real processes: unprovisioned start, verification, secrets, service."""

import json
import secrets
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trio

from enclave.claims import Role
from enclave.client import connect
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee
from enclave.keys import Purpose, seal
from kmip.attributes import Attributes
from kmip.enums import CryptographicAlgorithm, ObjectType, Operation
from kmip.masks import CryptographicUsageMask
from kmip.tags import Tag
from kmip.versions import V2_1
from server.commands import attested_server
from server.commands.attested_server import Remote
from server.pki import local_authority
from server.setup.failure import Failure
from tests.e2e.program import ROOT
from tests.e2e.program import Remote as Client
from tests.free_ports import free_port
from tests.interop.conftest import PYKMIP
from tests.interop.server_process import environment

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery staple"
AES = Attributes(
    [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),
    ]
)


def command(*words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stderr
    return done


USES_KMIP = """
import sys
from kmip import enums
from kmip.pie.client import ProxyKmipClient

port, cert, key, ca = sys.argv[1:]
version = enums.KMIPVersion.KMIP_2_0
with ProxyKmipClient("127.0.0.1", port, cert=cert, key=key, ca=ca, kmip_version=version) as client:
    uid = client.create(enums.CryptographicAlgorithm.AES, 128, name="a key")
    client.activate(uid)
    print(len(client.get(uid).value))
"""


def use_with_pykmip(machine: "Machine", trusted: str) -> str:
    """What a script prints that uses the server, and trusts this certificate (PEM) alone."""
    ca, clients = machine.directory / "attested.pem", machine.directory / "clients"
    ca.write_text(trusted)
    files = (clients / "client.pem", clients / "client.key", ca)
    done = subprocess.run(
        [PYKMIP, "-c", USES_KMIP, str(machine.kmip), *map(str, files)],
        cwd=machine.directory, env=environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Machine:
    """A simulated confidential machine and the server on it."""

    directory: Path
    kmip: int
    https: int
    token: str
    process: subprocess.Popen[str] | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def launch(self, *words: object) -> str:
        """Start the server; the first line it prints."""
        operator = sha256(self.token.encode()).hexdigest()
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "server", "serve", "--use-bootstrap-server"),
                    *("--insecure-software-chip", "--data", str(self.data)),
                    *("--kmip-port", str(self.kmip), "--https-port", str(self.https)),
                    *("--bootstrap-server-port", str(self.https)),
                    *("--bootstrap-operator-token-sha256", operator, *map(str, words)),
                ],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout
        return self.process.stdout.readline()

    def end(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def measure(self) -> Path:
        """The policy that accepts this machine, as an operator writes it."""
        policy = self.directory / "policy.toml"
        words = ("--data", self.data, "--insecure-software-chip", "--out", policy)
        command("measure", *words)
        return policy

    def remote(self) -> Remote:
        return attested_server.read_remote(
            None, f"https://127.0.0.1:{self.https}", self.directory / "policy.toml", None
        )

    def accepted(self) -> tuple[object, ...]:
        """Options that name the server and accept the simulated chip."""
        conf = self.directory / "client.toml"
        url = f"https://127.0.0.1:{self.https}"
        conf.write_text(f'server_url = "{url}"\npolicy = "policy.toml"\n')
        return ("--conf", conf, "--allow-insecure-simulated")

    def start(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Provision it as its operator does."""
        (self.directory / "token").write_text(self.token)
        (self.directory / "password").write_text(PASSWORD)
        return command(
            "bootstrap-start", *self.accepted(), "--token-file", self.directory / "token",
            "--database-password-file", self.directory / "password",
            "--client-ca", self.directory / "clients" / "ca.pem", *words, check=check,
        )  # fmt: skip

    async def ask(self) -> tuple[Client, Any]:
        """A KMIP client, and its stream to be closed."""
        clients = self.directory / "clients"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(clients / "client.pem", clients / "client.key")
        socket_ = await trio.open_tcp_stream("127.0.0.1", self.kmip)
        stream = trio.SSLStream(socket_, context, server_hostname="localhost")
        await stream.do_handshake()
        return Client(None, None, V2_1, stream=stream), stream


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    local_authority.ensure_client(tmp_path / "clients", "client", datetime.now(UTC))
    made = Machine(tmp_path, free_port(), free_port(), secrets.token_hex(16))
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()


async def request(machine: Machine, method: str, path: str, body: bytes = b"", **headers: str):
    """What anybody can send to the attestation port, without looking at the evidence."""
    expectation = machine.remote().expectation(Role.API, allow_insecure_simulated=True)
    for role in (Role.BOOTSTRAP, Role.API):
        try:
            connection = await attested_server.attested(
                machine.remote(), replace(expectation, role=role)
            )
        except Failure:
            continue
        async with connection:
            return await attested_server.ask(connection, method, path, body, headers)
    raise AssertionError("nobody is there")


async def test_the_whole_story(machine: Machine):
    assert "waits for its operator" in machine.launch()
    machine.measure()
    seen = command("verify", *machine.accepted(), "--role", "bootstrap").stdout
    assert "SIMULATED" in seen
    started = machine.start("--restart")
    assert "/start" in started.stdout

    # The operator's routes are gone, the service is there.
    assert (await request(machine, "POST", "/sqlite", b"{}")).status == 404
    assert (await request(machine, "GET", "/status")).json()["state"] == "serving"
    client, stream = await machine.ask()
    key = await client(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=AES)
    got = await client(Operation.GET, unique_identifier=key.unique_identifier)
    await trio.aclose_forcefully(stream)

    # A user verifies and pins; nothing secret is on the disk or in the log.
    assert "api of strongroom" in command("verify", *machine.accepted()).stdout
    pins = json.loads((machine.directory / "client.toml.pin").read_text())
    assert set(pins) == {"bootstrap", "api"}
    secret = got.object.key_block.key_material
    for path in machine.data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert PASSWORD.encode() not in content
    assert PASSWORD not in machine.log
    assert machine.token not in machine.log
    assert not (machine.data / "tls").exists()
    assert machine.end() == 0

    # A restart needs no operator.
    assert "serves KMIP" in machine.launch()
    client, stream = await machine.ask()
    again = await client(Operation.GET, unique_identifier=key.unique_identifier)
    assert again.object.key_block.key_material == secret
    await trio.aclose_forcefully(stream)
    command("verify", *machine.accepted())
    assert machine.end() == 0

    # Other code on the same chip does not open what was sealed.
    chip = SoftwareChip.open(machine.data / "insecure-software-chip", datetime.now(UTC))
    other = SoftwareTee(SoftwareGuest(chip, measurement=bytes(48)))
    sealed = seal(await other.derived_key(), Purpose.PROVISIONING, b"{}")
    (machine.data / "provisioning.sealed").write_bytes(sealed)
    assert "waits for its operator" in machine.launch()
    assert "does not open" in machine.log


@pytest.mark.interop
@pytest.mark.skipif(not PYKMIP.exists(), reason="PyKMIP's environment is not there: ./check")
async def test_pykmip_uses_what_its_user_has_attested(machine: Machine):
    machine.launch()
    machine.measure()
    machine.start()
    expectation = machine.remote().expectation(Role.API, allow_insecure_simulated=True)
    at_kmip = connect("127.0.0.1", machine.kmip, expectation, now=partial(datetime.now, UTC))
    async with await at_kmip as connection:
        attested = connection.stream.getpeercert(binary_form=True)
    assert use_with_pykmip(machine, ssl.DER_cert_to_PEM_cert(attested)) == "16\n"


async def test_an_old_sealed_file_is_noticed(machine: Machine):
    machine.launch()
    machine.measure()
    machine.start("--restart")
    old = (machine.data / "provisioning.sealed").read_bytes()
    machine.end()
    assert "serves KMIP" in machine.launch()
    machine.end()
    (machine.data / "provisioning.sealed").write_bytes(old)
    assert "waits for its operator" in machine.launch()
    assert "put an old file back" in machine.log


async def test_what_is_wrong_can_be_mended(machine: Machine):
    machine.launch()
    machine.measure()
    machine.start()
    machine.end()
    assert "waits for its operator" in machine.launch()
    refused = machine.start("--database-url", "/dev/null/store.db", check=False)
    assert refused.returncode == 1
    assert "Traceback" not in machine.log
    machine.token, right = "f" * 32, machine.token
    assert "is not accepted" in machine.start(check=False).stderr
    machine.token = right
    assert "/start" in machine.start().stdout


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic abc", "Bearer " + "x" * 2000])
async def test_nobody_but_the_operator_gets_in(machine: Machine, token: str):
    machine.launch()
    machine.measure()
    posts = ("/sqlite", "/start", "/pkcs12", "/certificate", "/client-ca", "/key-file", "/policy")
    for path in posts:
        headers = {"Authorization": token} if token else {}
        answer = await request(machine, "POST", path, b"{}", **headers)
        assert answer.status == 401
    assert (await request(machine, "GET", "/log")).status == 401
    assert (await request(machine, "GET", "/csr")).status == 401
    assert (await request(machine, "GET", "/status")).status == 200


async def test_guessing_tokens_is_slowed_down(machine: Machine):
    machine.launch()
    machine.measure()
    expectation = machine.remote().expectation(Role.BOOTSTRAP, allow_insecure_simulated=True)
    async with await attested_server.attested(machine.remote(), expectation) as connection:
        seen = [
            (
                await attested_server.ask(
                    connection, "POST", "/start", b"", {"Authorization": f"Bearer {guess}"}
                )
            ).status
            for guess in range(12)
        ]
    assert seen == [401] * 10 + [429] * 2


async def test_a_simulated_chip_is_refused_by_default(machine: Machine):
    machine.launch()
    machine.measure()
    expectation = machine.remote().expectation(Role.BOOTSTRAP, allow_insecure_simulated=False)
    with pytest.raises(Failure, match="not accepted"):
        await attested_server.attested(machine.remote(), expectation)


def test_without_an_operator_it_does_not_start(tmp_path: Path):
    words = ("--use-bootstrap-server", "--insecure-software-chip", "--data", tmp_path)
    done = command("serve", *words, check=False)
    assert done.returncode == 1
    assert "needs to know the operator" in done.stderr
    assert "Traceback" not in done.stderr
