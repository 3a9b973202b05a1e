"""A store in Redis under TLS: real TLS, ended in front of a real Valkey."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from server.pki import local_authority
from server.setup import open_store
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.open_store import Opening
from server.setup.redis_store import RedisAccess
from storage import KeyFile, Unavailable, Unsuitable
from storage.redis import backend
from tests.storage.redis_server import RedisServer

KEY = KeyFile(bytes(range(32)))


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A directory with an authority, a server's certificate for localhost and a client's."""
    directory = tmp_path / "pki"
    now = datetime.now(UTC)
    local_authority.ensure_server(directory, ("localhost",), now)
    local_authority.ensure_client(directory, "client", now)
    return directory


@asynccontextmanager
async def tls_in_front(valkey: RedisServer, pki: Path) -> AsyncIterator[int]:
    """The port of what takes TLS with client certificates, and passes it on in the clear."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pki / "server.pem", pki / "server.key")

    async def copy(source: Any, target: Any, scope: trio.CancelScope) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except trio.BrokenResourceError:
            pass
        scope.cancel()

    async def serve(client: trio.SocketStream) -> None:
        secured = trio.SSLStream(client, context, server_side=True, https_compatible=True)
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError:
            return
        redis = await trio.open_unix_socket(valkey.socket)
        async with redis, trio.open_nursery() as nursery:
            nursery.start_soon(copy, secured, redis, nursery.cancel_scope)
            nursery.start_soon(copy, redis, secured, nursery.cancel_scope)
        await trio.aclose_forcefully(secured)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def opens(config: Config, opening: Opening | None = None) -> bool:
    async with open_store.opened(config, opening=opening) as store:
        return store.count == 0


async def test_files_of_the_settings(
    valkey: RedisServer, pki: Path, tmp_path: Path, label: str, monkeypatch: pytest.MonkeyPatch
):
    async with tls_in_front(valkey, pki) as port:
        config = Config(
            data=tmp_path / "data",
            store=f"rediss://localhost:{port}",
            redis_findex_label=label,
            redis_tls_ca=pki / "ca.pem",
            redis_tls_certificate=pki / "client.pem",
            redis_tls_private_key=pki / "client.key",
        )
        assert await opens(config)
        in_url = (
            f"rediss://localhost:{port}?ssl_ca_certs={pki / 'ca.pem'}"
            f"&ssl_certfile={pki / 'client.pem'}&ssl_keyfile={pki / 'client.key'}"
        )
        by_url = Config(data=tmp_path / "data", store=in_url, redis_findex_label=label)
        assert await opens(by_url)
        with pytest.raises(Unsuitable, match="the TLS of Redis"):
            await opens(replace(config, redis_tls_ca=None))
        with pytest.raises(Unsuitable, match="the TLS of Redis"):
            await opens(replace(config, store=f"rediss://127.0.0.2:{port}"))
        monkeypatch.setattr(backend, "PATIENCE_S", 0)
        with pytest.raises(Unavailable):
            await opens(replace(config, redis_tls_certificate=None, redis_tls_private_key=None))
        with pytest.raises(Failure, match="certificates for Redis cannot be used"):
            await opens(replace(config, redis_tls_ca=pki / "client.key"))


async def test_what_an_operator_gives(
    valkey: RedisServer, pki: Path, tmp_path: Path, label: str, monkeypatch: pytest.MonkeyPatch
):
    """It is in memory: no file of the machine is read, and none is written."""
    async with tls_in_front(valkey, pki) as port:
        identity = (pki / "client.pem").read_text() + (pki / "client.key").read_text()
        access = RedisAccess(label, "", (pki / "ca.pem").read_text(), identity)
        config = Config(data=tmp_path / "data", redis_tls_ca=tmp_path / "nothing")
        place = f"rediss://localhost:{port}"
        assert await opens(config, Opening(place, KEY, redis=access))
        assert not (tmp_path / "data").exists()
        monkeypatch.setattr(backend, "PATIENCE_S", 0)
        with pytest.raises(Unavailable):
            await opens(config, Opening(place, KEY, redis=replace(access, certificate="")))
        with pytest.raises(Unsuitable, match="the TLS of Redis"):
            await opens(config, Opening(place, KEY, redis=replace(access, ca="")))
