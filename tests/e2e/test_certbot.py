"""A server process gets its certificate from Pebble, and any HTTPS client accepts it."""

import ssl
from pathlib import Path

import pytest
import trio

from tests.e2e.program import running
from tests.server.acme.pebble import Pebble, pebble

pytestmark = [pytest.mark.slow, pytest.mark.interop]

NAME = "kms.example.test"


async def accepted(port: int, root: str, log: Path) -> bytes:
    """The certificate once a client that trusts this root accepts it, DER."""
    context = ssl.create_default_context(cadata=root)
    for _ in range(100):
        tcp = await trio.open_tcp_stream("127.0.0.1", port)
        stream = trio.SSLStream(tcp, context, server_hostname=NAME)
        try:
            await stream.do_handshake()
            certificate = stream.getpeercert(True)
            assert certificate
            return bytes(certificate)
        except trio.BrokenResourceError:  # the certificate with evidence is there at first
            await trio.sleep(0.1)
        finally:
            await trio.aclose_forcefully(stream)
    pytest.fail(log.read_text())


async def test_a_certificate_for_everybody_and_the_same_after_a_restart(tmp_path: Path):
    with pebble(tmp_path / "pebble", refused_nonces=15) as directory:
        root = (await directory.fetch("GET", directory.root_url)).body.decode()
        words = (
            *("--insecure-software-chip", "--use-certbot", "--certbot-hostname", NAME),
            *("--certbot-email", "owner@example.test", "--acme-directory", directory.url),
            *("--acme-directory-ca", directory.authority),
        )
        port = directory.ports["tls-alpn-01"]
        data = tmp_path / "data"
        with running(data, *words, "--https-port", port) as program:
            certificate = await accepted(port, root, program.log)
            assert program.end() == 0
            assert f"a certificate for {NAME} is in place" in program.said()
        assert sorted(path.name for path in data.glob("acme-*")) == [
            "acme-account.sealed",
            "acme-certificate.sealed",
        ]
    await restarted_without(directory, root, data, words, certificate)


async def restarted_without(
    directory: Pebble, root: str, data: Path, words: tuple[object, ...], certificate: bytes
) -> None:
    """The directory is gone, and the certificate is there."""
    port = directory.ports["tls-alpn-01"]
    with running(data, *words, "--https-port", port) as program:
        assert await accepted(port, root, program.log) == certificate
        assert program.end() == 0
        assert "Traceback" not in program.said()
