"""Attackers of an unprovisioned server, against real processes and the software chip.

Each one ends refused and leaves the server as it was: still waiting for its operator, and with no
fault of its own in its log. Attackers come from 127.0.0.2, the operator from 127.0.0.1.
"""

import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h11
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from enclave import claims as claims_of
from enclave.claims import MAX_LIFE, Role
from enclave.client import client_context, connect
from enclave.errors import Refused, VerificationFailed
from enclave.evidence_formats import TAGGED_EVIDENCE_OID, read_tagged
from enclave.insecure import SoftwareChip, SoftwareGuest, SoftwareTee
from enclave.insecure.chip import POLICY
from enclave.keys import Purpose, tls_key
from enclave.owner import OwnedTee, Owner
from enclave.policy import write_policy
from enclave.ratls import Attester, server_context, use_certificate
from enclave.snp.abi import GuestPolicy
from enclave.tdx import TDX
from kmip.enums import ObjectType, Operation
from server.access.operator_credential import token_sha256
from server.attestation.routes import Attestation
from server.commands import attested_server
from server.commands.attested_server import Remote, read_remote
from server.pki import local_authority
from server.setup.failure import Failure
from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.http import HTTPConnection, Request, Response, Route, answer
from tests.e2e.test_bootstrap import AES, PASSWORD, Machine
from tests.free_ports import free_port
from tests.server.unprovisioned_server import LIMITS, chip, expected, put_chip, software

pytestmark = pytest.mark.slow

ATTACKER = "127.0.0.2"
POSTS = (
    "/sqlite", "/redis-findex", "/key-file", "/client-ca", "/pkcs12", "/pkcs12-password",
    "/policy", "/start",
)  # fmt: skip
GETS = ("/status", "/quote", "/log")
ENDPOINTS = [("POST", path) for path in POSTS] + [("GET", path) for path in GETS]


def made(directory: Path) -> Machine:
    """A machine with the chip of this run."""
    local_authority.ensure_client(directory / "clients", "client", datetime.now(UTC))
    machine = Machine(directory, free_port(), free_port(), secrets.token_hex(16))
    put_chip(machine.data)
    return machine


def ended(machine: Machine) -> None:
    if machine.process is not None:
        machine.process.kill()
        machine.process.communicate()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One server that waits for its operator, impatient with the slow, for all tests."""
    machine = made(tmp_path_factory.mktemp("machine"))
    first = machine.launch(
        "--read-seconds", 1, "--write-seconds", 1, "--handshake-seconds", 1, "--idle-seconds", 30
    )
    assert "waits for its operator" in first, machine.log
    yield machine
    ended(machine)


@pytest.fixture
async def machine(shared: Machine) -> AsyncIterator[Machine]:
    """That server, which must be well afterwards."""
    policy = (await expected(software())).policy
    (shared.directory / "policy.toml").write_text(write_policy(policy))
    yield shared
    status, said = await Stranger(shared.https).request("GET", "/status")
    assert (status, b"waiting for its operator" in said) == (200, True)
    assert "level=error" not in shared.log
    assert "Traceback" not in shared.log


@dataclass
class Stranger:
    """Somebody on the network, who looks at no evidence."""

    port: int
    stream: Any = field(default=None, repr=False)

    async def come(self, context: ssl.SSLContext | None = None) -> Any:
        tcp = await trio.open_tcp_stream("127.0.0.1", self.port, local_address=ATTACKER)
        self.stream = trio.SSLStream(
            tcp, context or client_context(), server_hostname="x", https_compatible=True
        )
        await self.stream.do_handshake()
        return self.stream

    async def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        """One request on a connection of its own; 0 where there was no answer."""
        try:
            return await self._request(method, path, body, headers)
        finally:
            await trio.aclose_forcefully(self.stream)

    async def _request(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        await self.come()
        fields = {"Host": "x", "Content-Length": str(len(body)), **headers}
        http = h11.Connection(h11.CLIENT)
        parts = (
            h11.Request(method=method, target=path, headers=list(fields.items())),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        with suppress(trio.BrokenResourceError):
            await self.stream.send_all(b"".join(http.send(part) or b"" for part in parts))
        status, got = 0, b""
        with suppress(trio.BrokenResourceError):
            while not isinstance(event := http.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    http.receive_data(await self.stream.receive_some(65_536))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    got += event.data
        return status, got


def place(port: int, machine: Machine) -> Remote:
    """A server, which the operator of `machine` takes for the real one."""
    return read_remote(None, f"https://127.0.0.1:{port}", machine.directory / "policy.toml", None)


async def refused(port: int, machine: Machine, **changes: Any) -> str:
    """Why the operator of `machine` sends nothing to whoever is at this port."""
    where = place(port, machine)
    expectation = where.expectation(Role.BOOTSTRAP, allow_insecure_simulated=True)
    with pytest.raises(Failure) as failure:
        await attested_server.attested(where, replace(expectation, **changes))
    return str(failure.value)


# Impostors


@dataclass
class Impostor:
    """A server of the attacker's, at `port`; what it was sent is in `got`."""

    port: int
    got: list[bytes]


