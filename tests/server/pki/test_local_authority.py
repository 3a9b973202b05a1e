"""Certificates that Strongroom makes: what they say, and what a second start does."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.pki import local_authority, local_x509
from server.pki.local_authority import Pair
from server.setup.failure import Failure

NOW = datetime(2030, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
NAMES = ("localhost", "127.0.0.1", "::1")


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def common_name(certificate: x509.Certificate) -> object:
    return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_a_first_start_makes_authority_server_and_client(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "tls"
    local_authority.ensure_server(directory, NAMES, NOW)
    local_authority.ensure_client(directory, "client", NOW)
    assert sorted(contents(directory)) == [
        "ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem",
    ]  # fmt: skip
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for key in directory.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_the_certificates_say(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, [*NAMES, "kms.example.org", "bücher.example"], NOW)
    local_authority.ensure_client(tmp_path, "app", NOW)
    server, client, root = (load(tmp_path / f"{name}.pem") for name in ("server", "app", "ca"))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {
        "localhost", "kms.example.org", "xn--bcher-kva.example",
    }  # fmt: skip
    assert {str(one) for one in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    uses = [
        list(one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        for one in (server, client)
    ]
    assert uses == [[ExtendedKeyUsageOID.SERVER_AUTH], [ExtendedKeyUsageOID.CLIENT_AUTH]]
    assert common_name(client) == "app"
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not client.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert client.not_valid_after_utc - NOW == local_x509.LEAF_LIFE


def test_a_tls_handshake_holds_both_ways(tmp_path: Path) -> None:
    """In memory, with verification as strict as OpenSSL's, once for each TLS version."""
    now = datetime.now(UTC)
    server = local_authority.ensure_server(tmp_path, NAMES, now)
    client = local_authority.ensure_client(tmp_path, "client", now)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ca.pem")
        theirs.verify_mode = ssl.CERT_REQUIRED
        theirs.load_cert_chain(server.certificate, server.key)
        theirs.minimum_version = theirs.maximum_version = version
        ours = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        ours.load_cert_chain(client.certificate, client.key)
        for context in (theirs, ours):
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
        sides = [
            ours.wrap_bio(here, there, server_hostname="127.0.0.1"),
            theirs.wrap_bio(there, here, server_side=True),
        ]
        for _ in range(4):
            for side in sides:
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        peer = sides[1].getpeercert()
        assert peer
        assert peer["subject"] == ((("commonName", "client"),),)


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    local_authority.ensure_server(tmp_path, NAMES[:1], NOW + timedelta(days=200))
    assert contents(tmp_path) == before


def test_near_its_end_a_certificate_is_renewed_under_the_same_key(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    local_authority.ensure_client(tmp_path, "client", NOW)
    before = contents(tmp_path)
    later = NOW + timedelta(days=300)
    local_authority.ensure_server(tmp_path, NAMES, later)
    local_authority.ensure_client(tmp_path, "client", later)
    after = contents(tmp_path)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"server.pem", "client.pem"}
    assert load(tmp_path / "server.pem").not_valid_after_utc == later + local_x509.LEAF_LIFE


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    local_authority.ensure_server(tmp_path, [*NAMES, "new.example"], NOW)
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"server.pem"}


def test_a_renewed_authority_still_vouches_for_what_it_issued(tmp_path: Path) -> None:
    local_authority.ensure_client(tmp_path, "client", NOW)
    old = load(tmp_path / "ca.pem")
    issued = load(tmp_path / "client.pem")
    local_authority.ensure_server(tmp_path, NAMES, NOW + 7 * YEAR)
    new = load(tmp_path / "ca.pem")
    assert new.not_valid_after_utc > old.not_valid_after_utc
    issued.verify_directly_issued_by(new)


def test_a_start_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    for name in ("ca.pem", "server.pem"):
        (tmp_path / name).unlink()
    keys = {path.name: path.read_bytes() for path in tmp_path.glob("*.key")}
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    load(tmp_path / "server.pem").verify_directly_issued_by(load(tmp_path / "ca.pem"))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.key")} == keys


