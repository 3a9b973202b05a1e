"""Whose certificate is accepted: dates, authorities, revocation lists, the operator's own list."""

import fcntl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from server.access import client_authorities, refused_certificates, revocation_lists
from server.access.client_authorities import WARN_BEFORE
from server.access.client_certificates import NotAccepted, Rules, end_of
from server.access.refused_certificates import RefusedCertificates
from server.setup.failure import Failure
from tests.enclave import forging
from tests.server.access.authorities import DAY, NOW, Issuer

SECOND = timedelta(seconds=1)
ROOT = Issuer.root("root")
ISSUING = ROOT.issuing("issuing")
CLIENT = ISSUING.client("client")
CHAIN = (CLIENT.certificate, ISSUING.certificate, ROOT.certificate)


def lists(path: Path, *crls: x509.CertificateRevocationList) -> revocation_lists.RevocationLists:
    path.mkdir(exist_ok=True)
    for number, each in enumerate(crls):
        form = Encoding.DER if number % 2 else Encoding.PEM
        (path / str(number)).write_bytes(each.public_bytes(form))
    return revocation_lists.read(path)


def rules(path: Path, *published: x509.CertificateRevocationList) -> Rules:
    return Rules([ROOT.certificate], lists(path, *published))


def test_a_certificate_and_its_authorities_have_their_time():
    accepting = Rules([ROOT.certificate])
    accepting.check(CHAIN, NOW)
    for chain, time, cause in (
        (CHAIN, end_of(CHAIN), "expired"),
        (CHAIN, NOW - 2 * DAY, "not yet valid"),
        ((CLIENT.certificate, ROOT.issuing("old", end=NOW).certificate), NOW, "expired"),
    ):
        with pytest.raises(NotAccepted, match=cause):
            accepting.check(chain, time)
    accepting.check(CHAIN, CLIENT.certificate.not_valid_before_utc)
    assert end_of(CHAIN) == CLIENT.certificate.not_valid_after_utc


@pytest.mark.parametrize("authority", [ROOT, ISSUING])
def test_an_authority_of_the_chain_must_still_be_accepted(authority):
    Rules([Issuer.root("other").certificate, authority.certificate]).check(CHAIN, NOW)
    for others in ([], [Issuer.root("root").certificate], [ROOT.issuing("issuing").certificate]):
        with pytest.raises(NotAccepted, match="not accepted any more"):
            Rules(others).check(CHAIN, NOW)


def test_what_an_authority_has_revoked_is_refused_and_nothing_else(tmp_path: Path):
    other = ISSUING.client("other")
    revoking = rules(tmp_path, ROOT.revocations(), ISSUING.revocations([CLIENT]))
    with pytest.raises(NotAccepted, match="certificate revoked"):
        revoking.check(CHAIN, NOW)
    revoking.check((other.certificate, *CHAIN[1:]), NOW)


def test_an_issuing_authority_can_be_revoked(tmp_path: Path):
    with pytest.raises(NotAccepted, match="certificate revoked"):
        rules(tmp_path, ROOT.revocations([ISSUING])).check(CHAIN, NOW)


def test_a_list_whose_time_is_over_refuses_all(tmp_path: Path):
    listing = rules(tmp_path, ISSUING.revocations(end=NOW + DAY))
    listing.check(CHAIN, NOW)
    with pytest.raises(NotAccepted, match=r"the revocation list of CN=issuing has expired"):
        listing.check(CHAIN, NOW + DAY)
    assert [each for each in listing.warnings(NOW + DAY) if "CN=issuing expired on" in each]
    with pytest.raises(NotAccepted, match="is not valid yet"):
        rules(tmp_path, ISSUING.revocations(start=NOW + DAY)).check(CHAIN, NOW)


def test_a_list_that_its_authority_has_not_signed_opens_nothing(tmp_path: Path):
    forger = Issuer(ISSUING.certificate, ROOT.key)
    with pytest.raises(NotAccepted, match="is signed by it"):
        rules(tmp_path / "alone", forger.revocations()).check(CHAIN, NOW)
    both = rules(tmp_path / "both", ISSUING.revocations([CLIENT]), forger.revocations(start=NOW))
    with pytest.raises(NotAccepted, match="certificate revoked"):
        both.check(CHAIN, NOW)


