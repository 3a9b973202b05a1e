"""The real `ckms`, unmodified: keys of all kinds from their making to their end, and their use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.interop.ckms_terminal import Terminal, ckms, needs_ckms

__all__ = ["ckms"]

pytestmark = needs_ckms

COMMON_NAME = NameOID.COMMON_NAME
TEXT = b"what is to be kept " * 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    return path


def does(ckms: Terminal, *words: object) -> str:
    """What `ckms` says when it succeeds."""
    succeeded, said = ckms("alice", *map(str, words))
    assert succeeded, said
    return said


def pair(ckms: Terminal, *words: str) -> tuple[str, str]:
    """The identifiers of the private and of the public key of a new pair."""
    public, private = ckms.makes("alice", *words)
    return private, public


def key(ckms: Terminal, *words: str) -> str:
    (made,) = ckms.makes("alice", "sym", "keys", "create", *words)
    return made


def test_a_server_says_what_it_is(ckms: Terminal):
    assert "2.1" in does(ckms, "server", "discover-versions")
    assert "Strongroom" in does(ckms, "server", "query")
    assert re.search(r"\d+\.\d+", does(ckms, "server", "version"))


@pytest.mark.parametrize(
    "bits, how",
    [
        ("256", ("-d", "aes-gcm")),
        ("256", ("-d", "aes-cbc")),
        ("512", ("-d", "aes-xts")),
        ("256", ("-e", "aes-gcm")),
        ("256", ("-e", "rfc5649")),
    ],
)
def test_a_file_is_encrypted_and_decrypted(
    ckms: Terminal, file: Path, tmp_path: Path, bits: str, how: tuple[str, str]
):
    made = key(ckms, "-l", bits)
    does(ckms, "sym", "encrypt", file, "-k", made, *how, "-o", tmp_path / "sealed")
    assert TEXT not in (tmp_path / "sealed").read_bytes()
    does(ckms, "sym", "decrypt", tmp_path / "sealed", "-k", made, *how, "-o", tmp_path / "open")
    assert (tmp_path / "open").read_bytes() == TEXT


def test_a_symmetric_key_is_exported_imported_renewed_and_destroyed(ckms: Terminal, tmp_path: Path):
    made = key(ckms, "-t", "renewed")
    does(ckms, "sym", "keys", "export", "-k", made, "-f", "raw", tmp_path / "raw")
    assert len((tmp_path / "raw").read_bytes()) == 32
    does(ckms, "sym", "keys", "export", "-k", made, tmp_path / "json")
    again = ckms.makes("alice", "sym", "keys", "import", str(tmp_path / "json"))[-1]
    does(ckms, "sym", "keys", "export", "-k", again, "-f", "raw", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "raw").read_bytes()
    (renewed,) = ckms.makes("alice", "sym", "keys", "re-key", "-k", made)
    assert renewed not in (made, again)
    does(ckms, "sym", "keys", "revoke", "-k", made, "it is replaced")
    does(ckms, "sym", "keys", "destroy", "-k", made)
    assert not ckms("alice", "sym", "keys", "export", "-k", made, str(tmp_path / "gone"))[0]


def test_a_key_is_wrapped_as_it_is_made_and_as_it_is_exported(ckms: Terminal, tmp_path: Path):
    wrapping = key(ckms)
    wrapped = key(ckms, "-w", wrapping)
    does(ckms, "sym", "keys", "export", "-k", wrapped, "-u", tmp_path / "plain")
    does(ckms, "sym", "keys", "export", "-k", wrapped, "-w", wrapping, tmp_path / "wrapped")
    assert "KeyWrappingData" in (tmp_path / "wrapped").read_text()
    assert "KeyWrappingData" not in (tmp_path / "plain").read_text()


def test_objects_are_found_by_tag_and_their_attributes_are_read_and_changed(ckms: Terminal):
    made = key(ckms, "-t", "found by this")
    assert made in does(ckms, "locate", "--tag", "found by this")
    does(ckms, "attributes", "set", "-i", made, "--name", "a name")
    does(ckms, "attributes", "modify", "-i", made, "--name", "another name")
    does(
        ckms, "attributes", "set", "-i", made, "-v", "acme", "-n", "x", "--attribute-value", "6161"
    )
    said = does(ckms, "attributes", "get", "-i", made)
    assert "another name" in said
    assert "found by this" in said


def test_a_key_is_given_a_policy_of_rotation(ckms: Terminal):
    made = key(ckms)
    does(ckms, "sym", "keys", "set-rotation-policy", "-k", made, "-i", "86400")
    assert "86400" in does(ckms, "sym", "keys", "get-rotation-policy", "-k", made)


def test_an_rsa_pair_encrypts_signs_and_is_renewed(ckms: Terminal, file: Path, tmp_path: Path):
    private, public = pair(ckms, "rsa", "keys", "create", "-s", "2048", "-t", "rsa")
    does(ckms, "rsa", "encrypt", file, "-k", public, "-o", tmp_path / "sealed")
    does(ckms, "rsa", "decrypt", tmp_path / "sealed", "-k", private, "-o", tmp_path / "open")
    assert (tmp_path / "open").read_bytes() == TEXT
    does(ckms, "rsa", "sign", file, "-k", private, "-o", tmp_path / "signature")
    verify = ("rsa", "sign-verify", file, tmp_path / "signature", "-k", public)
    assert "is Valid" in does(ckms, *verify)
    file.write_bytes(TEXT + b".")
    assert "is Valid" not in ckms("alice", *map(str, verify))[1]
    does(ckms, "rsa", "keys", "export", "-k", private, "-f", "pkcs8-pem", tmp_path / "pem")
    assert b"PRIVATE KEY" in (tmp_path / "pem").read_bytes()
    does(ckms, "rsa", "keys", "import", "-f", "pem", tmp_path / "pem")
    does(ckms, "rsa", "keys", "re-key", "-k", private)
    does(ckms, "rsa", "keys", "revoke", "-k", private, "it is replaced")
    does(ckms, "rsa", "keys", "destroy", "-k", private)


@pytest.mark.parametrize("curve", ["nist-p256", "nist-p384", "nist-p521"])
def test_a_pair_of_an_elliptic_curve_signs(ckms: Terminal, file: Path, tmp_path: Path, curve: str):
    private, public = pair(ckms, "ec", "keys", "create", "-c", curve)
    does(ckms, "ec", "sign", file, "-k", private, "-o", tmp_path / "signature")
    said = does(ckms, "ec", "sign-verify", file, tmp_path / "signature", "-k", public)
    assert "is Valid" in said
    does(ckms, "ec", "keys", "export", "-k", private, "-f", "sec1-pem", tmp_path / "pem")
    does(ckms, "ec", "keys", "import", "-f", "pem", tmp_path / "pem")
    does(ckms, "ec", "keys", "re-key", "-k", private)


def test_a_key_is_certified_by_the_server_s_authority(ckms: Terminal, tmp_path: Path):
    _, public = pair(ckms, "ec", "keys", "create")
    said = ("certificates", "certify", "-p", public, "-s", "CN=me, O=Acme")
    (certificate,) = ckms.makes("alice", *said)
    assert "Valid" in does(ckms, "certificates", "validate", "-k", certificate)
    pem = tmp_path / "pem"
    does(ckms, "certificates", "export", "-c", certificate, "-f", "pem", pem)
    subject = x509.load_pem_x509_certificate(pem.read_bytes()).subject
    assert [each.value for each in subject.get_attributes_for_oid(COMMON_NAME)] == ["me"]
    does(ckms, "certificates", "import", "-f", "pem", pem)
    does(ckms, "certificates", "revoke", "-c", certificate, "it is replaced")
    does(ckms, "certificates", "destroy", "-c", certificate)


def test_secrets_hashes_and_random_bytes(ckms: Terminal, tmp_path: Path):
    (secret,) = ckms.makes("alice", "secret-data", "create", "-v", "hunter2", "--type", "password")
    does(ckms, "secret-data", "export", "-k", secret, "-f", "raw", tmp_path / "secret")
    assert (tmp_path / "secret").read_bytes() == b"hunter2"
    said = does(ckms, "hash", "-a", "sha256", "-d", "aabb")
    assert "d798d1fac6bd4bb1c11f50312760351013379a0ab6f0a8c0af8a506b96b2525a" in said.lower()
    assert re.search(r"\b[0-9a-f]{32}\b", does(ckms, "rng", "retrieve", "-l", "16"))
    does(ckms, "derive-key", "-p", "a password", "-s", "0011223344556677")


@pytest.mark.parametrize(
    "words, why",
    [
        (("certificates", "certify", "-p", "KEY", "-s", "CN=a", "-k", "KEY"), "authority only"),
        (("mac", "compute", "-k", "KEY", "-a", "sha256", "-d", "aabb"), "usage mask"),
        (("sym", "keys", "activate", "-k", "KEY"), "Active"),
    ],
)
def test_what_is_refused_is_refused_in_words(ckms: Terminal, words: tuple[str, ...], why: str):
    made = key(ckms)
    succeeded, said = ckms("alice", *(made if word == "KEY" else word for word in words))
    assert (succeeded, why in said) == (False, True), said
