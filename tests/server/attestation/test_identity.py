"""The certificates of a server: evidence, one it was given, and one that a directory certified."""

import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enclave.claims import KeyOrigin, Role, decode
from enclave.client import Expectation, challenge, connect
from enclave.errors import InvalidEvidence, Refused
from enclave.evidence_formats import BARE_OIDS, TAGGED_EVIDENCE_OID, read_tagged
from enclave.insecure import MEASUREMENT, SoftwareChip, SoftwareGuest, SoftwareTee
from enclave.pinned import Pinned
from enclave.policy import read_policy
from enclave.quote_request import HTTPAsk
from enclave.snp import SEV_SNP
from enclave.snp.collateral import SNPCollateral
from server.attestation.attester import make_attester
from server.attestation.identity import ServerIdentity
from server.service import http_endpoint, now
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.shutdown import Shutdown
from server.transport import tls
from server.transport.acceptor import Acceptor
from server.transport.https_client import Fetch, Fetcher
from server.transport.listening import open_listeners
from tests.free_ports import free_ports
from tests.server.acme.fake_directory import (
    FakeDirectory,
    authority_pair,
    utc_now,
    validate_by_socket,
)
from tests.server.acme.pebble import pebble

NAME = "kms.example.test"
NONCE = bytes(range(32))


@cache
def software_chip() -> SoftwareChip:
    """The chip of all servers here, made today: what it signs is verified today."""
    return SoftwareChip.make(utc_now())


@dataclass
class Place:
    """A directory, and the port of the service at which it looks."""

    url: str
    port: int
    authority: Path | None
    fetcher: Callable[[ssl.SSLContext], Fetch]


