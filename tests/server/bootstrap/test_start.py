"""Unprovisioned start to service, in this process: real TLS, real stores, a simulated chip."""

import gc
import secrets
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from enclave import claims as claims_of
from enclave.claims import KeyOrigin, Role, SkProvider
from enclave.client import AttestedConnection, client_context
from enclave.errors import DeviceError, InvalidEvidence, Refused
from enclave.evidence_formats import read_tagged
from enclave.insecure import SoftwareTee
from enclave.insecure.chip import FILE_NAME as CHIP_FILE
from enclave.quote_request import HTTPAsk
from enclave.snp import SEV_SNP
from enclave.tdx import TDX
from kmip.enums import CredentialType, Operation
from kmip.messages import Authentication, Credential, UsernameAndPassword
from kmip.versions import V2_1
from server.access import password_file
from server.access.operator_credential import key_sha256, token_sha256
from server.access.password_file import Kind
from server.attestation.attester import CHIP_DIRECTORY
from server.bootstrap import start
from server.bootstrap.operator import OperatorAccess, operator_access
from server.bootstrap.start import Callbacks, Start
from server.commands import attested_server
from server.pki import local_authority
from server.service import Up
from server.setup import files, provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import FILE_NAME, Provisioning
from server.sources import RENEWED_FILE
from storage import InUse, KeyFile, SQLiteBackend, open_store
from tests.e2e.program import Remote
from tests.free_ports import free_port
from tests.server.unprovisioned_server import (
    MINE,
    TOKEN,
    InProcessServer,
    certificate,
    configured,
    give,
    issue,
    p12,
    pem,
    running,
    software,
)

pytestmark = pytest.mark.slow

KEY = bytes(range(32))


def authority(directory: Path) -> bytes:
    """An authority and its client, of the operator's."""
    local_authority.ensure_client(directory, "client", datetime.now(UTC))
    return (directory / "ca.pem").read_bytes()


async def provision(
    connection: AttestedConnection, clients: Path, **start: Any
) -> tuple[int, dict[str, Any]]:
    """Give all that a start needs, and start."""
    assert (await give(connection, "/key-file", KEY))[0] == 200
    assert (await give(connection, "/client-ca", authority(clients)))[0] == 200
    return await give(connection, "/start", start)


@asynccontextmanager
async def started(
    config: Config, tee: SoftwareTee, clients: Path, **start: Any
) -> AsyncIterator[InProcessServer]:
    """A server that its operator has provisioned and started."""
    async with running(config, tee) as one:
        async with one.waiting() as connection:
            assert (await provision(connection, clients, **start))[0] == 200
        await one.until_up()
        yield one


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def is_open(port: int) -> bool:
    try:
        await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
    except OSError:
        return False
    return True