def test_the_newest_list_counts(tmp_path: Path):
    on_hold = ISSUING.revocations([CLIENT], start=NOW - 2 * DAY)
    rules(tmp_path, on_hold, ISSUING.revocations()).check(CHAIN, NOW)


def test_an_authority_without_a_list_is_told(tmp_path: Path):
    listing = rules(tmp_path, ISSUING.revocations())
    assert "there is no revocation list of CN=root; its certificates are not checked" in set(
        listing.warnings(NOW)
    )


@pytest.mark.parametrize(
    "extension",
    [
        x509.DeltaCRLIndicator(1),
        x509.IssuingDistributionPoint(
            None, None, only_contains_user_certs=True, only_contains_ca_certs=False,
            only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
        ),
    ],
)  # fmt: skip
def test_lists_of_a_part_or_of_changes_are_refused(tmp_path: Path, extension):
    with pytest.raises(Failure, match="of a kind that is not known"):
        lists(tmp_path, ISSUING.revocations(extension=extension))


@pytest.mark.parametrize("content", [b"", b"nonsense", CLIENT.pem, b"-----BEGIN X509 CRL-----\n"])
def test_what_is_no_list_is_told(tmp_path: Path, content):
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(Failure, match="no certificate revocation list"):
        revocation_lists.read(file)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Failure, match="no certificate revocation list"):
        revocation_lists.read(empty)
    for path in (tmp_path / "absent", tmp_path / ("x" * 300)):
        with pytest.raises(Failure, match="cannot be read"):
            revocation_lists.read(path)


def test_a_file_without_a_list_among_others_is_told_and_not_passed_over(tmp_path: Path):
    lists(tmp_path, ROOT.revocations())
    for content in (CLIENT.pem, b"", b"nonsense"):
        (tmp_path / "another").write_bytes(content)
        with pytest.raises(Failure, match="another holds no certificate revocation list"):
            revocation_lists.read(tmp_path)


def test_a_list_is_of_use_from_its_first_moment_until_its_end(tmp_path: Path):
    rules(tmp_path, ISSUING.revocations(start=NOW, end=NOW + SECOND)).check(CHAIN, NOW)


def test_a_list_that_never_ends_is_refused(tmp_path: Path):
    """RFC 5280 section 5.1.2.5 requires nextUpdate; without it nobody sees that one is old."""
    started, issuer = forging.utc_time(NOW - DAY), forging.name("issuing")
    endless = forging.signed(ISSUING.key, forging.integer(1), b"ALG", issuer, started)
    path = tmp_path / "endless"
    path.write_bytes(endless)
    with pytest.raises(Failure, match="does not say when it ends"):
        revocation_lists.read(path)


def test_an_entry_that_is_not_wholly_understood_is_refused(tmp_path: Path):
    """RFC 5280 section 5.3: a critical one that is unknown, such as of another authority."""
    known, unknown = x509.CRLReason(x509.ReasonFlags.key_compromise), x509.InvalidityDate(NOW)
    for critical, noncritical in ((None, unknown), (known, unknown)):
        (tmp_path / "list").write_bytes(listing_one(critical, noncritical))
        revocation_lists.read(tmp_path / "list")
    (tmp_path / "list").write_bytes(listing_one(unknown, known))
    with pytest.raises(Failure, match="has an entry of a kind that is not known"):
        revocation_lists.read(tmp_path / "list")


def listing_one(critical: x509.ExtensionType | None, noncritical: x509.ExtensionType) -> bytes:
    """A list of one entry with these extensions, PEM."""
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(CLIENT.certificate.serial_number)
        .revocation_date(NOW - DAY)
        .add_extension(noncritical, critical=False)
    )
    if critical is not None:
        entry = entry.add_extension(critical, critical=True)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ISSUING.certificate.subject)
        .last_update(NOW - DAY)
        .next_update(NOW + DAY)
        .add_revoked_certificate(entry.build())
    )
    return builder.sign(ISSUING.key, SHA256()).public_bytes(Encoding.PEM)