@asynccontextmanager
async def impostor(
    context: ssl.SSLContext, quote: Callable[[Request], Any] | None = None, **more: Route
) -> AsyncIterator[Impostor]:
    """An impostor that answers `/quote`, and takes whatever else it is sent."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    one = Impostor(int(listener.socket.getsockname()[1]), [])

    async def take(request: Request) -> Response:
        one.got.append(request.body)
        return answer({"success": "thank you"})

    routes = {("POST", path): Route(take, 1 << 20) for path in POSTS}
    if quote is not None:
        routes["GET", "/quote"] = Route(quote)

    async def serve(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True)
        with suppress(trio.BrokenResourceError):
            await stream.do_handshake()
            peer = Peer("x", None, None)
            await HTTPConnection(stream, peer, routes, LIMITS, Shutdown()).serve()
        await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield one
        nursery.cancel_scope.cancel()


async def attested_as(tee: SoftwareTee, key: Any = None, **changes: Any) -> Attester:
    """A server that attests itself truthfully, on a machine of the attacker's."""
    values: dict[str, Any] = {
        "tee": tee,
        "key": key or ec.generate_private_key(ec.SECP256R1()),
        "role": Role.BOOTSTRAP,
        "deployment": "strongroom",
        "instance": bytes(16),
        "configuration_sha256": bytes(32),
        "now": lambda: datetime.now(UTC),
    }
    return Attester(**(values | changes))


async def shows(maker: Attester) -> ssl.SSLContext:
    context = server_context()
    use_certificate(context, maker.key, (await maker.certificate()).certificate)
    return context


async def genuine(machine: Machine) -> bytes:
    """The certificate that the real server shows, DER."""
    stranger = Stranger(machine.https)
    stream = await stranger.come()
    presented = stream.getpeercert(binary_form=True)
    await trio.aclose_forcefully(stream)
    return bytes(presented)


async def test_evidence_in_another_s_certificate_is_refused(machine: Machine):
    """Man in the middle: the server's evidence, and another key."""
    whole = x509.load_der_x509_certificate(await genuine(machine))
    oid = x509.ObjectIdentifier(TAGGED_EVIDENCE_OID)
    evidence = whole.extensions.get_extension_for_oid(oid)
    key = ec.generate_private_key(ec.SECP256R1())
    stolen = (
        x509.CertificateBuilder()
        .subject_name(whole.subject)
        .issuer_name(whole.subject)
        .public_key(key.public_key())
        .serial_number(whole.serial_number)
        .not_valid_before(whole.not_valid_before_utc)
        .not_valid_after(whole.not_valid_after_utc)
        .add_extension(evidence.value, critical=False)
        .sign(key, SHA256())
    )
    context = server_context()
    use_certificate(context, key, stolen.public_bytes(Encoding.DER))

    async def relay(request: Request) -> Response:
        nonce = request.query["nonce"]
        _, body = await Stranger(machine.https).request("GET", f"/quote?nonce={nonce}")
        return Response(body)

    async with impostor(context, relay) as one:
        assert "they name another key" in await refused(one.port, machine)
        await operator_is_refused(machine, one)


