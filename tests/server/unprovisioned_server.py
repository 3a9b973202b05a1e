"""An operator and a server in bootstrap mode, within this process."""

import json
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import h11
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)

from enclave.claims import Role
from enclave.client import AttestedConnection, Expectation, challenge, connect
from enclave.collateral import Collateral
from enclave.evidence import TEE
from enclave.insecure import SoftwareChip, SoftwareGuest, SoftwareTee
from enclave.policy import Policy, naming
from enclave.quote_request import HTTPAsk
from enclave.snp import SEV_SNP
from enclave.snp.collateral import SNPCollateral
from enclave.snp.policy import SNPPolicy
from enclave.tdx import TDX
from enclave.tdx.policy import TDXPolicy
from enclave.verify import verify
from server import service
from server.attestation.attester import CHIP_DIRECTORY
from server.bootstrap.operator import operator_access
from server.bootstrap.start import Callbacks, Start
from server.commands import attested_server
from server.setup import files
from server.setup.config import Config
from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.http import HTTPConnection, Limits, Routes
from storage import Cost, Password, Secret, SQLiteBackend, open_store
from tests.server.strict import with_extensions

TOKEN = "0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery staple"
CHEAP = Cost(memory_kib=32, iterations=1, lanes=4)
PEER = Peer("192.0.2.1", None, None)
LIMITS = Limits(idle_seconds=600, read_seconds=10, write_seconds=10)
MINE: Mapping[str, str] = {"Authorization": f"Bearer {TOKEN}"}


def configured(data: Path, **settings: Any) -> Config:
    """Settings of a server that waits for the holder of `TOKEN`."""
    usual: dict[str, Any] = {
        "data": data,
        "audit": "none",
        "use_bootstrap_server": True,
        "bootstrap_operator_token_sha256": sha256(TOKEN.encode()).hexdigest(),
        "kmip_port": 0,
        "https_port": 0,
        "bootstrap_server_port": 0,
    }
    return Config(**(usual | settings))


async def request(
    routes: Routes,
    method: str,
    path: str,
    body: bytes | dict[str, Any] = b"",
    *,
    peer: Peer = PEER,
    headers: Mapping[str, str] = MINE,
) -> tuple[int, dict[str, Any]]:
    """One request over a memory stream: the status, and the answer's fields."""
    status, got = await exchange(routes, method, path, body, peer=peer, headers=headers)
    return status, json.loads(got)


async def exchange(
    routes: Routes,
    method: str,
    path: str,
    body: bytes | dict[str, Any] = b"",
    *,
    peer: Peer = PEER,
    headers: Mapping[str, str] = MINE,
) -> tuple[int, bytes]:
    """One request over a memory stream: the status, and the answer's body."""
    sent = json.dumps(body).encode() if isinstance(body, dict) else body
    mine, theirs = trio.testing.memory_stream_pair()
    http = h11.Connection(h11.CLIENT)
    fields = {"Host": "x", "Content-Length": str(len(sent)), **headers}
    parts = (
        h11.Request(method=method, target=path, headers=list(fields.items())),
        h11.Data(data=sent),
        h11.EndOfMessage(),
    )
    status, got = 0, b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(HTTPConnection(theirs, peer, routes, LIMITS, Shutdown()).serve)
        await mine.send_all(b"".join(http.send(part) or b"" for part in parts))
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await mine.receive_some()))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                got += event.data
        await mine.aclose()
    return status, got


async def make_store(path: Path, secret: Secret | None = None) -> None:
    """A store that costs little to open."""
    opened = open_store(SQLiteBackend(str(path)), secret or Password(PASSWORD, CHEAP), create=True)
    async with opened:
        pass


def certificate(
    key: Any = None, name: str = "strongroom", *, issuer: Any = None, days: int = 30
) -> tuple[Any, x509.Certificate]:
    """A key and its self-signed certificate, or one that `issuer` (key, certificate) signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, above = issuer or (key, None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
    )
    made = with_extensions(builder, key, signer, signs=above is None)
    return key, made.sign(signer, SHA256())


def issue(
    request: x509.CertificateSigningRequest,
    key: Any,
    above: x509.Certificate,
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    names: x509.SubjectAlternativeName | None = None,
    purpose: x509.ObjectIdentifier | None = None,
) -> bytes:
    """A certificate (PEM) that an authority issues for a signing request, with its names."""
    now = datetime.now(UTC)
    requested = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(above.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin or now - timedelta(days=1))
        .not_valid_after(end or now + timedelta(days=30))
        .add_extension(names or requested, critical=False)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return pem(builder.add_extension(authority, critical=False).sign(key, SHA256()))


def pem(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.PEM)


def p12(key: Any, one: x509.Certificate | None, password: str) -> bytes:
    """A PKCS#12 file."""
    sealing = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"api", key, one, None, sealing)