def authority_with(
    key: ec.EllipticCurvePublicKey | x25519.X25519PublicKey, *usages: x509.ExtensionType
) -> x509.Certificate:
    """The issuing authority's name, with another key or use of it."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(ISSUING.certificate.subject)
        .issuer_name(ROOT.certificate.subject)
        .public_key(key)
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    for usage in usages:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(ROOT.key, SHA256())


def key_usage(*, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=crl_sign,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def test_a_list_counts_that_a_key_for_lists_has_signed(tmp_path: Path):
    """RFC 5280 section 6.3.3 (f): the bit cRLSign, where the authority's key usage is given."""
    published = lists(tmp_path, ISSUING.revocations())
    key = ISSUING.key.public_key()
    for good in (authority_with(key), authority_with(key, key_usage(crl_sign=True))):
        published.check(CLIENT.certificate, good, NOW)
    unreadable = x509.UnrecognizedExtension(x509.KeyUsage.oid, b"\x05")
    for bad in (
        authority_with(key, key_usage(crl_sign=False)),
        authority_with(key, unreadable),
        authority_with(x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key()),
        authority_with(ROOT.key.public_key()),
    ):
        with pytest.raises(revocation_lists.Revoked, match="is signed by it"):
            published.check(CLIENT.certificate, bad, NOW)


def test_an_extension_of_a_list_that_need_not_be_understood_is_passed_over(tmp_path: Path):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    lists(tmp_path, ISSUING.revocations(extension=extension, critical=False))
    with pytest.raises(Failure, match=r"not known \(1\.2\.3\)"):
        lists(tmp_path, ISSUING.revocations(extension=extension))


def test_lists_have_a_bounded_length_and_number(tmp_path: Path):
    file = tmp_path / "long"
    form = ISSUING.revocations().public_bytes(Encoding.PEM)
    file.write_bytes(form.ljust(revocation_lists.MAX_FILE_BYTES, b"\n"))
    assert revocation_lists.read(file).newest
    file.write_bytes(form.ljust(revocation_lists.MAX_FILE_BYTES + 1, b"\n"))
    with pytest.raises(Failure, match="is longer than"):
        revocation_lists.read(file)
    directory = tmp_path / "lists"
    directory.mkdir()
    (directory / ".being-written").write_bytes(b"not yet")
    for number in range(revocation_lists.MAX_FILES):
        (directory / f"{number}").touch()
    assert len(revocation_lists.files_of(directory)) == revocation_lists.MAX_FILES
    (directory / "one more").touch()
    with pytest.raises(Failure, match="more than 1000 files"):
        revocation_lists.read(directory)


def test_several_lists_in_one_file_are_all_read(tmp_path: Path):
    file = tmp_path / "lists.pem"
    file.write_bytes(
        b"".join(each.public_bytes(Encoding.PEM) for each in (
            ROOT.revocations(), ISSUING.revocations([CLIENT]))
        )
    )  # fmt: skip
    with pytest.raises(NotAccepted, match="certificate revoked"):
        Rules([ROOT.certificate], revocation_lists.read(file)).check(CHAIN, NOW)


def test_rules_do_not_forget_what_was_revoked(tmp_path: Path):
    former = rules(tmp_path / "1", ISSUING.revocations(), ROOT.revocations())
    rules(tmp_path / "2", ISSUING.revocations(start=NOW), ROOT.revocations()).check_follows(former)
    with pytest.raises(Failure, match="CN=root is not there any more"):
        rules(tmp_path / "3", ISSUING.revocations()).check_follows(former)
    older = rules(tmp_path / "4", ISSUING.revocations(start=NOW - 2 * DAY), ROOT.revocations())
    with pytest.raises(Failure, match="CN=issuing is older"):
        older.check_follows(former)
    refusing = Rules([ROOT.certificate], refused=RefusedCertificates(is_there=True))
    with pytest.raises(Failure, match="refused certificates is not there any more"):
        Rules([ROOT.certificate]).check_follows(refusing)