async def operator_is_refused(machine: Machine, one: Impostor) -> None:
    """The operator's own command says no, and sends nothing."""
    real, machine.https = machine.https, one.port
    try:
        done = await trio.to_thread.run_sync(lambda: machine.start(check=False))
    finally:
        machine.https = real
    assert done.returncode == 1
    assert "is not accepted" in done.stderr
    assert done.stderr.count("\n") == 1
    assert one.got == []


async def test_a_relay_sees_nothing_and_cannot_take_over(machine: Machine):
    """Man in the middle between verification and secrets: on the wire, with every byte in hand."""
    seen: list[bytes] = []
    cut = trio.Event()
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async for part in source:
                seen.append(bytes(part))
                if not cut.is_set():
                    await sink.send_all(part)

    async def relay(near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", machine.https)
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(copy, near, far)
            nursery.start_soon(copy, far, near)

    secret = {"Authorization": f"Bearer {machine.token}"}
    where = place(int(listener.socket.getsockname()[1]), machine)
    expectation = where.expectation(Role.BOOTSTRAP, allow_insecure_simulated=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, relay, [listener])
        async with await attested_server.attested(where, expectation) as connection:
            got = await attested_server.ask(connection, "GET", "/log", b"", secret)
            assert got.status == 200
        # Once more; after the verification the attacker answers in the server's place.
        async with await attested_server.attested(where, expectation) as connection:
            cut.set()
            with trio.move_on_after(0.5) as unanswered:
                await attested_server.ask(
                    connection, "POST", "/key-file", PASSWORD.encode(), secret
                )
            assert unanswered.cancelled_caught
        nursery.cancel_scope.cancel()
    wire = b"".join(seen)
    assert len(wire) > 5000
    assert machine.token.encode() not in wire
    assert PASSWORD.encode() not in wire


async def test_replayed_evidence_is_refused(machine: Machine):
    """With the very key of the server, stolen; evidence then is what was recorded."""
    owner = Owner(token_sha256(machine.token), "strongroom")
    key = await tls_key(OwnedTee(software(), owner), Purpose.BOOTSTRAP_TLS)
    context = server_context()
    use_certificate(context, key, await genuine(machine))
    old = "A" * 43
    _, recorded = await Stranger(machine.https).request("GET", f"/quote?nonce={old}")
    assert claims_of.decode(read_tagged(recorded)[1]).nonce == bytes(32)

    async def replay(request: Request) -> Response:
        return Response(recorded)

    async with impostor(context, replay) as one:
        assert "it answers another nonce" in await refused(one.port, machine)
        await operator_is_refused(machine, one)
    async with impostor(context) as silent:
        assert "the server answers 404" in await refused(silent.port, machine)


async def test_a_stale_certificate_is_refused(machine: Machine):
    where = place(machine.https, machine)
    expectation = where.expectation(Role.BOOTSTRAP, allow_insecure_simulated=True)
    for hours, why in ((25, "the claims ended"), (-1, "the claims begin")):
        clock = datetime.now(UTC) + timedelta(hours=hours)

        def now(at: datetime = clock) -> datetime:
            return at

        with pytest.raises((Refused, VerificationFailed), match=why if hours > 0 else None):
            await connect(where.host, where.port, expectation, now=now)
    assert timedelta(hours=25) > MAX_LIFE


@pytest.mark.parametrize(
    "tee,why",
    [
        (lambda: software(measurement=bytes(48)), "measurement 0000"),
        (lambda: software(policy=POLICY | int(GuestPolicy.DEBUG)), "open to debugging by its host"),
        (lambda: software(vmpl=1), "VMPL"),
        (lambda: software(host_data=bytes([1] * 32)), "host data"),
        (lambda: software(TDX), "accepts no evidence of tdx"),
    ],
    ids=["other measurement", "debug", "less privileged", "other launch", "wrong TEE"],
)
async def test_another_machine_is_refused(machine: Machine, tee, why):
    """Genuine evidence, of something else, for a key of its own."""
    maker = await attested_as(tee())
    attestation = Attestation(maker, lambda: "waiting for its operator")
    async with impostor(await shows(maker), attestation.quote) as one:
        assert why in await refused(one.port, machine)
        assert one.got == []


async def test_a_foreign_root_is_refused(machine: Machine):
    foreign = await trio.to_thread.run_sync(SoftwareChip.make, chip().made)
    maker = await attested_as(SoftwareTee(SoftwareGuest(foreign)))
    attestation = Attestation(maker, lambda: "waiting for its operator")
    async with impostor(await shows(maker), attestation.quote) as one:
        assert "certificate chain" in await refused(one.port, machine, roots=chip().roots)
        vendors = await refused(one.port, machine, allow_insecure_simulated=False)
        assert "simulated" in vendors


async def test_the_service_s_key_is_none_for_the_bootstrap_and_the_reverse(machine: Machine):
    """Diversion: a genuine server of the same code, in another role or of another operator."""
    for changes, why in (
        ({"role": Role.API}, "its key is for api"),
        ({"operator_sha256": bytes(32)}, "another operator"),
        ({"operator_sha256": None}, "another operator"),
        ({"deployment": "theirs"}, "belongs to deployment 'theirs'"),
    ):
        maker = await attested_as(software(), **changes)
        attestation = Attestation(maker, lambda: "waiting for its operator")
        mine = {"operator_sha256": bytes([1] * 32), "deployment": "strongroom"}
        async with impostor(await shows(maker), attestation.quote) as one:
            assert why in await refused(one.port, machine, **mine)


# Those who come to the door


async def test_guessing_tokens_ends_in_429_and_keeps_nobody_else_out(machine: Machine):
    seen = [
        (await Stranger(machine.https).request("POST", path, **bearer(f"{guess:032x}")))[0]
        for guess, path in enumerate(POSTS * 2)
    ]
    assert seen == [401] * 10 + [429] * 6
    assert f"wrong operator tokens come from {ATTACKER}" in machine.log
    where = place(machine.https, machine)
    expectation = where.expectation(Role.BOOTSTRAP, allow_insecure_simulated=True)
    async with await attested_server.attested(where, expectation) as connection:
        log = await attested_server.ask(connection, "GET", "/log", b"", bearer(machine.token))
    assert log.status == 200
    nobody = [line for line in log.json()["log"] if line["who"] == "nobody"]
    assert {line["from"] for line in nobody} == {ATTACKER}


def bearer(token: str) -> dict[str, Any]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_second_operator_is_refused_by_both_sides(machine: Machine):
    right, machine.token = machine.token, secrets.token_hex(16)
    try:
        done = await trio.to_thread.run_sync(lambda: machine.start(check=False))
        assert "it belongs to another operator" in done.stderr
        status, _ = await Stranger(machine.https).request(
            "POST", "/start", b"{}", **bearer(machine.token)
        )
        assert status in (401, 429)
    finally:
        machine.token = right


BODIES = {
    "garbage": secrets.token_bytes(5000),
    "oversized": bytes((1 << 20) + 1),
    "deep JSON": b'{"path":' * 50_000,
    "half a form": b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n',
}


@pytest.mark.parametrize("body", list(BODIES))
@pytest.mark.parametrize("mine", [True, False], ids=["operator", "stranger"])
async def test_bodies_that_are_none_are_refused_at_every_endpoint(machine: Machine, body, mine):
    headers = bearer(machine.token) if mine else {}
    headers["Content-Type"] = "multipart/form-data; boundary=x" if "form" in body else "x/y"
    for method, path in ENDPOINTS:
        if mine and path == "/key-file" and body != "oversized":
            continue  # a key file may be any bytes
        if mine and path == "/pkcs12" and body in ("garbage", "deep JSON"):
            continue  # kept until its password comes, as it may come first
        status, said = await Stranger(machine.https).request(method, path, BODIES[body], **headers)
        assert status in (400, 401, 413, 422, 429, 501), (path, status)
        assert b"Traceback" not in said


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(70_000), bytes(10), b""],
    ids=["plain HTTP", "long hello", "zeros", "nothing"],
)
async def test_what_is_no_handshake_is_let_go(machine: Machine, garbage):
    tcp = await trio.open_tcp_stream("127.0.0.1", machine.https, local_address=ATTACKER)
    async with tcp:
        with trio.fail_after(10), suppress(trio.BrokenResourceError):
            await tcp.send_all(garbage)
            while await tcp.receive_some(65_536):
                pass