@asynccontextmanager
async def client(port: int, directory: Path, name: str = "client") -> AsyncIterator[Remote]:
    """A KMIP client with a certificate from `directory`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
    tcp = await trio.open_tcp_stream("127.0.0.1", port)
    stream = trio.SSLStream(tcp, context, server_hostname="localhost")
    try:
        await stream.do_handshake()
        yield Remote(None, None, V2_1, stream=stream)
    finally:
        await trio.aclose_forcefully(stream)


async def test_it_waits_is_provisioned_serves_and_restarts(tmp_path: Path):
    config = configured(tmp_path / "data")
    clients = tmp_path / "clients"
    async with started(config, software(), clients, restart=True) as one:
        up = await one.until_up()
        (https,) = [port_of(address) for address in up.https]
        assert https == port_of(one.waits[0]), "on the sockets of the bootstrap"
        assert up.simulated
        async with one.connected(https, Role.API) as connection:
            claims = connection.attested.claims
            assert claims is not None
            status = (await attested_server.ask(connection, "GET", "/status")).json()
        assert (status["state"], status["role"]) == ("serving", "api")
        assert claims.store is not None
        assert claims.operator_sha256 == one.start.access.sha256
        assert claims.key_origin is KeyOrigin.CHIP
        async with one.connected(https, Role.API) as connection:
            for path in ("/sqlite", "/start", "/pkcs12", "/key-file", "/client-ca", "/certificate"):
                async with one.connected(https, Role.API) as connection:
                    assert (await give(connection, path))[0] == 404
        async with client(port_of(up.kmip[0]), clients) as ask:
            await ask(Operation.QUERY, query_function=())
    # Sealed, it starts again without the operator; with its files elsewhere it does not.
    async with running(config, software()) as one:
        await one.until_up()
        assert one.waits == []
    async with running(configured(tmp_path / "elsewhere"), software()) as one:
        await one.until_waiting()


async def test_where_the_ports_differ_the_bootstrap_s_is_closed(tmp_path: Path):
    config = configured(tmp_path, bootstrap_server_port=free_port())
    async with started(config, software(), tmp_path / "clients", restart=True) as one:
        up = await one.until_up()
        assert await is_open(port_of(up.https[0]))
        while await is_open(config.bootstrap_server_port):
            await trio.testing.wait_all_tasks_blocked(0.01)
    async with running(config, software()) as one:
        await one.until_up()
        assert not await is_open(config.bootstrap_server_port), "nor opened at a restart"


@pytest.mark.parametrize("setting", ["https_port", "kmip_port"])
async def test_a_taken_port_is_told_and_leaves_it_in_bootstrap_mode(tmp_path: Path, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configured(tmp_path, **{setting: port, "bootstrap_server_port": free_port()})
        async with running(config, software()) as one:
            async with one.waiting() as connection:
                status, said = await provision(connection, tmp_path / "clients")
                assert status == 422
                assert f"127.0.0.1 port {port} " in said["error"]
                taken.close()
                assert (await give(connection, "/start"))[0] == 200
            await one.until_up()


async def test_a_taken_bootstrap_port_ends_the_start(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = configured(tmp_path, bootstrap_server_port=taken.getsockname()[1])
        start = Start(
            config, Callbacks(print, print), trio.Event(), software(), operator_access(config)
        )
        with pytest.raises(Failure, match=r"cannot be had: Address already in use\."):
            await start.bootstrapped()


async def test_tdx_has_no_key_of_its_own_and_says_so(tmp_path: Path):
    config = configured(tmp_path)
    keys = set()
    for _ in range(2):
        async with running(config, software(TDX)) as one:
            async with one.waiting() as connection:
                keys.add(connection.attested.pin)
                assert connection.attested.claims is not None
                assert connection.attested.claims.sk is SkProvider.NONE
                status, said = await provision(connection, tmp_path / "clients", restart=True)
                assert status == 200
                assert "a restart needs the operator" in said["success"]
            await one.until_up()
    assert len(keys) == 2
    assert not (tmp_path / FILE_NAME).exists()


async def test_snp_has_the_same_key_again_and_other_code_another(tmp_path: Path):
    keys = []
    for tee in (software(), software(), software(measurement=bytes(48))):
        config = configured(tmp_path / "data")
        async with running(config, tee) as one, one.waiting() as connection:
            keys.append(connection.attested.pin)
    assert keys[0] == keys[1] != keys[2]


# What is on the disk decides nothing


async def test_the_server_s_number_is_not_its_disk_s(tmp_path: Path):
    files.create(tmp_path / "instance", bytes(16))
    seen = []
    for _ in range(2):
        async with started(configured(tmp_path), software(), tmp_path / "clients") as one:
            https = port_of((await one.until_up()).https[0])
            async with one.connected(https, Role.API) as found:
                assert found.attested.claims is not None
                seen.append(found.attested.claims.instance)
            assert seen[-1] == one.start.instance
    assert len({*seen, bytes(16)}) == 3


async def test_users_and_authorities_on_the_disk_are_nobody(tmp_path: Path):
    data, clients = tmp_path / "data", tmp_path / "clients"
    config = configured(data)
    password_file.add(config.users_file, Kind.USER, "host", "password of the host")
    authority(config.tls_directory)
    local_authority.ensure_server(config.tls_directory, ["localhost"], datetime.now(UTC))
    async with started(config, software(), clients) as one:
        kmip = port_of((await one.until_up()).kmip[0])
        async with client(kmip, clients) as ask:
            presented = ask.stream.getpeercert(binary_form=True)
            await ask(Operation.QUERY, query_function=())
            host = UsernameAndPassword(username="host", password="wrong, and passed over")
            kind = CredentialType.USERNAME_AND_PASSWORD
            named = Authentication(
                credential=(Credential(credential_type=kind, credential_value=host),)
            )
            await ask.message(ask.item(Operation.QUERY, query_function=()), authentication=named)
        theirs = x509.load_pem_x509_certificate((config.tls_directory / "server.pem").read_bytes())
        assert presented != theirs.public_bytes(Encoding.DER)
        with pytest.raises((trio.BrokenResourceError, ExceptionGroup)):
            async with client(kmip, config.tls_directory) as ask:
                await ask(Operation.QUERY, query_function=())


async def test_a_damaged_sealed_file_or_another_store_asks_for_the_operator(tmp_path: Path, caplog):
    config = configured(tmp_path / "data")
    async with started(config, software(), tmp_path / "clients", restart=True):
        pass
    whole = tmp_path / "whole"
    shutil.copytree(config.data, whole)
    for _ in range(2):
        async with running(config, software()) as one:
            await one.until_up()

    def again(*taken: str) -> None:
        """The state of the later start, but for files that are those of the earlier one."""
        for name in taken:
            shutil.copy(whole / name, config.data / name)

    later = tmp_path / "later"
    shutil.copytree(config.data, later)
    for spoil, why in (
        (lambda: again(FILE_NAME), "somebody has put an old file back"),
        (lambda: again("store.db"), "older"),
        (lambda: (config.data / "store.db").unlink(), "older"),
        (lambda: (config.data / FILE_NAME).write_bytes(b"x"), "does not open"),
    ):
        shutil.rmtree(config.data)
        shutil.copytree(later, config.data)
        caplog.clear()
        spoil()
        async with running(config, software()) as one:
            await one.until_waiting()
        assert why in caplog.text


async def test_a_store_in_use_ends_the_program_which_may_be_started_again(tmp_path: Path):
    config = configured(tmp_path)
    async with started(config, software(), tmp_path / "clients", restart=True):
        pass
    start = Start(
        config, Callbacks(print, print), trio.Event(), software(), operator_access(config)
    )
    async with open_store(SQLiteBackend(str(tmp_path / "store.db")), KeyFile(KEY)):
        with pytest.raises(InUse):
            await start.recalled()
    async with running(config, software()) as one:
        await one.until_up()


# The identity


async def test_a_given_identity_is_shown_and_attested(tmp_path: Path):
    key, leaf = certificate(name="kms.example")
    async with running(configured(tmp_path), software()) as one:
        async with one.waiting() as connection:
            assert (await give(connection, "/pkcs12", p12(key, leaf, "hunter2")))[0] == 200
            assert (await give(connection, "/start"))[0] == 422
            assert (await give(connection, "/pkcs12-password", {"password": "hunter2"}))[0] == 200
            assert (await provision(connection, tmp_path / "clients"))[0] == 200
        claims = await presented(await one.until_up(), leaf, tmp_path / "clients")
    assert (claims.role, claims.key_origin) == (Role.API, KeyOrigin.BROUGHT)


async def presented(up: Up, leaf: x509.Certificate, clients: Path) -> claims_of.Claims:
    """The claims of a service that presents this certificate at both ports, and attests its key."""
    der = leaf.public_bytes(Encoding.DER)
    tcp = await trio.open_tcp_stream("127.0.0.1", port_of(up.https[0]))
    stream = trio.SSLStream(tcp, client_context(), server_hostname="x", https_compatible=True)
    async with stream:
        nonce = secrets.token_bytes(32)
        evidence, written = read_tagged(await HTTPAsk("x")(stream, nonce))
        assert stream.getpeercert(True) == der
    async with client(port_of(up.kmip[0]), clients) as ask:
        assert ask.stream.getpeercert(True) == der
    claims = claims_of.decode(written)
    assert claims.public_key_sha256 == key_sha256(leaf)
    assert claims.nonce == nonce
    assert evidence.tee in {SEV_SNP, TDX}
    return claims


class Authority:
    """An organisation's authority, which issues certificates for keys that it never sees."""

    def __init__(self) -> None:
        self.key, self.certificate = certificate(name="authority")

    async def certify(self, connection: AttestedConnection) -> bytes:
        """A certificate for the server's signing request, and this authority's own (PEM)."""
        answer = await attested_server.ask(connection, "GET", "/csr", b"", MINE)
        self.request = x509.load_pem_x509_csr(answer.body)
        return self.issue()

    def issue(self) -> bytes:
        return issue(self.request, self.key, self.certificate) + pem(self.certificate)