def test_the_authoritys_key_may_be_kept_elsewhere(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    (tmp_path / "ca.key").rename(tmp_path / "elsewhere")
    local_authority.ensure_server(tmp_path, NAMES, NOW)
    with pytest.raises(Failure, match=r"ca\.key cannot be read"):
        local_authority.ensure_client(tmp_path, "client", NOW)
    with pytest.raises(Failure, match="near its end and its key"):
        local_authority.ensure_client(tmp_path, "client", NOW + 8 * YEAR)


def test_another_authoritys_key_is_refused(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path / "a", NAMES, NOW)
    local_authority.ensure_server(tmp_path / "b", NAMES, NOW)
    (tmp_path / "b" / "ca.key").replace(tmp_path / "a" / "ca.key")
    with pytest.raises(Failure, match="is not the private key of"):
        local_authority.ensure_client(tmp_path / "a", "client", NOW)


def test_a_server_certificate_of_another_authority_is_made_anew(tmp_path: Path) -> None:
    local_authority.ensure_server(tmp_path / "a", NAMES, NOW)
    local_authority.ensure_server(tmp_path / "b", NAMES, NOW)
    for name in ("ca.pem", "ca.key"):
        (tmp_path / "b" / name).replace(tmp_path / "a" / name)
    local_authority.ensure_server(tmp_path / "a", NAMES, NOW)
    load(tmp_path / "a" / "server.pem").verify_directly_issued_by(load(tmp_path / "a" / "ca.pem"))


@pytest.mark.parametrize(
    "name", ["", "ca", "CA", "server", "Server", ".", "..", "../x", "a/b", "a\\b", "-x", " x",
             "x\n", "é", "x" * 65, "a\0b", ".hidden"]
)  # fmt: skip
def test_names_that_no_client_may_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match="cannot name a client"):
        local_authority.ensure_client(tmp_path, name, NOW)
    assert not contents(tmp_path)


@pytest.mark.parametrize("name", ["a", "client", "app-1.example.org", "me@example.org", "x" * 64])
def test_names_that_a_client_may_have(name: str) -> None:
    assert local_authority.check_client_name(name) == name


def test_own_names() -> None:
    assert local_authority.own_names()[:3] == NAMES
    assert local_authority.own_names("0.0.0.0") == local_authority.own_names("::")
    assert local_authority.own_names("192.0.2.1", ["kms.example.org", "localhost"])[-2:] == (
        "192.0.2.1", "kms.example.org",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".example"])
def test_what_is_no_name_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match="neither a host name nor an address"):
        local_authority.ensure_server(tmp_path, [name], NOW)


def configured(tmp_path: Path) -> tuple[Pair, Path]:
    return local_authority.ensure_server(tmp_path, NAMES, NOW), tmp_path / "ca.pem"


def test_given_certificates_that_hold_pass(tmp_path: Path) -> None:
    local_authority.check_usable(*configured(tmp_path), NOW)


@pytest.mark.parametrize(
    "days, sentence", [(500, "expired on 2031-02-02"), (-2, "is not valid before 2029-12-31")]
)
def test_an_expired_or_future_certificate_is_refused(
    tmp_path: Path, days: int, sentence: str
) -> None:
    with pytest.raises(Failure, match=f"server.pem {sentence}"):
        local_authority.check_usable(*configured(tmp_path), NOW + timedelta(days=days))


def test_a_certificate_near_its_end_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    local_authority.check_usable(*configured(tmp_path), NOW + timedelta(days=380))
    assert "server.pem expires on 2031-02-02" in caplog.text


def test_unreadable_certificates_and_keys_are_told(tmp_path: Path) -> None:
    pair, ca = configured(tmp_path)
    other = local_authority.ensure_client(tmp_path, "other", NOW)
    with pytest.raises(Failure, match="is not the private key of"):
        local_authority.check_usable(Pair(pair.certificate, other.key), ca, NOW)
    with pytest.raises(Failure, match="holds no PEM certificate"):
        local_authority.check_usable(Pair(pair.key, pair.key), ca, NOW)
    with pytest.raises(Failure, match="holds no unencrypted PEM private key"):
        local_authority.check_usable(Pair(pair.certificate, pair.certificate), ca, NOW)
    with pytest.raises(Failure, match="nowhere cannot be read"):
        local_authority.check_usable(pair, tmp_path / "nowhere", NOW)


def test_a_key_that_cannot_issue_is_told(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ca.key").write_bytes(pem)
    with pytest.raises(Failure, match="must be an ECDSA or RSA key"):
        local_authority.ensure_server(tmp_path, NAMES, NOW)
