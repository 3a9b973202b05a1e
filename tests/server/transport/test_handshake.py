"""Handshakes that fail: the client is sent the alert, and the log gets subject and cause."""

import ssl
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric import rsa

from server.access.client import of_certificate
from server.setup.config import Config
from server.transport import tls
from server.transport.handshake import MAX_SUBJECT, HandshakeFailed, shake_hands
from tests.server.access.authorities import DAY, NOW, Issuer
from tests.server.unprovisioned_server import certificate

VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name
)
ROOT = Issuer.root("root")


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    (tmp_path / "server.pem").write_bytes(ROOT.client("localhost").pair)
    context = tls.empty_context(Config())
    context.load_cert_chain(tmp_path / "server.pem")
    tls.trust_clients(context, ROOT.pem, "It", NOW)
    return context


def client(tmp_path: Path, issued: Issuer | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if issued is not None:
        (tmp_path / "shown.pem").write_bytes(issued.pair)
        context.load_cert_chain(tmp_path / "shown.pem")
    return context


async def alert_and_failure(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[str, HandshakeFailed]:
    """What a client is told, and what the server tells its log."""
    mine, its = trio.testing.memory_stream_pair()
    ours = trio.SSLStream(mine, client, server_hostname="localhost")
    theirs = trio.SSLStream(its, server, server_side=True)
    failures: list[HandshakeFailed] = []

    async def serve() -> None:
        try:
            await shake_hands(theirs)  # type: ignore[arg-type]
        except HandshakeFailed as failure:
            failures.append(failure)
        await its.aclose()

    alert = "nothing"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        try:
            await ours.do_handshake()
            await ours.receive_some(1)
        except trio.BrokenResourceError as error:
            alert = getattr(error.__cause__, "reason", None) or "the end"
    return alert, failures[0]


@VERSIONS
@pytest.mark.parametrize(
    "issued,alerts,cause,subject",
    [
        (None, "CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE", "DID_NOT_RETURN_A_CERTIFICATE", ""),
        (Issuer.root("other").client("Zoë"), "UNKNOWN_CA", "unable to get", "Zoë"),
        (ROOT.client("old", start=NOW - 9 * DAY, end=NOW - DAY), "EXPIRED", "has expired", "old"),
        (ROOT.client("new", start=NOW + DAY), "BAD_CERTIFICATE", "not yet valid", "new"),
        (Issuer.root("self"), "UNKNOWN_CA", "self-signed", "self"),
        (Issuer.root("other").client("evil\nline"), "UNKNOWN_CA", "unable", "evil\nline"),
    ],
    ids=["none", "another authority's", "expired", "not yet valid", "self-signed", "a line end"],
)
async def test_a_refused_client_is_told_why(
    server, tmp_path: Path, version, issued, alerts, cause, subject
):
    context = client(tmp_path, issued)
    context.minimum_version = context.maximum_version = version
    alert, failure = await alert_and_failure(server, context)
    assert "ALERT" in alert
    assert any(each in alert for each in alerts.split("|"))
    assert cause in failure.cause
    assert failure.subject == subject


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_versions_and_suites_that_are_not_spoken_are_told(server, tmp_path: Path):
    context = client(tmp_path, ROOT.client("old"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    alert, failure = await alert_and_failure(server, context)
    assert "ALERT_PROTOCOL_VERSION" in alert
    assert failure.cause == "UNSUPPORTED_PROTOCOL"
    context = client(tmp_path, ROOT.client("old"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA256:@SECLEVEL=0")  # needs an RSA certificate
    alert, failure = await alert_and_failure(server, context)
    assert "ALERT" in alert
    assert failure.cause == "NO_SHARED_CIPHER"


@pytest.mark.parametrize(
    "suite", ["AES128-SHA256", "AES256-SHA256", "AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
)
async def test_with_an_rsa_certificate_old_clients_are_served(tmp_path: Path, suite):
    """Profiles 2.1 section 4 names the first two."""
    key = rsa.generate_private_key(65537, 2048)
    context = tls.empty_context(Config())
    tls.use_identity(context, tls.Identity(*certificate(key), ()))
    tls.trust_clients(context, ROOT.pem, "It", NOW)
    old = client(tmp_path, ROOT.client("old"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers(suite)
    mine, its = trio.testing.memory_stream_pair()
    ours = trio.SSLStream(mine, old, server_hostname="localhost")
    theirs = trio.SSLStream(its, context, server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.do_handshake)
        await shake_hands(theirs)  # type: ignore[arg-type]
    assert ours.cipher()[0] == suite


async def test_a_stranger_cannot_fill_the_log(server, tmp_path: Path):
    name = "x" * 64
    _, failure = await alert_and_failure(
        server, client(tmp_path, Issuer.root("other").client(name))
    )
    assert failure.subject == name
    assert len(str(failure)) < 2 * MAX_SUBJECT


async def test_garbage_in_place_of_a_certificate_fails_like_any_other(server):
    mine, its = trio.testing.memory_stream_pair()
    theirs = trio.SSLStream(its, server, server_side=True)
    await mine.send_all(b"\x16\x03\x01\x00\x05\x0b\x00\x00\x01\xff")
    await mine.send_eof()
    with pytest.raises(HandshakeFailed):
        await shake_hands(theirs)


@VERSIONS
async def test_a_client_is_named_by_its_certificates_common_name(
    server: ssl.SSLContext, tmp_path: Path, version: ssl.TLSVersion
):
    """What belongs to a client belongs to its name, whichever certificate of that name it shows."""
    mine, its = trio.testing.memory_stream_pair()
    context = client(tmp_path, ROOT.client("alice"))
    context.maximum_version = version
    ours = trio.SSLStream(mine, context, server_hostname="localhost")
    theirs = trio.SSLStream(its, server, server_side=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.do_handshake)
        await shake_hands(theirs)  # type: ignore[arg-type]
    named = of_certificate(theirs.getpeercert(), theirs.getpeercert(binary_form=True))
    assert named is not None
    assert named.name == "alice"
    assert named.identification is not None
    assert named.identification.until is not None