def leaf_of(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain)[0]


@pytest.mark.parametrize(
    "kind,origin", [(SEV_SNP, KeyOrigin.CHIP), (TDX, KeyOrigin.RANDOM)], ids=["SNP", "TDX"]
)
async def test_an_authority_certifies_a_key_that_was_born_inside(tmp_path: Path, kind, origin):
    async with running(configured(tmp_path), software(kind)) as one:
        async with one.waiting() as connection:
            chain = await Authority().certify(connection)
            assert (await give(connection, "/certificate", chain))[0] == 200
            assert (await provision(connection, tmp_path / "clients"))[0] == 200
        claims = await presented(await one.until_up(), leaf_of(chain), tmp_path / "clients")
    assert claims.key_origin is origin


async def test_a_request_of_one_start_is_certified_for_the_next_and_kept_for_restarts(
    tmp_path: Path,
):
    config, clients, authority_ = configured(tmp_path / "data"), tmp_path / "clients", Authority()
    async with running(config, software()) as one, one.waiting() as connection:
        chain = await authority_.certify(connection)
    async with running(config, software()) as one:
        async with one.waiting() as connection:
            assert (await give(connection, "/certificate", chain))[0] == 200
            assert (await provision(connection, clients, restart=True))[0] == 200
        before = await presented(await one.until_up(), leaf_of(chain), clients)
    async with running(config, software()) as one:
        after = await presented(await one.until_up(), leaf_of(chain), clients)
        assert one.waits == []
    assert (after.public_key_sha256, after.key_origin) == (
        before.public_key_sha256,
        KeyOrigin.CHIP,
    )


