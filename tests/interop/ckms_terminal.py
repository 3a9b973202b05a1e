"""The real `ckms`, unmodified, as people type it at the real server process.

It is compiled from its sources, which takes long, so it is not made here: it is taken from the
environment variable STRONGROOM_CKMS, from `.venvs/ckms` (`cargo install ckms --root .venvs/ckms`),
or from the path.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from kmip.versions import V2_1
from tests.e2e.program import Remote
from tests.interop.server_process import REPOSITORY, RunningServer, environment, running

OWN = REPOSITORY / ".venvs" / "ckms" / "bin" / "ckms"
CKMS = os.environ.get("STRONGROOM_CKMS") or (str(OWN) if OWN.exists() else shutil.which("ckms"))
HTTPS = re.compile(r"over HTTPS +https://\S*:(\d+)/kmip")
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

needs_ckms = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(CKMS is None, reason="there is no ckms"),
]


class Terminal:
    """`ckms` as clients of one server type it.

    Attributes:
        tokens: bearer tokens of the names that come by one in place of a certificate.
    """

    def __init__(self, server: RunningServer, place: Path) -> None:
        self._server, self._place = server, place
        self.tokens: dict[str, str] = {}
        self._port = server.said(HTTPS)[1]

    def _configuration(self, name: str) -> Path:
        path = self._place / f"{name}.toml"
        path.write_text(
            "[http_config]\n"
            f'server_url = "https://localhost:{self._port}"\n'
            "accept_invalid_certs = true\n" + self._identity(name)
        )
        return path

    def _identity(self, name: str) -> str:
        if name in self.tokens:
            return f'access_token = "{self.tokens[name]}"\n'
        files = self._server.certificate(name)
        return (
            f'tls_client_pem_cert_path = "{files["certificate"]}"\n'
            f'tls_client_pem_key_path = "{files["key"]}"\n'
        )

    def __call__(self, name: str, *words: str) -> tuple[bool, str]:
        """Whether it succeeds, and all that it says."""
        done = subprocess.run(
            [str(CKMS), "-c", str(self._configuration(name)), *words],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode == 0, done.stdout + done.stderr

    @asynccontextmanager
    async def kmip(self, name: str) -> AsyncIterator[Remote]:
        """A client of this name at the KMIP port."""
        files = self._server.certificate(name)
        context = ssl.create_default_context(cafile=self._server.tls / "ca.pem")
        context.load_cert_chain(files["certificate"], files["key"])
        tcp = await trio.open_tcp_stream(self._server.host, self._server.port)
        stream = trio.SSLStream(tcp, context, server_hostname="localhost")
        try:
            await stream.do_handshake()
            yield Remote(None, None, V2_1, stream=stream)
        finally:
            await trio.aclose_forcefully(stream)

    def makes(self, name: str, *words: str) -> list[str]:
        """The identifiers of what it makes."""
        succeeded, said = self(name, *words)
        assert succeeded, said
        return IDENTIFIER.findall(said)


@pytest.fixture(scope="module")
def ckms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    place = tmp_path_factory.mktemp("ckms")
    with running(place / "data", "--https-port", "0", "--issuer", "own:") as server:
        yield Terminal(server, place)
