from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from enclave.certificates import read_certificate, read_revocation_list
from enclave.chain import (
    AMD_SCHEME,
    INTEL_SCHEME,
    check_dates,
    check_issued,
    check_not_revoked,
    check_revocation,
    check_root,
)
from enclave.errors import Step, VerificationFailed
from tests.enclave.forging import (
    BASIC_CONSTRAINTS,
    CA,
    KEY_USAGE,
    NOW,
    certificate,
    der,
    ec_key,
    revocation_list,
)


def read(subject="leaf", issuer="root", key="leaf", issuer_key="root", **more):
    return read_certificate(certificate(subject, issuer, ec_key(key), ec_key(issuer_key), **more))


ROOT = read("root", "root", "root", extensions=CA)


def test_a_link():
    check_root(ROOT, NOW, INTEL_SCHEME)
    check_issued(read(), ROOT, INTEL_SCHEME)


@pytest.mark.parametrize(
    "child",
    [
        read(issuer="other"),
        read(issuer_key="other"),
        read(extensions={"1.2.3": b""}, critical=("1.2.3",)),
    ],
)
def test_broken_links(child):
    with pytest.raises(VerificationFailed) as caught:
        check_issued(child, ROOT, INTEL_SCHEME)
    assert caught.value.step is Step.CERTIFICATE_CHAIN


def test_a_scheme_is_one_algorithm():
    with pytest.raises(VerificationFailed, match="another algorithm"):
        check_issued(read(), ROOT, AMD_SCHEME)


def test_a_scheme_is_one_kind_of_key():
    """The identifier stays the right one; only the key is smaller, or on another curve."""
    small = rsa.generate_private_key(65537, 2048)
    other = ec_key("other", "secp384r1")
    for key, scheme in ((small, AMD_SCHEME), (other, INTEL_SCHEME)):
        root = read_certificate(certificate("root", "root", key, key, extensions=CA))
        with pytest.raises(VerificationFailed, match="signature does not hold"):
            check_root(root, NOW, scheme)


@pytest.mark.parametrize(
    "extensions",
    [
        {},
        {KEY_USAGE: CA[KEY_USAGE]},
        CA | {KEY_USAGE: der(0x03, b"\x00")},
        CA | {KEY_USAGE: der(0x03, b"\x07\x80")},
        CA | {KEY_USAGE: der(0x03, b"\x01\x02")},
    ],
)
def test_an_issuer_is_an_authority_that_may_sign_certificates(extensions):
    issuer = read("root", "root", "root", extensions=extensions)
    with pytest.raises(VerificationFailed):
        check_issued(read(), issuer, INTEL_SCHEME)


def test_an_authority_without_key_usage_may_sign():
    only = {BASIC_CONSTRAINTS: CA[BASIC_CONSTRAINTS]}
    check_issued(read(), read("root", "root", "root", extensions=only), INTEL_SCHEME)


def test_an_issuer_of_lists_may_sign_lists():
    only_certificates = CA | {KEY_USAGE: der(0x03, b"\x02\x04")}
    issuer = read("root", "root", "root", extensions=only_certificates)
    check_issued(read(), issuer, INTEL_SCHEME)
    listing = read_revocation_list(revocation_list("root", ec_key("root")))
    check_issued(listing, ROOT, INTEL_SCHEME)
    with pytest.raises(VerificationFailed) as caught:
        check_issued(listing, issuer, INTEL_SCHEME)
    assert caught.value.step is Step.REVOCATION


def test_dates_are_inclusive():
    second = timedelta(seconds=1)
    leaf = read(not_before=NOW, not_after=NOW + second)
    check_dates(leaf, NOW)
    check_dates(leaf, NOW + second)
    with pytest.raises(VerificationFailed, match="not valid before 2026-06-01"):
        check_dates(leaf, NOW - second)
    with pytest.raises(VerificationFailed, match="expired on 2026-06-01"):
        check_dates(leaf, NOW + 2 * second)


def test_revocation_is_by_issuer_and_serial_number():
    listing = read_revocation_list(revocation_list("root", ec_key("root"), (7,)))
    check_revocation(listing, ROOT, NOW, INTEL_SCHEME)
    check_not_revoked(read(serial=8), listing)
    with pytest.raises(VerificationFailed, match="leaf is revoked"):
        check_not_revoked(read(serial=7), listing)
    with pytest.raises(VerificationFailed, match="another issuer"):
        check_not_revoked(read(issuer="other", serial=8), listing)