async def test_a_certificate_is_renewed_by_a_file_that_its_authority_has_signed(
    tmp_path: Path, caplog
):
    config, clients, authority_ = configured(tmp_path / "data"), tmp_path / "clients", Authority()
    hang_up, hangups = trio.open_memory_channel[None](1)
    file = config.data / RENEWED_FILE

    async def hung_up() -> None:
        await hang_up.send(None)
        with trio.fail_after(30):
            while hangups.statistics().current_buffer_used:
                await trio.testing.wait_all_tasks_blocked(0.01)
            await trio.testing.wait_all_tasks_blocked(0.1)

    async with running(config, software(), hangups=hangups) as one:
        async with one.waiting() as connection:
            first = await authority_.certify(connection)
            assert (await give(connection, "/certificate", first))[0] == 200
            assert (await provision(connection, clients, restart=True))[0] == 200
        up = await one.until_up()
        for wrong, why in (
            (issue(authority_.request, *certificate(name="authority")), "not signed by"),
            (pem(certificate()[1]), "for another key"),
            (b"?", "not one or more certificates"),
        ):
            file.write_bytes(wrong)
            await hung_up()
            assert why in caplog.text
            await presented(up, leaf_of(first), clients)
        renewed = authority_.issue()
        file.write_bytes(renewed)
        await hung_up()
        await presented(up, leaf_of(renewed), clients)
    async with running(config, software()) as one:
        await presented(await one.until_up(), leaf_of(renewed), clients)
    file.write_bytes(b"?")
    async with running(config, software()) as one:
        await presented(await one.until_up(), leaf_of(first), clients)


async def test_a_sealed_certificate_for_another_key_asks_for_the_operator(tmp_path: Path, caplog):
    config, other = configured(tmp_path / "data"), pem(certificate(name="x")[1]).decode()
    sealed = Provisioning(key_file=KEY, client_ca=authority(tmp_path / "clients").decode())
    files.make_directory(config.data)
    async with running(config, software()) as one:
        await one.until_waiting()
        sources = one.start._sources(replace(sealed, certificate=other, restart=True))
        async with sources.store() as store:
            await sources.finish(store)
    async with running(config, software()) as one:
        await one.until_waiting()
    assert "is for another key than this server's" in caplog.text


# Who is the operator


async def test_the_operator_comes_by_certificate_and_others_do_not(tmp_path: Path):
    key, mine = certificate(name="operator")
    (tmp_path / "operator.pem").write_bytes(pem(mine))
    config = configured(
        tmp_path,
        bootstrap_operator_certificate=tmp_path / "operator.pem",
        bootstrap_operator_token_sha256="",
    )
    digest = OperatorAccess(mine, None).sha256

    def shows(key: Any, one: x509.Certificate) -> ssl.SSLContext:
        context = client_context()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "shown.pem").write_bytes(private + pem(one))
        context.load_cert_chain(tmp_path / "shown.pem")
        return context

    async with running(config, software()) as one:
        port = await one.until_waiting()
        async with one.connected(
            port, operator_sha256=digest, context=shows(key, mine)
        ) as connection:
            assert (await attested_server.ask(connection, "POST", "/key-file", KEY)).status == 200
            log = (await attested_server.ask(connection, "GET", "/log")).json()["log"]
            assert [line["who"] for line in log] == ["certificate"]
        with pytest.raises((trio.BrokenResourceError, InvalidEvidence)):
            async with one.connected(port, context=shows(*certificate(name="operator"))):
                pass
        async with one.connected(port) as connection:
            assert (await give(connection, "/key-file", KEY))[0] == 401
            assert (await attested_server.ask(connection, "GET", "/status")).status == 200


