"""Accepting within limits: connections in all, from one address, at one endpoint."""

import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.client import client_context
from enclave.ratls import server_context, use_certificate
from server.pki import local_authority
from server.setup.config import Config
from server.setup.shutdown import Shutdown
from server.transport.acceptor import (
    Acceptor,
    Endpoint,
    Peer,
    Session,
    Stream,
)
from server.transport.listening import address_of, open_listeners
from server.transport.tls import reading_of_files
from tests.server.unprovisioned_server import certificate

Client = trio.SSLStream[trio.SocketStream]
GREETING = b"hello"


def context() -> ssl.SSLContext:
    made = server_context()
    key, one = certificate()
    use_certificate(made, key, one.public_bytes(Encoding.DER))
    return made


class Site:
    """A server with some endpoints, each of which greets and then waits for its client to leave."""

    def __init__(self, config: Config, endpoints: list[Endpoint], shutdown: Shutdown) -> None:
        self.config = config
        self.endpoints = endpoints
        self.shutdown = shutdown
        self.came: list[trio.abc.AsyncResource] = []

    async def socket(self, number: int = 0) -> trio.SocketStream:
        """A bare connection to an endpoint."""
        port = int(self.endpoints[number].addresses[0].rpartition(":")[2])
        tcp = await trio.open_tcp_stream("127.0.0.1", port)
        self.came.append(tcp)
        return tcp

    async def come(self, number: int = 0) -> Client | None:
        """A client that was greeted; None where it was turned away."""
        stream = trio.SSLStream(await self.socket(number), client_context(), server_hostname="x")
        try:
            await stream.do_handshake()
            assert await stream.receive_some() == GREETING
        except trio.BrokenResourceError:
            return None
        return stream

    async def leave(self, client: Client | None) -> None:
        """A greeted client goes, and its place is free again."""
        assert client is not None
        await client.aclose()
        await trio.testing.wait_all_tasks_blocked(0.05)


@asynccontextmanager
async def serving(config: Config, *limits: int | None) -> AsyncIterator[Site]:
    """A site with an endpoint for each limit."""
    shutdown = Shutdown()

    def session() -> Session:
        async def greet(stream: Stream, peer: Peer) -> None:
            await stream.send_all(GREETING)
            with shutdown.at_most(60):
                await stream.receive_some()

        return greet

    endpoints = [
        Endpoint(await open_listeners("127.0.0.1", 0), context(), session(), max_connections=limit)
        for limit in limits
    ]
    site = Site(config, endpoints, shutdown)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            started = trio.Event()
            nursery.start_soon(Acceptor(config, shutdown).serve, endpoints, started.set)
            await started.wait()
            yield site
            shutdown.stop.set()
    for each in [*site.came, *(one for endpoint in endpoints for one in endpoint.listeners)]:
        await trio.aclose_forcefully(each)


@pytest.mark.parametrize("setting", ["max_connections", "max_connections_per_address"])
async def test_too_many_are_turned_away_until_one_leaves(setting, caplog):
    async with serving(Config(**{setting: 2}), None) as site:
        first = await site.come()
        assert await site.come() is not None
        assert await site.come() is None
        assert "too many connections; one from 127.0.0.1 is closed" in caplog.text
        await site.leave(first)
        assert await site.come() is not None


async def test_an_endpoint_has_a_limit_of_its_own_and_leaves_room_at_others():
    async with serving(Config(max_connections=4), 1, None) as site:
        stranger = await site.come(0)
        assert await site.come(0) is None
        for _ in range(3):
            assert await site.come(1) is not None
        assert await site.come(1) is None
        await site.leave(stranger)
        assert await site.come(0) is not None


async def test_a_handshake_that_is_not_done_holds_its_place_for_its_time_only(caplog):
    caplog.set_level("INFO")
    async with serving(Config(max_connections=1, handshake_seconds=0.2), None) as site:
        assert await (await site.socket()).receive_some() == b""
        assert await site.come() is not None
        assert "the handshake with 127.0.0.1 was not done in time" in caplog.text


async def test_garbage_ends_with_its_connection():
    async with serving(Config(), None) as site:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\xff\xff" + bytes(70_000), b"\0"):
            stream = await site.socket()
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(garbage)
                await stream.send_eof()
                while await stream.receive_some():
                    pass
        assert await site.come() is not None


async def test_whoever_waits_is_let_go_at_the_stop():
    async with serving(Config(stop_seconds=60), None, None) as site:
        clients = [await site.come(0), await site.come(1)]
        silent = await site.socket()
        await trio.testing.wait_all_tasks_blocked(0.05)
        site.shutdown.stop.set()
        for client in clients:
            assert await client.receive_some() == b""
        assert await silent.receive_some() == b""


async def test_an_endpoint_that_is_not_open_yet_keeps_its_clients_waiting():
    listeners = await open_listeners("127.0.0.1", 0)
    after = trio.Event()
    greeted = trio.Event()

    async def session(stream: Stream, peer: Peer) -> None:
        greeted.set()
        await stream.send_all(GREETING)

    shutdown = Shutdown()
    endpoint = Endpoint(listeners, context(), session, after)
    site = Site(Config(), [endpoint], shutdown)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Acceptor(Config(), shutdown).serve, [endpoint], lambda: None)
        nursery.start_soon(site.come)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert not greeted.is_set()
        after.set()
        await greeted.wait()
        shutdown.stop.set()
        nursery.cancel_scope.cancel()
    for each in (*site.came, *listeners):
        await trio.aclose_forcefully(each)


async def test_an_address_reads_as_one_types_it():
    (v4,) = await open_listeners("127.0.0.1", 0)
    assert address_of(v4).startswith("127.0.0.1:")
    await v4.aclose()
    try:
        (v6,) = await open_listeners("::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert address_of(v6).startswith("[::1]:")
    await v6.aclose()


async def test_a_refused_certificate_leaves_a_line_with_its_subject_and_the_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    ours, theirs = Config(data=tmp_path / "ours"), Config(data=tmp_path / "theirs")
    for config in (ours, theirs):
        local_authority.ensure_server(config.tls_directory, ["x"], datetime.now(UTC))
        local_authority.ensure_client(config.tls_directory, "mallory", datetime.now(UTC))

    async def session(stream: Stream, peer: Peer) -> None:
        pytest.fail("a stranger was let in")

    listeners, shutdown = await open_listeners("127.0.0.1", 0), Shutdown()
    endpoint = Endpoint(listeners, reading_of_files(ours, datetime.now(UTC)).context, session)
    site, stranger = Site(ours, [endpoint], shutdown), client_context()
    directory = theirs.tls_directory
    stranger.load_cert_chain(directory / "mallory.pem", directory / "mallory.key")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Acceptor(ours, shutdown).serve, [endpoint], lambda: None)
        stream = trio.SSLStream(await site.socket(), stranger, server_hostname="x")
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012 - at once or at the first byte
            await stream.do_handshake()
            await stream.receive_some()
        while "failed" not in caplog.text:
            await trio.lowlevel.checkpoint()
        shutdown.stop.set()
    for each in (*site.came, *listeners):
        await trio.aclose_forcefully(each)
    assert "mallory" in caplog.text
    assert "unable to get local issuer certificate" in caplog.text


async def test_one_address_cannot_fill_an_endpoint():
    async with serving(Config(), 4) as site:
        assert await site.come() is not None
        assert await site.come() is None
