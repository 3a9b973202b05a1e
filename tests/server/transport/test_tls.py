"""TLS settings from what an operator has given, and nothing of it on disk."""

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trio.testing
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from server.pki import local_authority
from server.setup.config import Config, TLSVersion
from server.setup.failure import Failure
from server.transport import tls
from tests.server.unprovisioned_server import certificate, p12, pem


@pytest.fixture(params=["P-256", "P-384", "RSA"])
def key(request):
    if request.param == "RSA":
        return rsa.generate_private_key(65537, 2048)
    curve = ec.SECP256R1() if request.param == "P-256" else ec.SECP384R1()
    return ec.generate_private_key(curve)


@pytest.mark.parametrize("password", ["", "hunter2", "pâte"])
def test_an_identity_is_what_the_file_holds(key, password):
    _, one = certificate(key)
    identity = tls.open_pkcs12(p12(key, one, password), password)
    assert identity.key.private_numbers() == key.private_numbers()
    assert (identity.certificate, identity.chain) == (one, ())
    assert "private" not in repr(identity).lower()


def test_an_old_file_opens_too():
    key, one = certificate()
    old = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())
        .build(b"old")
    )
    data = pkcs12.serialize_key_and_certificates(b"x", key, one, None, old)
    assert tls.open_pkcs12(data, "old").certificate == one


def test_what_is_no_identity_is_refused():
    key, one = certificate()
    edwards = ed25519.Ed25519PrivateKey.generate()
    for data, password, why in (
        (b"", "", "does not open"),
        (b"\x30\x03\x02\x01\x03", "", "does not open"),
        (p12(key, one, "right"), "wrong", "does not open"),
        (p12(key, one, "right"), "", "does not open"),
        (p12(key, one, "right"), "\ud800", "does not open"),
        (p12(key, None, ""), "", "no certificate with an EC or RSA key"),
        (p12(edwards, None, ""), "", "no certificate with an EC or RSA key"),
    ):
        with pytest.raises(Failure, match=why):
            tls.open_pkcs12(data, password)


@pytest.mark.filterwarnings("ignore:PKCS#12 bundle")  # that it is not DER
def test_damaged_files_are_refused_and_nothing_else():
    whole = p12(*certificate(), "")
    for at in range(0, len(whole), 11):
        damaged = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        with contextlib.suppress(Failure):
            tls.open_pkcs12(damaged, "")


async def seen(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes | None:
    """The certificate that a client is shown."""
    near, far = trio.testing.memory_stream_pair()
    ours = trio.SSLStream(far, server, server_side=True)
    theirs = trio.SSLStream(near, client, server_hostname="localhost")

    async def serve() -> None:
        await ours.do_handshake()
        await ours.send_all(b"x")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        await theirs.do_handshake()
        await theirs.receive_some(1)
    return theirs.getpeercert(binary_form=True)


def anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_new_connections_are_shown_the_identity(key, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    context = tls.empty_context(Config(insecure_allow_no_client_certificate=True))
    matches = []
    for _ in range(2):
        one = certificate(key)[1]
        tls.use_identity(context, tls.Identity(key, one, ()))
        matches.append(await seen(context, anybody()) == one.public_bytes(Encoding.DER))
    assert matches == [True, True]
    assert list(tmp_path.iterdir()) == []


async def test_the_chain_is_shown_too(key, tmp_path: Path):
    above = certificate(name="authority")
    _, one = certificate(key, name="localhost", issuer=above)
    context = tls.empty_context(Config(insecure_allow_no_client_certificate=True))
    tls.use_identity(context, tls.Identity(key, one, (above[1],)))
    client = ssl.create_default_context(cadata=pem(above[1]).decode())
    client.check_hostname = False
    assert await seen(context, client) == one.public_bytes(Encoding.DER)


async def test_clients_of_the_given_authorities_come_in(tmp_path: Path):
    for name in ("ours", "theirs", "others"):
        local_authority.ensure_client(tmp_path / name, "client", datetime.now(UTC))
    both = b"".join((tmp_path / name / "ca.pem").read_bytes() for name in ("ours", "theirs"))
    context = tls.empty_context(Config())
    text = f"# Autorité\n{both.decode()}\n# fin\n"
    tls.trust_clients(context, text.encode(), tls.CLIENT_AUTHORITY, datetime.now(UTC))
    tls.use_identity(context, tls.Identity(*certificate(), ()))

    async def connect(name: str) -> None:
        client = anybody()
        client.load_cert_chain(tmp_path / name / "client.pem", tmp_path / name / "client.key")
        await seen(context, client)

    await connect("ours")
    await connect("theirs")
    with pytest.raises((ExceptionGroup, trio.BrokenResourceError)):
        await connect("others")
    with pytest.raises((ExceptionGroup, trio.BrokenResourceError)):
        await seen(context, anybody())


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "é"]
)
def test_what_is_no_authority_is_refused(text):
    context = tls.empty_context(Config())
    with pytest.raises(Failure, match="not one or more certificates"):
        tls.trust_clients(context, text.encode(), tls.CLIENT_AUTHORITY, datetime.now(UTC))


@pytest.mark.parametrize("version", list(TLSVersion))
def test_the_settings_say_how_old_tls_may_be(version):
    context = tls.empty_context(Config(tls_minimum_version=version))
    assert context.minimum_version is tls.VERSIONS[version.value]
    assert context.verify_mode is ssl.CERT_REQUIRED