async def test_a_server_of_another_operator_s_is_refused(tmp_path: Path):
    async with running(configured(tmp_path), software()) as one:
        port = await one.until_waiting()
        async with one.connected(port, operator_sha256=token_sha256(TOKEN)):
            pass
        with pytest.raises(Refused, match="another operator"):
            async with one.connected(port, operator_sha256=token_sha256("of somebody else")):
                pass


# Secrets, and the end


def secrets_of(key: bytes, *, besides: Sequence[object] = ()) -> list[object]:
    """All provisioning with this key file, and all key files, that anything refers to."""
    gc.collect()
    return [
        each
        for each in gc.get_objects()
        if (
            (type(each) is Provisioning and each.key_file == key)
            or (type(each) is KeyFile and each.key == key)
        )
        and not any(each is other for other in besides)
    ]


async def test_nothing_refers_to_the_provisioning_once_the_service_is_up(tmp_path: Path):
    config = configured(tmp_path)
    others = secrets_of(KEY)  # of tests before this one
    async with running(config, software()) as one:
        async with one.waiting() as connection:
            await give(connection, "/key-file", KEY)
            assert len(secrets_of(KEY, besides=others)) == 1
            assert (await provision(connection, tmp_path / "clients", restart=True))[0] == 200
        await one.until_up()
        await trio.testing.wait_all_tasks_blocked()
        assert secrets_of(KEY, besides=others) == []
    async with running(config, software()) as one:
        await one.until_up()
        await trio.testing.wait_all_tasks_blocked()
        assert secrets_of(KEY, besides=others) == [], "nor when it was recalled"


async def test_a_stop_while_it_waits_ends_it(tmp_path: Path):
    stop = trio.Event()
    config = configured(tmp_path)
    async with running(config, software(), stop=stop) as one, one.waiting() as connection:
        await give(connection, "/key-file", KEY)
        stop.set()
    assert one.up == []
    assert not (tmp_path / "store.db").exists()


async def test_a_stop_during_the_start_ends_it_in_order(tmp_path: Path):
    stop = trio.Event()
    config = configured(tmp_path)
    async with running(config, software(), stop=stop) as one, one.waiting() as connection:
        await give(connection, "/key-file", KEY)
        await give(connection, "/client-ca", authority(tmp_path / "clients"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give, connection, "/start", {})
            while not (tmp_path / "store.db").exists():
                await trio.lowlevel.checkpoint()
            stop.set()
    async with open_store(SQLiteBackend(str(tmp_path / "store.db")), KeyFile(KEY)) as store:
        assert await store.read(provisioning.RECORD) is None


@dataclass(frozen=True)
class Mute(SoftwareTee):
    """A chip that does not answer."""

    async def evidence(self, report_data: bytes) -> Any:
        raise DeviceError("the chip stays busy")


async def test_a_chip_that_does_not_answer_ends_the_start_in_a_sentence(tmp_path: Path):
    config = configured(tmp_path)
    tee = Mute(software().guest)
    start = Start(config, Callbacks(print, print), trio.Event(), tee, operator_access(config))
    with pytest.raises(ExceptionGroup) as ended:
        await start.bootstrapped()
    assert ended.group_contains(Failure, match=r"chip does not answer: the chip stays busy\.")
    assert "Traceback" not in str(ended.value.exceptions[0])


async def test_without_a_chip_there_is_no_bootstrap(tmp_path: Path):
    config = configured(tmp_path)
    with pytest.raises(Failure, match="needs a chip that attests"):
        await start.serve(config, Callbacks(print, print), trio.Event())


async def test_a_damaged_simulated_chip_ends_in_a_sentence(tmp_path: Path):
    config = configured(tmp_path, insecure_software_chip=True)
    files.make_directory(tmp_path / CHIP_DIRECTORY)
    (tmp_path / CHIP_DIRECTORY / CHIP_FILE).write_text("{}")
    with pytest.raises(Failure, match="simulated TEE cannot be used"):
        await start.serve(config, Callbacks(print, print), trio.Event())