@pytest.fixture(
    scope="module", params=["memory", pytest.param("pebble", marks=pytest.mark.interop)]
)
def place(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if request.param == "pebble":
        with pebble(tmp_path_factory.mktemp("pebble"), refused_nonces=20) as running:
            yield Place(running.url, running.ports["tls-alpn-01"], running.authority, Fetcher)
        return
    ports = dict(zip(("http-01", "tls-alpn-01"), free_ports(2), strict=True))
    fake = FakeDirectory(partial(validate_by_socket, ports), utc_now)
    yield Place(fake.url, ports["tls-alpn-01"], None, lambda context: fake.fetch)


@dataclass
class Service:
    """A running HTTPS port."""

    port: int
    identity: ServerIdentity

    async def get(self, path: str) -> tuple[x509.Certificate, bytes]:
        """What one connection showed, and the body of the answer on it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        tcp = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(tcp, context, server_hostname=NAME, https_compatible=True)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        await stream.send_all(request.encode())
        got = b""
        while part := await stream.receive_some():
            got += part
        certificate = x509.load_der_x509_certificate(stream.getpeercert(True))
        await trio.aclose_forcefully(stream)
        return certificate, got.partition(b"\r\n\r\n")[2]

    async def certified(self) -> x509.Certificate:
        """What it shows once it is certified."""
        with trio.fail_after(20):
            while True:
                certificate, _ = await self.get("/status")
                if certificate.issuer != certificate.subject:
                    return certificate
                await trio.sleep(0.05)


@asynccontextmanager
async def serving(
    config: Config, *, port: int = 0, identity: tls.Identity | None = None, **more: Any
) -> AsyncIterator[Service]:
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    config.data.mkdir(exist_ok=True)
    maker = await make_attester(config, tee, Role.API, now, instance=bytes(16))
    listeners = await open_listeners("127.0.0.1", port)
    shutdown = Shutdown()
    async with trio.open_nursery() as nursery:
        server = ServerIdentity(config, maker, identity, nursery, **more)
        context, attestation = await server.attested(None, shutdown, now)
        endpoint = http_endpoint(config, listeners, context, attestation.routes, shutdown)
        up = trio.Event()
        nursery.start_soon(Acceptor(config, shutdown).serve, [endpoint], up.set)
        await up.wait()
        yield Service(listeners[0].socket.getsockname()[1], server)
        nursery.cancel_scope.cancel()
    for listener in listeners:
        await listener.aclose()


def key_sha256(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(info).digest()


async def check_quote(service: Service) -> x509.Certificate:
    """The quote speaks for the key of the connection on which it came."""
    nonce = urlsafe_b64encode(NONCE).decode()
    certificate, body = await service.get(f"/quote?nonce={nonce}")
    claims = decode(read_tagged(body).claims)
    assert claims.public_key_sha256 == key_sha256(certificate)
    assert claims.nonce == NONCE
    return certificate


def config_of(tmp_path: Path, place: Place | None = None, **changes: Any) -> Config:
    config = Config(data=tmp_path / "data", audit="none", **changes)
    if place is None:
        return config
    return replace(
        config,
        use_certbot=True,
        certbot_hostname=NAME.upper(),
        certbot_email="owner@example.test",
        acme_directory=place.url,
        acme_directory_ca=place.authority,
    )


async def test_evidence(tmp_path):
    async with serving(config_of(tmp_path)) as service:
        certificate = await check_quote(service)
        oid = x509.ObjectIdentifier(TAGGED_EVIDENCE_OID)
        assert certificate.extensions.get_extension_for_oid(oid)
        assert service.identity.attestation
        assert service.identity.attestation.certificate == certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("allowed", [False, True])
async def test_evidence_in_the_form_that_ckms_expects_is_asked_for(tmp_path, allowed):
    async with serving(config_of(tmp_path, insecure_allow_ckms_verify=allowed)) as service:
        certificate, _ = await service.get("/status")
        carried = {extension.oid.dotted_string for extension in certificate.extensions}
        assert TAGGED_EVIDENCE_OID in carried
        assert (BARE_OIDS[SEV_SNP] in carried) == allowed


async def test_what_it_was_given(tmp_path):
    key, certificate = authority_pair("given", now())
    provisioned = tls.Identity(key, certificate, ())
    async with serving(config_of(tmp_path), identity=provisioned) as service:
        assert await check_quote(service) == certificate


async def test_what_a_directory_certified_and_it_again_at_the_next_start(tmp_path, place):
    config = config_of(tmp_path, place)
    async with serving(config, port=place.port, fetcher=place.fetcher) as service:
        certificate = await service.certified()
        assert await check_quote(service) == certificate
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert names.value.get_values_for_type(x509.DNSName) == [NAME]
        assert all(scope.cancel_called for scope in service.identity.evidence)

    def unreachable(context: ssl.SSLContext) -> Fetch:
        return FakeDirectory(
            partial(validate_by_socket, {}), utc_now, base=place.url, down=True
        ).fetch

    async with serving(config, fetcher=unreachable) as service:
        assert await check_quote(service) == certificate


async def test_a_user_verifies_and_pins_the_certified_key(tmp_path, place):
    chip = software_chip()
    expectation = Expectation(
        policy=read_policy(
            f'[sev-snp]\nmeasurements = ["{MEASUREMENT.hex()}"]\n'
            "min_tcb = { Genoa = { boot_loader = 9, snp = 23, microcode = 72 } }\n"
        ),
        role=Role.API,
        collateral={SEV_SNP: SNPCollateral((chip.amd.revocation_list(chip.made),))},
        roots=chip.roots,
        allow_insecure_simulated=True,
    )
    config = config_of(tmp_path, place)
    async with serving(config, port=place.port, fetcher=place.fetcher) as service:
        certificate = await service.certified()
        visit = partial(connect, "127.0.0.1", place.port, now=utc_now)
        with pytest.raises(InvalidEvidence, match="no evidence"):
            await visit(expectation)
        async with await visit(expectation, ask=HTTPAsk(NAME)) as connection:
            assert connection.attested.pin == key_sha256(certificate)
            again = await challenge(connection, HTTPAsk(NAME), expectation, now=utc_now)
            assert again.attested.pin == connection.attested.pin
        pinned = replace(expectation, pin=key_sha256(certificate))
        async with await visit(pinned, ask=HTTPAsk(NAME)):
            pass
        with pytest.raises(Refused, match="pinned"):
            await visit(replace(expectation, pin=bytes(32)), ask=HTTPAsk(NAME))
        with pytest.raises(Refused, match="bootstrap"):
            await visit(replace(expectation, role=Role.BOOTSTRAP), ask=HTTPAsk(NAME))


async def test_who_has_pinned_the_server_before_it_was_certified_goes_on(tmp_path, place):
    config = config_of(tmp_path, place)

    async def pinned(service: Service) -> Pinned:
        nonce = urlsafe_b64encode(NONCE).decode()
        certificate, body = await service.get(f"/quote?nonce={nonce}")
        claims = decode(read_tagged(body).claims)
        assert claims.public_key_sha256 == key_sha256(certificate)
        return Pinned.of(claims)

    directory = FakeDirectory(partial(validate_by_socket, {}), utc_now, base=place.url, down=True)
    async with serving(config, fetcher=lambda context: directory.fetch) as service:
        before = await pinned(service)
        assert before.key_origin is KeyOrigin.ACME
    async with serving(config, port=place.port, fetcher=place.fetcher) as service:
        await service.certified()
        assert await pinned(service) == before


async def test_kmip_presents_the_same(tmp_path, place):
    async with serving(
        config_of(tmp_path, place), port=place.port, fetcher=place.fetcher
    ) as service:
        context = tls.empty_context(Config(insecure_allow_no_client_certificate=True))
        await service.identity.present(context)
        certificate = await service.certified()
        assert presented_by(context) == certificate


def presented_by(server: ssl.SSLContext) -> x509.Certificate:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    mine, theirs = client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for end in (mine, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = mine.getpeercert(True)
    assert der
    return x509.load_der_x509_certificate(der)


async def test_who_offers_the_protocol_without_a_challenge_is_a_client(tmp_path, place):
    config = replace(config_of(tmp_path, place), acme_directory="https://localhost:1/dir")
    async with serving(config) as service:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["acme-tls/1"])
        tcp = await trio.open_tcp_stream("127.0.0.1", service.port)
        stream = trio.SSLStream(tcp, context, server_hostname=NAME)
        await stream.send_all(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.selected_alpn_protocol() is None
        body = (await stream.receive_some()).partition(b"\r\n\r\n")[2]
        assert json.loads(body)["state"] == "serving"
        await trio.aclose_forcefully(stream)


async def test_contradictions_are_refused(tmp_path):
    config = replace(Config(data=tmp_path), use_certbot=True, certbot_hostname=NAME)
    async with trio.open_nursery() as nursery:
        with pytest.raises(Failure, match="no chip"):
            ServerIdentity(config, None, None, nursery)
        with pytest.raises(Failure, match="no chip"):
            await ServerIdentity(Config(), None, None, nursery).attested(None, Shutdown(), now)


@pytest.mark.parametrize(
    "settings,sentence",
    [
        ({"use_certbot": True}, "certbot_hostname"),
        ({"use_certbot": True, "certbot_hostname": "a b"}, "certbot_hostname"),
        ({"use_certbot": True, "certbot_hostname": NAME, "certbot_email": "x"}, "certbot_email"),
        (
            {"use_certbot": True, "certbot_hostname": NAME, "certbot_email": "a@b,c@d"},
            "certbot_email",
        ),
        (
            {"use_certbot": True, "certbot_hostname": NAME, "acme_directory": "http://x"},
            "https://",
        ),
        ({"use_certbot": True, "certbot_hostname": NAME, "acme_challenges": ()}, "one of the"),
        ({"acme_challenges": ("dns-01",)}, "dns-01"),
    ],
)
def test_settings_that_contradict_each_other(settings, sentence):
    with pytest.raises(Failure, match=sentence):
        Config(**settings)
