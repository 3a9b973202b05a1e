"""The real `ckms`, unmodified, by a bearer token and without a certificate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.access import api_tokens
from server.access.api_tokens import READ_ONLY
from tests.interop.ckms_terminal import Terminal, needs_ckms
from tests.interop.server_process import RunningServer, running
from tests.server.access.issuer import AUDIENCE, NAME, OTHER_EC, jwk_set, token

pytestmark = needs_ckms

ISSUER = "https://other.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that takes the JWTs of two issuers."""
    place = tmp_path_factory.mktemp("tokens")
    (place / "keys.json").write_bytes(jwk_set())
    jwks = f"file:{place / 'keys.json'}"
    options = [
        *("--https-port", "0", "--jwt-issuer-uri", NAME, "--jwks-uri", jwks),
        *("--jwt-audience", AUDIENCE, "--jwt-issuers", f"issuer={ISSUER} jwks={jwks} claim=email"),
    ]
    with running(place / "data", *options) as server:
        yield server


@pytest.fixture(scope="module")
def ckms(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    now = int(time.time())
    times: dict[str, Any] = {"iat": now, "exp": now + 3600}
    terminal = Terminal(server, tmp_path_factory.mktemp("ckms"))
    tokens = server.data / "tokens.json"
    terminal.tokens = {
        "app": api_tokens.add(tokens, "app", now, 1),
        "reader": api_tokens.add(tokens, "reader", now, 1, operations=READ_ONLY),
        "person": token(**times),
        "pipeline": token(iss=ISSUER, email="ci@example.com", **times),
        "expired": token(iat=now - 7200, exp=now - 3600),
        "forged": token(OTHER_EC, **times),
        "wrong": "strongroom-wrong",
    }
    return terminal


@pytest.mark.parametrize("name", ["app", "person", "pipeline"])
def test_a_token_makes_and_uses_keys_of_its_own(ckms: Terminal, tmp_path: Path, name: str):
    (key,) = ckms.makes(name, "sym", "keys", "create", "-t", name)
    assert key in ckms(name, "locate", "--tag", name)[1]
    (tmp_path / "file").write_bytes(b"what is to be kept")
    sealed, opened = str(tmp_path / "sealed"), str(tmp_path / "open")
    for words in (
        ("sym", "encrypt", str(tmp_path / "file"), "-k", key, "-o", sealed),
        ("sym", "decrypt", sealed, "-k", key, "-o", opened),
    ):
        succeeded, said = ckms(name, *words)
        assert succeeded, said
    assert (tmp_path / "open").read_bytes() == b"what is to be kept"
    for other in {"app", "person", "pipeline"} - {name}:
        assert key not in ckms(other, "locate", "--tag", name)[1]


def test_a_token_is_granted_what_a_certificate_s_client_owns(ckms: Terminal, tmp_path: Path):
    (key,) = ckms.makes("alice", "sym", "keys", "create", "-t", "granted")
    export = ("sym", "keys", "export", "-k", key, "-f", "raw", str(tmp_path / "key"))
    assert not ckms("app", *export)[0]
    succeeded, said = ckms("alice", "access-rights", "grant", "token:app", "-i", key, "get")
    assert succeeded, said
    succeeded, said = ckms("app", *export)
    assert succeeded, said
    assert "Active" in ckms("app", "access-rights", "obtained")[1]


def test_a_token_that_reads_makes_nothing(ckms: Terminal):
    succeeded, said = ckms("reader", "sym", "keys", "create")
    assert not succeeded
    assert "no right" in said
    assert ckms("reader", "server", "discover-versions")[0]


@pytest.mark.parametrize("name", ["expired", "forged", "wrong"])
def test_a_token_that_does_not_hold_is_refused_in_words(ckms: Terminal, name: str):
    succeeded, said = ckms(name, "sym", "keys", "create")
    assert not succeeded
    assert "token" in said
