import ipaddress
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.enums import CertificateRequestType, CertificateType
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DigitalSignatureAlgorithm as D
from kmip.errors import InvalidCSR
from kmip.tags import Tag
from server.crypto.certificates.certificate_facts import (
    MAX_CERTIFICATE,
    NAME_PARTS,
    certificate_facts,
    request_facts,
)
from server.crypto.errors import InvalidKey
from tests.server.crypto.oasis_player import CASES
from tests.server.crypto.samples import private_key

START = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "AU"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Strongroom"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "one"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "two"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Schlüssel"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "keys@example.org"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, "7"),
        x509.NameAttribute(NameOID.POSTAL_CODE, "1000"),
    ]
)
ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
NAMES = [
    x509.DNSName("keys.example.org"),
    x509.RFC822Name("keys@example.org"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    x509.DirectoryName(ISSUER),
]


SHA_256 = hashes.SHA256()


def make(key, subject=SUBJECT, names=NAMES, algorithm=SHA_256, signer=None):
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ISSUER)
        .public_key(key.public_key())
        .serial_number(0xEC0B7402196D5295)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.IssuerAlternativeName(names[:1]), critical=False)
    return builder.sign(signer or key, algorithm)


CERTIFICATE = make(private_key(A.EC))
DER = CERTIFICATE.public_bytes(Encoding.DER)


def test_the_facts_of_a_certificate():
    attributes = certificate_facts(DER).attributes
    assert attributes[Tag.CERTIFICATE_TYPE] == (CertificateType.X_509,)
    assert attributes[Tag.CERTIFICATE_LENGTH] == (len(DER),)
    assert attributes[Tag.CRYPTOGRAPHIC_ALGORITHM] == (A.EC,)
    assert attributes[Tag.CRYPTOGRAPHIC_LENGTH] == (256,)
    assert attributes[Tag.DIGITAL_SIGNATURE_ALGORITHM] == (D.ECDSA_WITH_SHA256,)
    assert attributes[Tag.CERTIFICATE_SUBJECT_CN] == ("Schlüssel",)
    assert attributes[Tag.CERTIFICATE_SUBJECT_OU] == ("one", "two")
    assert attributes[Tag.CERTIFICATE_SUBJECT_EMAIL] == ("keys@example.org",)
    assert attributes[Tag.CERTIFICATE_SUBJECT_SERIAL_NUMBER] == ("7",)
    assert attributes[Tag.CERTIFICATE_ISSUER_CN] == ("Authority",)
    assert Tag.CERTIFICATE_ISSUER_O not in attributes
    assert attributes[Tag.CERTIFICATE_SUBJECT_DN] == (SUBJECT.public_bytes(),)
    assert attributes[Tag.CERTIFICATE_ISSUER_DN] == (ISSUER.public_bytes(),)


def test_the_structures_of_x_509_are_der():
    attributes = certificate_facts(DER).attributes
    identifier = attributes[Tag.X_509_CERTIFICATE_IDENTIFIER][0]
    assert identifier.issuer_distinguished_name == ISSUER.public_bytes()
    assert identifier.certificate_serial_number.hex() == "020900ec0b7402196d5295"
    subject = attributes[Tag.X_509_CERTIFICATE_SUBJECT][0]
    assert subject.subject_distinguished_name == SUBJECT.public_bytes()
    assert [name[0] for name in subject.subject_alternative_name] == [0x82, 0x81, 0x87, 0xA4]
    assert subject.subject_alternative_name[0] == b"\x82\x10keys.example.org"
    assert len(attributes[Tag.X_509_CERTIFICATE_ISSUER][0].issuer_alternative_name) == 1


def test_the_structures_of_1_0_are_text():
    attributes = certificate_facts(DER).attributes
    assert attributes[Tag.CERTIFICATE_IDENTIFIER][0].issuer == "CN=Authority"
    assert attributes[Tag.CERTIFICATE_IDENTIFIER][0].serial_number == "EC0B7402196D5295"
    subject = attributes[Tag.CERTIFICATE_SUBJECT][0]
    assert "emailAddress=keys@example.org" in subject.certificate_subject_distinguished_name
    assert subject.certificate_subject_alternative_name == (
        "keys.example.org",
        "keys@example.org",
        "192.0.2.1",
        "CN=Authority",
    )


def test_every_part_of_a_name_has_its_tag():
    for part in NAME_PARTS.values():
        assert Tag[f"CERTIFICATE_SUBJECT_{part}"]
        assert Tag[f"CERTIFICATE_ISSUER_{part}"]


def test_a_long_alternative_name_is_whole():
    name = x509.DNSName("a" * 200 + ".example.org")
    value = make(private_key(A.EC), names=[name]).public_bytes(Encoding.DER)
    subject = certificate_facts(value).attributes[Tag.X_509_CERTIFICATE_SUBJECT][0]
    assert subject.subject_alternative_name == (b"\x82\x81\xd4" + name.value.encode(),)


def test_a_certificate_without_a_subject_shows_an_empty_one():
    """2.1 section 4.63: "an empty string is an acceptable value"."""
    value = make(private_key(A.EC), subject=x509.Name([])).public_bytes(Encoding.DER)
    subject = certificate_facts(value).attributes[Tag.X_509_CERTIFICATE_SUBJECT][0]
    assert subject.subject_distinguished_name == b""
    assert subject.subject_alternative_name


def test_pem_is_read_and_its_own_length_told():
    pem = CERTIFICATE.public_bytes(Encoding.PEM)
    facts = certificate_facts(pem)
    assert facts.attributes[Tag.CERTIFICATE_LENGTH] == (len(pem),)
    assert facts.public_key == CERTIFICATE.public_key()


