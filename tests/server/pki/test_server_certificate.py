"""Certificates that an organisation's authority issues for a key that stays in the server."""

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.pki import server_certificate
from server.setup.failure import Failure
from tests.server.unprovisioned_server import certificate, issue, pem

KEY = ec.generate_private_key(ec.SECP256R1())
NAMES = ("kms.example", "192.0.2.7", "2001:db8::1")
NOW = datetime.now(UTC)
AUTHORITY_KEY, AUTHORITY = certificate(name="authority")


def request(key=KEY, names=NAMES) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(server_certificate.signing_request(key, names))


def chain(*above: x509.Certificate, key=KEY, **changes) -> server_certificate.Chain:
    issued = issue(request(key), AUTHORITY_KEY, AUTHORITY, **changes)
    return server_certificate.read_chain(issued + b"".join(map(pem, above)), "It")


@pytest.mark.parametrize("key", [KEY, rsa.generate_private_key(65537, 2048)], ids=["EC", "RSA"])
def test_a_request_names_the_key_the_names_and_the_purpose(key):
    made = request(key)
    assert made.public_key() == key.public_key()
    assert made.is_signature_valid
    assert made.subject.rfc4514_string() == "CN=kms.example"
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kms.example"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == list(NAMES[1:])
    purposes = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_name_that_is_none_is_refused():
    with pytest.raises(Failure, match="neither a host name nor an address"):
        server_certificate.signing_request(KEY, ["a..b"])


@pytest.mark.parametrize("above", [(), (AUTHORITY,)], ids=["alone", "with its authority"])
def test_what_an_authority_issued_for_it_is_accepted(above):
    server_certificate.check(chain(*above), KEY, NAMES, NOW, "It")
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    server_certificate.check(chain(purpose=purpose), KEY, NAMES, NOW, "It")


def test_a_wildcard_stands_for_one_label():
    names = x509.SubjectAlternativeName([x509.DNSName("*.Example.com")])
    one = chain(names=names)
    server_certificate.check(one, KEY, ["kms.example.com"], NOW, "It")
    for name in ("example.com", "a.b.example.com", "192.0.2.7"):
        with pytest.raises(Failure, match=f"does not have the names {name}"):
            server_certificate.check(one, KEY, [name], NOW, "It")


ONE_NAME = x509.SubjectAlternativeName([x509.DNSName("kms.example")])
AS_DNS = x509.SubjectAlternativeName([x509.DNSName("kms.example"), x509.DNSName("192.0.2.7")])
ADDRESS = x509.IPAddress(ipaddress.ip_address("2001:db8::1"))


@pytest.mark.parametrize(
    "changes,why",
    [
        ({"key": AUTHORITY_KEY}, "for another key than this server's"),
        ({"names": ONE_NAME}, "does not have the names 192.0.2.7, 2001:db8::1"),
        ({"names": x509.SubjectAlternativeName([*AS_DNS, ADDRESS])}, "the names 192.0.2.7"),
        ({"purpose": ExtendedKeyUsageOID.CLIENT_AUTH}, "not for servers"),
        ({"end": NOW - timedelta(seconds=1)}, "not valid now"),
        ({"begin": NOW + timedelta(minutes=1)}, "not valid now"),
    ],
)
def test_what_no_client_could_use_is_refused(changes, why):
    with pytest.raises(Failure, match=why):
        server_certificate.check(chain(**changes), KEY, NAMES, NOW, "It")


def test_a_certificate_without_names_is_refused():
    _, bare = certificate(KEY)
    with pytest.raises(Failure, match="does not have the names"):
        server_certificate.check((bare,), KEY, NAMES, NOW, "It")


def test_an_authority_that_has_expired_is_refused():
    key, old = certificate(name="authority", days=1)
    issued = issue(request(), key, old)
    both = server_certificate.read_chain(issued + pem(old), "It")
    server_certificate.check(both, KEY, NAMES, NOW, "It")
    with pytest.raises(Failure, match="not valid now"):
        server_certificate.check(both, KEY, NAMES, NOW + timedelta(days=2), "It")


@pytest.mark.parametrize(
    "text,why",
    [
        (b"", "not one or more certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not one or more"),
        (pem(AUTHORITY) * 11, "more than 10"),
        (pem(certificate()[1]) + pem(AUTHORITY), "not a chain"),
        (pem(AUTHORITY) + issue(request(), AUTHORITY_KEY, AUTHORITY), "not a chain"),
    ],
    ids=["nothing", "no certificate", "too many", "strangers", "the wrong order"],
)
def test_what_is_no_chain_is_refused(text, why):
    with pytest.raises(Failure, match=why):
        server_certificate.read_chain(text, "It")


def test_a_renewed_certificate_is_of_an_authority_that_was_given_with_the_first():
    first, renewed = chain(AUTHORITY), chain()
    server_certificate.check_follows(renewed, first, "It")
    other_key, other = certificate(name="authority")
    theirs = server_certificate.read_chain(issue(request(), other_key, other) + pem(other), "It")
    for before, after in ((first, theirs), (chain(), renewed)):
        with pytest.raises(Failure, match="not signed by an authority that the operator gave"):
            server_certificate.check_follows(after, before, "It")
