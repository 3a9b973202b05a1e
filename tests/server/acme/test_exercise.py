"""The same exercise with Pebble and with the directory in memory, over real sockets.

What is refused, restarted and renewed here is the product's own; only the directory differs.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from enclave.insecure import SoftwareGuest, SoftwareTee
from server.acme.challenges import HTTP01, TLSALPN01, ServiceContext, service_context
from server.acme.client import Client
from server.acme.renewal import Renewal
from server.acme.replies import Refused
from server.acme.sealed_state import ACCOUNT_FILE, CERTIFICATE_FILE, SealedState
from server.acme.session import Session
from server.transport import tls
from server.transport.https_client import Fetch
from tests.enclave.guest_machine import software_chip
from tests.free_ports import free_ports
from tests.server.acme.fake_directory import (
    FakeDirectory,
    authority_pair,
    utc_now,
    validate_by_socket,
)
from tests.server.acme.pebble import pebble

NAME = "kms.example.test"


@dataclass
class World:
    """A directory and where it looks.

    Attributes:
        url: the directory.
        fetch: reaches it.
        ports: where it looks for challenges, by kind.
    """

    url: str
    fetch: Fetch
    ports: dict[str, int]
    context: ServiceContext = field(default_factory=service_context)
    installed: list[tls.Identity] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.arrivals, self.arrived = trio.open_memory_channel[None](10)

    def install(self, identity: tls.Identity) -> None:
        tls.use_identity(self.context, identity)
        self.installed.append(identity)
        self.arrivals.send_nowait(None)

    def client(self, key: ec.EllipticCurvePrivateKey | None = None) -> Client:
        key = key or ec.generate_private_key(ec.SECP256R1())
        return Client(Session(self.url, key, self.fetch, utc_now), "owner@example.test")

    def renewal(self, data: Path, nursery: trio.Nursery, **guest: Any) -> Renewal:
        tee = SoftwareTee(SoftwareGuest(software_chip(), **guest))
        return Renewal(
            kept=SealedState(data, tee, self.url, NAME),
            fetch=self.fetch,
            answering=[TLSALPN01(self.context, utc_now)],
            install=self.install,
            now=utc_now,
            rest=1.0,  # certificates live six seconds
        )

    def plain(self, nursery: trio.Nursery) -> HTTP01:
        return HTTP01("127.0.0.1", self.ports["http-01"], nursery)

    @asynccontextmanager
    async def serving(self):
        """The service's port, which answers with what it is told."""

        async def serve(tcp: trio.SocketStream) -> None:
            with suppress(trio.BrokenResourceError):
                stream = trio.SSLStream(tcp, self.context, server_side=True)
                await stream.do_handshake()
                if stream.selected_alpn_protocol() is None:
                    while data := await stream.receive_some():
                        await stream.send_all(data)

        async with trio.open_nursery() as nursery:
            listen = partial(trio.serve_tcp, host="127.0.0.1")
            await nursery.start(listen, serve, self.ports["tls-alpn-01"])
            yield nursery
            nursery.cancel_scope.cancel()

    async def visit(self) -> trio.SSLStream[trio.SocketStream]:
        """An ordinary client's connection, which names the name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        tcp = await trio.open_tcp_stream("127.0.0.1", self.ports["tls-alpn-01"])
        stream = trio.SSLStream(tcp, context, server_hostname=NAME)
        await stream.do_handshake()
        return stream


@pytest.fixture(
    scope="module", params=["memory", pytest.param("pebble", marks=pytest.mark.interop)]
)
def directory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    if request.param == "memory":
        yield None
    else:
        with pebble(tmp_path_factory.mktemp("pebble"), validity=6, refused_nonces=20) as running:
            yield running


@pytest.fixture
def world(directory: Any) -> World:
    if directory is not None:
        return World(directory.url, directory.fetch, directory.ports)
    ports = dict(zip(("http-01", "tls-alpn-01"), free_ports(2), strict=True))
    fake = FakeDirectory(partial(validate_by_socket, ports), utc_now, refuse_nonces=4)
    fake.life /= 90 * 86400 / 6
    return World(fake.url, fake.fetch, ports)


def own_identity() -> tls.Identity:
    key, certificate = authority_pair("the service before", utc_now())
    return tls.Identity(key, certificate, ())


def peer_certificate(stream: trio.SSLStream[trio.SocketStream]) -> x509.Certificate:
    return x509.load_der_x509_certificate(stream.getpeercert(True))


async def test_a_name_is_shown_on_the_services_own_port_and_nobody_else_sees_it(world: World):
    before = own_identity()
    world.install(before)
    seen = []

    class VisitedChallenge(TLSALPN01):
        @asynccontextmanager
        async def answered(self, challenge):
            async with TLSALPN01.answered(self, challenge):
                stream = await world.visit()
                seen.append(peer_certificate(stream))
                await trio.aclose_forcefully(stream)
                yield

    key = ec.generate_private_key(ec.SECP256R1())
    async with world.serving():
        way = VisitedChallenge(world.context, utc_now)
        leaf, *above = await world.client().certificate(NAME, key, way)
    assert leaf.public_key() == key.public_key()
    assert leaf.issuer == above[0].subject
    assert seen == [before.certificate]
    assert not world.context.pending


async def test_a_name_is_shown_on_a_plain_port_that_closes_again(world: World):
    key = ec.generate_private_key(ec.SECP256R1())
    async with trio.open_nursery() as nursery:
        leaf, *_ = await world.client().certificate(NAME, key, world.plain(nursery))
    assert leaf.public_key() == key.public_key()
    with pytest.raises(OSError):
        await trio.open_tcp_stream("127.0.0.1", world.ports["http-01"])


class Mute(TLSALPN01):
    """Answers with what another order would want."""

    def answered(self, challenge):
        return super().answered(challenge._replace(authorization="another"))


async def test_a_refused_authorisation_is_one_sentence(world: World):
    key = ec.generate_private_key(ec.SECP256R1())
    world.install(own_identity())
    async with world.serving():
        with pytest.raises(Refused) as caught:
            await world.client().certificate(NAME, key, Mute(world.context, utc_now))
    text = str(caught.value)
    assert text.startswith(f"{NAME} was not found to be this server by tls-alpn-01: ")
    assert "port 443" in text
    assert "\n" not in text
    assert not world.context.pending


@pytest.mark.slow
async def test_where_one_way_is_refused_the_next_one_is_tried(world: World, tmp_path: Path):
    async with trio.open_nursery() as nursery:  # nobody listens at the service's port
        renewal = world.renewal(tmp_path, nursery)
        plain = world.plain(nursery)
        renewal.answering = [*renewal.answering, plain]
        await renewal.renew()
        assert renewal.answering[0] is plain  # and the next time it comes first
    assert len(world.installed) == 1


@pytest.mark.slow
async def test_it_is_renewed_while_connections_go_on_and_found_again_at_a_restart(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    async with world.serving() as nursery:
        await nursery.start(world.renewal(tmp_path, nursery).keep)
        with trio.fail_after(30):
            await world.arrived.receive()
            early = await world.visit()
            await world.arrived.receive()
        late = await world.visit()
        first, second = (one.certificate for one in world.installed[:2])
        assert (peer_certificate(early), peer_certificate(late)) == (first, second)
        assert first.serial_number != second.serial_number
        assert first.public_key() == second.public_key()  # which users have pinned
        await early.send_all(b"still here")
        assert await early.receive_some() == b"still here"
        for stream in (early, late):
            await trio.aclose_forcefully(stream)
        nursery.cancel_scope.cancel()

    for name in (ACCOUNT_FILE, CERTIFICATE_FILE):
        sealed = (tmp_path / name).read_bytes()
        assert b"PRIVATE" not in sealed
        assert b"chain" not in sealed

    # The same code on the same chip has it at once, without asking; other code has nothing.
    last = world.installed[-1]
    async with trio.open_nursery() as nursery:
        again = world.renewal(tmp_path, nursery)
        await nursery.start(again.keep, trio.Event())
        assert world.installed[-1] is not last
        assert world.installed[-1].certificate == last.certificate
        nursery.cancel_scope.cancel()
    count = len(world.installed)
    async with trio.open_nursery() as nursery:
        other = world.renewal(tmp_path, nursery, measurement=bytes(48))
        await nursery.start(other.keep, trio.Event())
        assert len(world.installed) == count
        nursery.cancel_scope.cancel()
    assert "does not open and is made anew" in caplog.text