@pytest.mark.parametrize(
    "signer, algorithm, expected",
    [
        (A.RSA, hashes.SHA384(), D.SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5),
        (A.DSA, hashes.SHA256(), D.DSA_WITH_SHA256),
        (A.ED25519, None, None),
    ],
)
def test_the_algorithm_that_signed_is_told_where_it_has_a_name(signer, algorithm, expected):
    value = make(private_key(A.EC), algorithm=algorithm, signer=private_key(signer))
    attributes = certificate_facts(value.public_bytes(Encoding.DER)).attributes
    found = attributes.get(Tag.DIGITAL_SIGNATURE_ALGORITHM, (None,))
    assert found == (expected,)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(deadline=None)
@given(st.integers(0, len(DER)), st.binary(min_size=1, max_size=6))
def test_any_bytes_are_a_certificate_or_refused(where, garbage):
    damaged = DER[:where] + garbage + DER[where + len(garbage) :]
    for value in (damaged, garbage, b"-----BEGIN CERTIFICATE-----\n" + garbage):
        try:
            assert certificate_facts(value).attributes
        except InvalidKey as error:
            refused = str(error)
            assert "not an X.509 certificate" in refused


def test_a_version_that_the_library_does_not_read_is_told_by_its_outline():
    """OpenSSL reads version 2, and such certificates are about (1.4 section 2.2.1)."""
    version = DER.index(bytes.fromhex("a003020102"))
    facts = certificate_facts(DER[: version + 4] + b"\x01" + DER[version + 5 :])
    whole = certificate_facts(DER)
    for tag in (Tag.X_509_CERTIFICATE_IDENTIFIER, Tag.CERTIFICATE_SUBJECT_DN):
        assert facts.attributes[tag] == whole.attributes[tag]
    assert facts.public_key == whole.public_key


@pytest.mark.parametrize("kind,text", [(19, b"*.example"), (19, b"my_host"), (20, b"Zo\xeb")])
def test_names_in_strings_that_they_do_not_fit_are_taken(kind: int, text: bytes):
    """Authorities have written such; OpenSSL reads them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "q" * len(text))])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(5)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=9))
    der = builder.public_key(key.public_key()).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    place = bytes([len(text)])
    odd = der.replace(b"\x0c" + place + b"q" * len(text), bytes([kind]) + place + text)
    facts = certificate_facts(odd)
    assert text in facts.attributes[Tag.CERTIFICATE_SUBJECT_DN][0]
    assert facts.public_key == key.public_key()
    with pytest.raises(InvalidKey):
        certificate_facts(odd[:-1])


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_serial_number_that_is_not_positive_is_told_as_it_is():
    """RFC 5280 forbids it; such certificates are about."""
    serial = DER.index(bytes.fromhex("020900ec0b7402196d5295"))
    negative = DER[: serial + 2] + b"\xff\x0c" + DER[serial + 4 :]
    facts = certificate_facts(negative)
    identifier = facts.attributes[Tag.X_509_CERTIFICATE_IDENTIFIER][0]
    assert identifier.certificate_serial_number == negative[serial : serial + 11]


def test_a_value_longer_than_certificates_is_refused():
    with pytest.raises(InvalidKey):
        certificate_facts(bytes(MAX_CERTIFICATE + 1))
    with pytest.raises(InvalidCSR):
        request_facts(bytes(MAX_CERTIFICATE + 1))


REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(SUBJECT)
    .sign(private_key(A.EC), hashes.SHA256())
)


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_the_facts_of_a_request(encoding):
    facts = request_facts(REQUEST.public_bytes(encoding))
    assert facts.subject == SUBJECT.public_bytes()
    assert facts.public_key == private_key(A.EC).public_key()
    assert facts.attributes[Tag.CERTIFICATE_REQUEST_TYPE] == (CertificateRequestType.PKCS_10,)
    assert facts.attributes[Tag.CERTIFICATE_SUBJECT_O] == ("Strongroom",)
    assert facts.attributes[Tag.CRYPTOGRAPHIC_LENGTH] == (256,)
    assert facts.request == REQUEST


def test_a_request_that_its_key_did_not_sign_is_refused():
    data = REQUEST.public_bytes(Encoding.DER)
    for damaged in (data.replace(b"Strongroom", b"strongroom"), data[:-1], b"", b"x" * 100):
        with pytest.raises(InvalidCSR):
            request_facts(damaged)


def published():
    """Certificates in the OASIS cases with the attributes the cases expect of them."""
    found = []
    for path in sorted(CASES.glob("*/TC-ECC-3-*.xml")):
        text = re.sub(r"</KMIP>\s*</KMIP>", "</KMIP>", path.read_text(encoding="utf-8"))
        root = ET.fromstring(text)
        found.append(
            pytest.param(
                next(root.iter("CertificateValue")).get("value"),
                next(root.iter("IssuerDistinguishedName")).get("value"),
                next(root.iter("SubjectDistinguishedName")).get("value"),
                next(root.iter("CertificateSerialNumber")).get("value"),
                id=path.stem,
            )
        )
    return found


@pytest.mark.skipif(not CASES.is_dir(), reason="the OASIS cases are not here (STRONGROOM_SHARED)")
@pytest.mark.parametrize("value, issuer, subject, serial", published())
def test_a_published_certificate(value, issuer, subject, serial):
    attributes = certificate_facts(bytes.fromhex(value)).attributes
    identifier = attributes[Tag.X_509_CERTIFICATE_IDENTIFIER][0]
    assert identifier.issuer_distinguished_name.hex() == issuer
    assert identifier.certificate_serial_number.hex() == serial
    assert attributes[Tag.X_509_CERTIFICATE_SUBJECT][0].subject_distinguished_name.hex() == subject
    assert attributes[Tag.DIGITAL_SIGNATURE_ALGORITHM] == (D.ECDSA_WITH_SHA256,)