HEAD = "{} {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
SLOW = {
    "head": lambda method, path: HEAD.format(method, path)[:20],
    "body": lambda method, path: HEAD.format(method, path) + "\r\n{",
    "continue": lambda method, path: HEAD.format(method, path) + "Expect: 100-continue\r\n\r\n",
}


@pytest.mark.parametrize("slow", list(SLOW))
async def test_slow_clients_are_let_go_at_every_endpoint_and_delay_nobody(machine: Machine, slow):
    async def dawdle(method: str, path: str) -> None:
        stranger = Stranger(machine.https)
        stream = await stranger.come()
        with suppress(trio.BrokenResourceError):
            await stream.send_all(SLOW[slow](method, path).encode())
            while await stream.receive_some(65_536):
                pass
        await trio.aclose_forcefully(stream)
        gone.append(path)

    gone: list[str] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for method, path in ENDPOINTS:
                nursery.start_soon(dawdle, method, path)
            await trio.sleep(0.2)
            assert (await Stranger(machine.https).request("GET", "/status"))[0] == 200
    assert sorted(gone) == sorted(path for _, path in ENDPOINTS)


async def test_who_takes_no_answers_is_let_go(machine: Machine):
    stranger = Stranger(machine.https)
    stream = await stranger.come()
    get_status = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
    with trio.fail_after(30), suppress(trio.BrokenResourceError):
        while True:  # until its buffers and ours are full of answers, and then it hangs up
            await stream.send_all(get_status * 100)
    await trio.aclose_forcefully(stream)


