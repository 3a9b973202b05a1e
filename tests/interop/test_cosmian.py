"""Cosmian's Python client, unmodified, against the real server process over HTTPS.

It is a compiled library for one platform, so its environment is made where that can be had
(`.ci/environment .venvs/cosmian tests/interop/requirements-cosmian.lock`).
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

from tests.interop.server_process import REPOSITORY, environment, running

ENVIRONMENT = REPOSITORY / ".venvs" / "cosmian"
CLIENT = ENVIRONMENT / "bin" / "python"
MADE = ENVIRONMENT / "made-from-requirements-cosmian.lock"
"""Is written once all is installed."""
PASSWORD = "between these two"
LONGEST_SECONDS = 120
HTTPS = re.compile(r"over HTTPS +https://\S*:(\d+)/kmip")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.slow,
    pytest.mark.skipif(not MADE.exists(), reason=f"no Cosmian client in {ENVIRONMENT}"),
]


def bundle(tls: Path, place: Path) -> Path:
    """The client's certificate and key as PKCS#12."""
    key: Any = load_pem_private_key((tls / "client.key").read_bytes(), None)
    certificate = load_pem_x509_certificate((tls / "client.pem").read_bytes())
    encryption = BestAvailableEncryption(PASSWORD.encode())
    data = pkcs12.serialize_key_and_certificates(b"client", key, certificate, None, encryption)
    place.write_bytes(data)
    return place


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("cosmian")
    with running(place / "data", "--https-port", "0") as server:
        port = server.said(HTTPS)[1]
        driver = Path(__file__).with_name("cosmian_driver.py")
        pkcs12_file = bundle(server.tls, place / "client.p12")
        done = subprocess.run(
            [CLIENT, driver, f"https://localhost:{port}", pkcs12_file, PASSWORD],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("key", ["AES-128", "AES-256", "ChaCha20-256"])
@pytest.mark.parametrize("which", ["identifier", "tags"])
def test_a_key_is_found_and_used_by_its_identifier_and_by_its_tags(report, key, which):
    length = int(key.partition("-")[2])
    assert report[f"{key} {which} get"] == ["SymmetricKey", length, length]
    assert report[f"{key} {which} encrypt"] == len(b"some data")
    assert report[f"{key} {which} decrypt"] == "some data"


@pytest.mark.parametrize("key", ["AES-128", "AES-256", "ChaCha20-256"])
def test_a_key_is_revoked_and_destroyed(report, key):
    identifier = report[f"{key} create"]
    assert report[f"{key} revoke"] == report[f"{key} destroy"] == identifier
    assert re.fullmatch("[0-9a-f-]{36}", identifier)


def test_what_cannot_be_done_is_told_in_words(report):
    assert "there is no object 'nothing'" in report["unknown identifier"]
    assert "no object has the tags nothing" in report["unknown tags"]
    assert "several objects have the tags two" in report["several"]
    assert "Covercrypt is not supported" in report["covercrypt"]