@cache
def _kept() -> tuple[tempfile.TemporaryDirectory[str], SoftwareChip]:
    directory = tempfile.TemporaryDirectory(prefix="strongroom-test-chip-")
    return directory, SoftwareChip.open(Path(directory.name), datetime.now(UTC))


def chip() -> SoftwareChip:
    """One simulated chip for the run, as old as now: its keys take a second."""
    return _kept()[1]


def put_chip(data: Path) -> None:
    """Have the server over `data` find this chip."""
    shutil.copytree(_kept()[0].name, data / CHIP_DIRECTORY)


def software(kind: TEE = SEV_SNP, **guest: Any) -> SoftwareTee:
    """A simulated guest on it."""
    return SoftwareTee(SoftwareGuest(chip(), **guest), kind=kind)


async def expected(tee: SoftwareTee, role: Role = Role.BOOTSTRAP, **more: Any) -> Expectation:
    """That it is this simulated guest, and nobody else."""
    evidence = await tee.evidence(bytes(64))
    now = datetime.now(UTC)
    collateral: dict[TEE, Collateral] = {SEV_SNP: SNPCollateral()}
    if tee.kind == TDX:
        collateral = {TDX: tee.guest.chip.intel.collateral(tee.guest.chip.made)}
    verified = verify(evidence, collateral[tee.kind], tee.guest.chip.roots, now)
    section = naming(verified).sections[tee.kind]
    if isinstance(section, SNPPolicy):
        section = replace(section, allow_missing_revocation_list=True)
    assert isinstance(section, SNPPolicy | TDXPolicy)
    return Expectation(
        policy=Policy({tee.kind: section}),
        role=role,
        roots=tee.guest.chip.roots,
        collateral=collateral,
        allow_insecure_simulated=True,
        **more,
    )


@dataclass
class InProcessServer:
    """A server in this process, from its unprovisioned start on.

    Attributes:
        start: how it starts.
        waits: where its bootstrap listens, once it does.
        up: where its service listens, once it does.
    """

    start: Start
    waits: list[str] = field(default_factory=list)
    up: list[service.Up] = field(default_factory=list)
    changed: trio.Event = field(default_factory=trio.Event)

    async def until_waiting(self) -> int:
        """The port of its bootstrap."""
        while not self.waits:
            await self.changed.wait()
        return int(self.waits[-1].rpartition(":")[2])

    async def until_up(self) -> service.Up:
        while not self.up:
            await self.changed.wait()
        return self.up[-1]

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[AttestedConnection]:
        """A connection to its bootstrap, verified."""
        async with self.connected(await self.until_waiting()) as connection:
            yield connection

    def tell(self, where: Any, to: list[Any]) -> None:
        to.extend(where) if isinstance(where, list) else to.append(where)
        self.changed.set()
        self.changed = trio.Event()

    @asynccontextmanager
    async def connected(
        self,
        port: int,
        role: Role = Role.BOOTSTRAP,
        context: ssl.SSLContext | None = None,
        **more: Any,
    ) -> AsyncIterator[AttestedConnection]:
        """A connection on which it was verified over a fresh nonce."""
        assert isinstance(self.start.tee, SoftwareTee)
        expectation = await expected(self.start.tee, role, **more)
        connection = await connect("127.0.0.1", port, expectation, now=service.now, context=context)
        async with await challenge(
            connection, HTTPAsk("x"), expectation, now=service.now
        ) as challenged:
            yield challenged


@asynccontextmanager
async def running(
    config: Config,
    tee: Any,
    *,
    stop: trio.Event | None = None,
    hangups: trio.MemoryReceiveChannel[None] | None = None,
    **more: Any,
) -> AsyncIterator[InProcessServer]:
    """A server that is stopped, and has ended well, at the end of the block.

    Args:
        config, tee, stop, hangups: its own.
        more: of its `Start`.
    """
    stop = trio.Event() if stop is None else stop
    files.make_directory(config.data)
    callbacks = Callbacks(
        lambda where, simulated: one.tell(list(where), one.waits),
        lambda up: one.tell(up, one.up),
    )
    start = Start(config, callbacks, stop, tee, operator_access(config), hangups=hangups, **more)
    one = InProcessServer(start)

    async def serve() -> None:
        if not await one.start.recalled():
            await one.start.bootstrapped()

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield one
            stop.set()


async def give(
    connection: AttestedConnection, path: str, body: bytes | dict[str, Any] = b""
) -> tuple[int, dict[str, Any]]:
    """What the operator gives, and what is answered."""
    sent = json.dumps(body).encode() if isinstance(body, dict) else body
    answer = await attested_server.ask(connection, "POST", path, sent, MINE)
    return answer.status, answer.json()