def test_the_operator_refuses_by_fingerprint_and_by_serial_number(tmp_path: Path):
    path = tmp_path / "data" / "refused-certificates"
    assert not refused_certificates.read(path).is_there
    for refused in (CLIENT, ISSUING):
        entry = refused_certificates.entry_of(refused.certificate)
        assert refused_certificates.add(path, entry.upper(), "lost\nlaptop")
        assert not refused_certificates.add(path, entry)
        with pytest.raises(NotAccepted, match="by the operator's list"):
            Rules([ROOT.certificate], refused=refused_certificates.read(path)).check(CHAIN, NOW)
        assert refused_certificates.listed(path) == [f"{entry}  # lost?laptop"]
        assert refused_certificates.remove(path, entry)
        assert not refused_certificates.remove(path, entry)
        Rules([ROOT.certificate], refused=refused_certificates.read(path)).check(CHAIN, NOW)
    number = f"{CLIENT.certificate.serial_number:x}"
    refused_certificates.add(path, f"serial:00:{number}")
    assert refused_certificates.read(path).has(CLIENT.certificate)
    assert not refused_certificates.read(path).has(ISSUING.certificate)


def test_a_certificate_to_refuse_is_read_in_either_form():
    certificate = CLIENT.certificate
    for content in (CLIENT.pem, certificate.public_bytes(Encoding.DER)):
        assert refused_certificates.parsed(content) == certificate
    for content in (b"", b"-----BEGIN CERTIFICATE-----\n", CLIENT.pem[30:]):
        with pytest.raises(Failure, match="holds no certificate in PEM or DER"):
            refused_certificates.parsed(content)


def test_the_list_of_refused_certificates_is_a_text_of_bounded_length(tmp_path: Path):
    path = tmp_path / "refused"
    line = b"serial:1\n"
    filling = b"#" * (refused_certificates.MAX_FILE_BYTES - len(line))
    path.write_bytes(line + filling)
    assert refused_certificates.read(path).serial_numbers == {1}
    path.write_bytes(line + filling + b"#")
    with pytest.raises(Failure, match="is longer than"):
        refused_certificates.read(path)
    path.write_bytes(b"serial:1\n\xff")
    with pytest.raises(Failure, match="not a text in UTF-8"):
        refused_certificates.read(path)
    with pytest.raises(Failure, match="cannot be read"):
        refused_certificates.read(tmp_path / ("x" * 300))


def test_entries_are_removed_one_by_one_and_the_rest_stays_as_it_was(tmp_path: Path):
    path = tmp_path / "refused"
    path.write_text("# ours\nserial:2  # two\nserial:1")
    assert refused_certificates.add(path, "serial:3")
    assert path.read_text() == "# ours\nserial:2  # two\nserial:1\nserial:3\n"
    assert refused_certificates.remove(path, "serial:02")
    assert path.read_text() == "# ours\nserial:1\nserial:3\n"
    assert refused_certificates.listed(path) == ["serial:1", "serial:3"]
    assert refused_certificates.read(path).is_there
    path.write_text("# nobody yet\n")
    assert refused_certificates.read(path) == RefusedCertificates(is_there=True)
    assert refused_certificates.add(path, "serial:4")
    assert path.read_text() == "# nobody yet\nserial:4\n"


class Looking(str):
    """A comment that looks, when it is read, whether another command would have to wait."""

    __slots__ = ("lock",)
    lock: Path

    def __iter__(self) -> Iterator[str]:
        with self.lock.open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return super().__iter__()


def test_two_commands_that_refuse_at_once_do_not_undo_each_other(tmp_path: Path):
    path = tmp_path / "refused"
    comment = Looking("lost")
    comment.lock = path.with_name("refused.lock")
    assert refused_certificates.add(path, "serial:1", comment)
    assert path.read_text() == "serial:1  # lost\n"


def test_the_list_cannot_be_changed_where_nothing_can_be_made(tmp_path: Path):
    path = tmp_path / "refused"
    path.with_name("refused.lock").mkdir()
    with pytest.raises(Failure, match=r"refused\.lock cannot be opened"):
        refused_certificates.add(path, "serial:1")