# And the operator comes, to two servers


async def test_one_operator_provisions_two_servers(tmp_path: Path):
    machines = [made(tmp_path / name) for name in ("first", "second")]
    try:
        seen = []
        for one in machines:
            one.token = machines[0].token
            assert "waits for its operator" in one.launch()
            (one.directory / "policy.toml").write_text(
                write_policy((await expected(software())).policy)
            )
            started = await trio.to_thread.run_sync(one.start, "--restart")
            assert "/start" in started.stdout
        for one in machines:
            where = one.remote()
            expectation = where.expectation(Role.API, allow_insecure_simulated=True)
            async with await attested_server.attested(where, expectation) as connection:
                assert connection.attested.claims is not None
                seen.append(connection.attested.claims)
            client, stream = await one.ask()
            key = await client(
                Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=AES
            )
            assert key.unique_identifier
            await trio.aclose_forcefully(stream)
        assert seen[0].instance != seen[1].instance
        # What one has sealed is of no use beside the other's store.
        second = machines[1]
        assert second.end() == 0
        sealed = (machines[0].data / "provisioning.sealed").read_bytes()
        (second.data / "provisioning.sealed").write_bytes(sealed)
        assert "waits for its operator" in second.launch()
        assert "is of another server's" in second.log
    finally:
        for one in machines:
            ended(one)
