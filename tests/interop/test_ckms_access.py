"""The real `ckms`, unmodified: access rights between two clients of the real server process.

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

from kmip.enums import CryptographicAlgorithm, Operation
from kmip.versions import V2_1
from tests.e2e.program import Remote
from tests.interop.server_process import REPOSITORY, RunningServer, environment, running
from tests.server.samples import ACTIVE, create, create_pair, opaque, register, secret

OWN = REPOSITORY / ".venvs" / "ckms" / "bin" / "ckms"
CKMS = os.environ.get("STRONGROOM_CKMS") or (str(OWN) if OWN.exists() else shutil.which("ckms"))
HTTPS = re.compile(r"over HTTPS +https://\S*:(\d+)/kmip")
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(CKMS is None, reason="there is no ckms"),
]


class Terminal:
    """`ckms` as clients of one server type it."""

    def __init__(self, server: RunningServer, place: Path) -> None:
        self._server, self._place = server, place
        self._port = server.said(HTTPS)[1]

    def _configuration(self, name: str) -> Path:
        files = self._server.certificate(name)
        path = self._place / f"{name}.toml"
        path.write_text(
            "[http_config]\n"
            f'server_url = "https://localhost:{self._port}"\n'
            "accept_invalid_certs = true\n"
            f'tls_client_pem_cert_path = "{files["certificate"]}"\n'
            f'tls_client_pem_key_path = "{files["key"]}"\n'
        )
        return path

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
    with running(place / "data", "--https-port", "0") as server:
        yield Terminal(server, place)


def test_what_is_granted_is_listed_found_and_used_until_it_is_revoked(
    ckms: Terminal, tmp_path: Path
):
    (key,) = ckms.makes("alice", "sym", "keys", "create", "-t", "shared")
    export = ("sym", "keys", "export", "-k", key, "-f", "raw", str(tmp_path / "key"))
    assert not ckms("bob", *export)[0]
    rights = ("-i", key, "get", "encrypt", "get_attributes")
    assert ckms("alice", "access-rights", "grant", "bob", *rights)[0]
    assert ckms("alice", "access-rights", "grant", "*", "-i", key, "signature_verify")[0]
    _, said = ckms("alice", "access-rights", "list", key)
    assert "bob: {encrypt, get, get_attributes}" in said
    assert "*: {signature_verify}" in said
    _, said = ckms("bob", "access-rights", "obtained")
    assert f"[Active][alice]{key}" in said
    assert key in ckms("bob", "locate", "--tag", "shared")[1]
    succeeded, said = ckms("bob", *export)
    assert succeeded, said
    assert len((tmp_path / "key").read_bytes()) == 32
    assert ckms("alice", "access-rights", "revoke", "bob", *rights)[0]
    (tmp_path / "key").unlink()
    assert not ckms("bob", *export)[0]
    assert "bob" not in ckms("alice", "access-rights", "list", key)[1]


def test_every_operation_that_it_knows_and_that_can_be_granted_is_granted(ckms: Terminal):
    (key,) = ckms.makes("alice", "sym", "keys", "create")
    every = [
        "decrypt",
        "derive_key",
        "destroy",
        "encrypt",
        "export",
        "get",
        "get_attributes",
        "locate",
        "mac",
        "revoke",
        "rekey",
        "sign",
        "signature_verify",
        "validate",
        "set_attribute",
        "modify_attribute",
        "add_attribute",
        "delete_attribute",
        "activate",
    ]
    succeeded, said = ckms("alice", "access-rights", "grant", "carol", "-i", key, *every)
    assert succeeded, said
    _, said = ckms("alice", "access-rights", "list", key)
    listed = re.search(r"carol: \{(.*)\}", said)
    assert listed
    assert sorted(listed[1].split(", ")) == sorted(every)


@pytest.mark.parametrize(
    "words, why",
    [
        (("create",), "Not Supported: Create needs no grant"),
        (("-i", "KEY", "hash"), "Not Supported: Hash needs no grant"),
        (("-i", "KEY", "import"), "Access denied: Import is not to be granted"),
        (("-i", "KEY", "certify"), "Access denied: Certify is not to be granted"),
        (("-i", "nothing", "get"), "Item not found: there is no object 'nothing'"),
    ],
)
def test_what_is_not_granted_is_refused_in_words(ckms: Terminal, words: tuple[str, ...], why: str):
    (key,) = ckms.makes("alice", "sym", "keys", "create")
    words = tuple(key if word == "KEY" else word for word in words)
    succeeded, said = ckms("alice", "access-rights", "grant", "bob", *words)
    assert (succeeded, why in said) == (False, True), said


def test_all_kinds_of_objects_are_listed_as_owned(ckms: Terminal):
    async def make() -> set[str]:
        """What other clients of KMIP make, of the same name."""
        async with ckms.kmip("dave") as ask:
            pairs = [
                await create_pair(ask, algorithm=CryptographicAlgorithm.EC),
                await create_pair(ask, algorithm=CryptographicAlgorithm.ED25519),
            ]
            others = [
                await register(ask, secret()),
                await register(ask, opaque()),
                await create(ask, ACTIVE),
            ]
            await ask(Operation.DESTROY, unique_identifier=others[0])
            return {*others, *(key for pair in pairs for key in pair)}

    made = trio.run(make)
    succeeded, said = ckms("dave", "access-rights", "owned")
    assert succeeded, said
    assert set(IDENTIFIER.findall(said)) == made
    assert "[Destroyed]" in said
    assert "No object owned" in ckms("nobody", "access-rights", "owned")[1]
