"""Where a server takes what it needs from: its disk, an operator, or anything of that interface."""

import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from enclave.keys import OwnKey
from enclave.ratls import ServerKey
from enclave.tee import Tee
from server import service
from server.access import password_file
from server.access.client_certificates import Rules
from server.access.password_file import Kind
from server.access.users import Users
from server.attestation.identity import ServerIdentity
from server.commands import serve
from server.pki import local_authority
from server.setup import provisioning
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.sources import (
    NO_USERS,
    DiskSources,
    HTTPSListeners,
    OperatorSources,
    open_https_listeners,
)
from server.transport import tls
from server.transport.admission import Admission, Reading
from storage import KeyFile, MemoryBackend, SealedStore, open_store
from tests.server.unprovisioned_server import certificate, configured, p12, software

KEY = bytes(range(32))


def provisioned(**more: object) -> Provisioning:
    return Provisioning(key_file=KEY, **more)  # type: ignore[arg-type]


def operator(data: Path, one: Provisioning, bootstrap: HTTPSListeners | None = None):
    return OperatorSources(configured(data), one, software(), bytes(16), bootstrap)


class MemorySources:
    """A store in memory, no TEE, and certificates of an authority of its own."""

    def __init__(self, config: Config, directory: Path) -> None:
        self.config = config
        self.files = directory
        self.finished: list[SealedStore] = []
        local_authority.ensure_server(directory, ["localhost"], datetime.now(UTC))

    def tee(self) -> Tee | None:
        return None

    @asynccontextmanager
    async def https_listeners(self) -> AsyncIterator[HTTPSListeners]:
        yield HTTPSListeners([])

    def store(self) -> AbstractAsyncContextManager[SealedStore]:
        return open_store(MemoryBackend(), KeyFile(KEY), create=True)

    def users(self) -> Users:
        return Users(NO_USERS)

    def instance(self) -> bytes:
        return bytes(16)

    def key(self) -> OwnKey | None:
        return None

    def renewed(self, own: ServerKey) -> tls.Identity | None:
        return None

    def identity(self, own: ServerKey | None = None) -> tls.Identity | None:
        return None

    async def admission(self, identity: ServerIdentity) -> Admission:
        context = tls.empty_context(self.config)
        context.load_cert_chain(self.files / "server.pem", self.files / "server.key")
        return Admission(lambda: Reading(context, Rules(())), lambda: datetime.now(UTC))

    def to_hand_over(self) -> None:
        return None

    async def finish(self, store: SealedStore) -> None:
        self.finished.append(store)


async def test_the_service_takes_all_from_its_sources_and_nothing_from_the_disk(tmp_path: Path):
    config = Config(data=tmp_path / "data", kmip_port=0)
    sources = MemorySources(config, tmp_path / "elsewhere")
    stop = trio.Event()
    ups: list[service.Up] = []

    def started(up: service.Up) -> None:
        ups.append(up)
        stop.set()

    with trio.fail_after(30):
        await service.serve(config, sources, started=started, stop=stop)
    assert [(len(up.kmip), list(up.https), up.simulated) for up in ups] == [(1, [], False)]
    assert len(sources.finished) == 1
    assert not config.data.exists()


async def test_the_disk_has_the_same_number_and_users_again(tmp_path: Path):
    config = Config(data=tmp_path, store="memory:")
    serve.prepare(config, datetime.now(UTC))
    password_file.add(config.users_file, Kind.USER, "somebody", "their password")
    first, second = DiskSources(config), DiskSources(config)
    assert first.instance() == second.instance()
    assert await first.users().verify("somebody", "their password", Kind.USER)
    async with first.store() as store:
        await first.finish(store)


@asynccontextmanager
async def taken_port() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


async def test_the_default_port_of_attestation_may_be_taken_and_another_one_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with taken_port() as port:
        config = Config(data=tmp_path, https_port=port)
        with pytest.raises(Failure, match=f"port {port} cannot be had"):
            async with DiskSources(config).https_listeners():
                pass
        monkeypatch.setattr("server.sources.DEFAULT_HTTPS_PORT", port)
        async with DiskSources(config).https_listeners() as https:
            assert https == HTTPSListeners([], None)
        assert "no HTTPS, and no attestation, see https_port" in caplog.text


async def test_what_an_operator_gave_is_let_go_of_when_the_start_is_finished(tmp_path: Path):
    tmp_path.joinpath("users.json").write_text("not read")
    sources = operator(tmp_path, provisioned())
    async with sources.store() as store:
        assert sources.provisioning.key_file == KEY
        await sources.finish(store)
    with pytest.raises(RuntimeError, match="not kept"):
        _ = sources.provisioning
    with pytest.raises(RuntimeError, match="not kept"):
        sources.identity()
    assert str(KEY) not in repr(vars(sources))


async def test_an_operator_s_identity_is_opened_by_its_password(tmp_path: Path):
    key, one = certificate(name="kms.example")
    pkcs12 = p12(key, one, "hunter2")
    identity = operator(tmp_path, provisioned(pkcs12=pkcs12, pkcs12_password="hunter2")).identity()
    assert identity is not None
    assert identity.certificate == one
    assert operator(tmp_path, provisioned()).identity() is None
    with pytest.raises(Failure, match="does not open"):
        operator(tmp_path, provisioned(pkcs12=pkcs12, pkcs12_password="x")).identity()


async def test_provisioning_that_is_older_than_the_store_s_does_not_open_it(tmp_path: Path):
    config, tee = configured(tmp_path), software()
    async with operator(tmp_path, provisioned(restart=True)).store() as store:
        for _ in range(2):
            await provisioning.keep(config.data, tee, store, provisioned(restart=True))
    recalled = await provisioning.recall(config.data, tee)
    assert recalled is not None
    older = replace(recalled, number=recalled.number - 1)
    with pytest.raises(Failure, match="put an old file back"):
        async with operator(tmp_path, older).store():
            pass
    async with operator(tmp_path, recalled).store():
        pass


async def test_the_sockets_of_the_bootstrap_stay_where_the_ports_are_the_same(tmp_path: Path):
    config = configured(tmp_path)
    bootstrap = HTTPSListeners(await open_https_listeners(config, 0), trio.Event())
    (listener,) = bootstrap.listeners
    address = listener.socket.getsockname()
    async with operator(tmp_path, provisioned(), bootstrap).https_listeners() as https:
        assert [each.socket.getsockname() for each in https.listeners] == [address]
        assert https.free is bootstrap.free
    assert listener.socket.fileno() != -1, "closed by whoever opened it"
    async with operator(tmp_path, provisioned()).https_listeners() as https:
        assert [each.socket.getsockname() for each in https.listeners] != [address]
        assert https.free is None
    await listener.aclose()