@pytest.mark.parametrize(
    "line", ["sha256:12", "serial:", "serial:xyz", "md5:00", "client", "sha256:" + "g" * 64]
)
def test_a_line_that_is_no_entry_ends_in_a_sentence(tmp_path: Path, line):
    path = tmp_path / "refused"
    path.write_text(f"# ours\n\nserial:1 # one\n{line}\n")
    with pytest.raises(Failure, match=r"Line 4 of .* names no certificate"):
        refused_certificates.read(path)


def test_authorities_that_are_not_valid_are_named_and_the_others_go_on():
    old = Issuer.root("old", start=NOW - 400 * DAY, end=NOW - 30 * DAY)
    future = Issuer.root("future", start=NOW + DAY)
    pem = b"".join(each.pem for each in (ROOT, old, future, ROOT))
    found = client_authorities.read_authorities(pem, "The file")
    assert found == [ROOT.certificate, old.certificate, future.certificate]
    client_authorities.check_valid(found, "The file", NOW)
    warnings = list(client_authorities.warnings(found, NOW))
    assert [("CN=old expired on" in each, "CN=future is not valid before" in each)
            for each in warnings] == [(True, False), (False, True)]  # fmt: skip
    with pytest.raises(Failure, match="no authority that is valid now: CN=old expired on"):
        client_authorities.check_valid(found[1:], "The file", NOW)


@pytest.mark.parametrize(
    "start, end, cause",
    [
        (NOW, NOW + DAY, None),
        (NOW + SECOND, NOW + DAY, "is not valid before"),
        (NOW - DAY, NOW + SECOND, None),
        (NOW - DAY, NOW, "expired on"),
    ],
)
def test_an_authority_is_valid_from_its_first_moment_until_its_end(start, end, cause):
    """As its clients are: their connections end at the end that a certificate names."""
    authority = [Issuer.root("one", start=start, end=end).certificate]
    if cause is None:
        client_authorities.check_valid(authority, "The file", NOW)
    else:
        with pytest.raises(Failure, match=cause):
            client_authorities.check_valid(authority, "The file", NOW)


@pytest.mark.parametrize("left, warned", [(WARN_BEFORE, False), (WARN_BEFORE - SECOND, True)])
def test_an_authority_that_soon_expires_is_told(left, warned):
    soon = Issuer.root("soon", end=NOW + left).certificate
    lines = list(client_authorities.warnings([soon], NOW))
    assert lines == [f"the client authority CN=soon expires on {NOW + left:%Y-%m-%d}"] * warned


def old_certificate(subject: str, issuer: str) -> bytes:
    """PEM of a certificate of version 1, which has no extensions (RFC 5280 section 4.1.2.1)."""
    key = forging.ec_key("x")
    times = forging.sequence(forging.utc_time(NOW - DAY), forging.utc_time(NOW + DAY))
    names = forging.name(issuer), times, forging.name(subject)
    return forging.pem(forging.signed(key, forging.integer(1), b"ALG", *names, forging.spki(key)))


def test_a_certificate_without_extensions_is_an_authoritys_if_it_signs_itself(caplog):
    old = old_certificate("old", "old")
    (found,) = client_authorities.read_authorities(old, "The file")
    assert client_authorities.name_of(found) == "CN=old"
    with pytest.raises(Failure, match="has no certificate of an authority"):
        client_authorities.read_authorities(old_certificate("issued", "old"), "The file")
    plain = Issuer.root("plain", constrained=False)
    with pytest.raises(Failure, match="has no certificate of an authority"):
        client_authorities.read_authorities(plain.pem, "The file")


def test_a_certificate_that_is_no_authority_is_left_out(caplog):
    found = client_authorities.read_authorities(CLIENT.pem + ISSUING.pem, "The file")
    assert found == [ISSUING.certificate]
    assert "CN=client is not an authority's certificate and is left out" in caplog.text
    with pytest.raises(Failure, match="has no certificate of an authority"):
        client_authorities.read_authorities(CLIENT.pem, "The file")
