"""Whom a certificate names."""

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    DirectoryName,
    DNSName,
    GeneralName,
    IPAddress,
    ObjectIdentifier,
    OtherName,
    RegisteredID,
    RFC822Name,
    UniformResourceIdentifier,
)
from cryptography.x509.oid import ExtensionOID, NameOID

from server.access.client import Client, of_certificate
from server.sessions.identification import Identification, Means
from server.sessions.issued import Issued
from server.sessions.permission import Permission
from server.state import Server

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def named(*pairs: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """What `ssl` makes of a certificate whose subject is made of these."""
    return {"subject": tuple(((label, value),) for label, value in pairs)} | fields


def certificate(extensions: Sequence[x509.ExtensionType], serial: int = 1) -> bytes:
    """The DER of a certificate with an empty subject."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, None).public_bytes(Encoding.DER)


def bearing(*names: GeneralName, serial: int = 1) -> bytes:
    return certificate([x509.SubjectAlternativeName(names)], serial)


def raw(content: str, serial: int = 1) -> bytes:
    """A certificate whose alternative names are these bytes, in hexadecimal."""
    oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
    return certificate([x509.UnrecognizedExtension(oid, bytes.fromhex(content))], serial)


def name_of(der: bytes) -> str:
    client = of_certificate({}, der)
    assert client is not None
    return client.name


def test_a_certificate_names_its_common_name():
    subject = named(("organizationName", "acme"), ("commonName", "alice"))
    assert of_certificate(subject, b"der") == Client("alice")


@pytest.mark.parametrize(
    "label",
    [*("user:", "device:", "sha256:", "name:user:", "san:", "DNS:", "URI:", "DirName:"), "email:"],
)
def test_a_common_name_is_nobody_elses(label: str):
    assert of_certificate(named(("commonName", label + "1")), b"") is None
    assert of_certificate(named(("commonName", label + "1")), b"der") == Client(f"name:{label}1")


@pytest.mark.parametrize(
    "name, called",
    [
        (DNSName("alice.example"), "DNS:alice.example"),
        (RFC822Name("a@example.org"), "email:a@example.org"),
        (UniformResourceIdentifier("urn:example:a"), "URI:urn:example:a"),
        (IPAddress(ipaddress.ip_address("192.0.2.7")), "IP Address:192.0.2.7"),
        (IPAddress(ipaddress.ip_address("2001:db8::7")), "IP Address:2001:DB8:0:0:0:0:0:7"),
    ],
)
def test_or_its_first_alternative_name(name: GeneralName, called: str):
    assert name_of(bearing(name, DNSName("second.example"))) == called


PAIRS: dict[str, list[x509.GeneralName]] = {
    "hardware module name": [
        OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.4"), bytes.fromhex("04010" + one))
        for one in "12"
    ],
    "other type": [
        OtherName(ObjectIdentifier(f"1.3.6.1.4.1.99999.{n}"), b"\x0c\x01a") for n in (1, 2)
    ],
    "directory name": [
        DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)])) for one in "ab"
    ],
    "registered identifier": [RegisteredID(ObjectIdentifier(f"1.2.3.{n}")) for n in (1, 2)],
}


@pytest.mark.parametrize("kind", PAIRS)
def test_other_kinds_of_names_are_told_apart_by_their_bytes(kind: str):
    one, other = PAIRS[kind]
    assert name_of(bearing(one)) != name_of(bearing(other))
    assert name_of(bearing(one)).startswith("san:")
    assert name_of(bearing(one, serial=2)) == name_of(bearing(one)), "a renewed certificate"


@pytest.mark.parametrize(
    "one, other",
    [
        pytest.param("3007a505a1030c0161", "3007a505a1030c0162", id="ediPartyName"),
        pytest.param("3004a3023000", "3004a3023100", id="x400Address"),
        pytest.param("3006820461006200", "3006820461006300", id="NUL in a DNS name"),
        pytest.param("3003870161", "3003870162", id="an address of one byte"),
    ],
)
def test_names_that_no_text_tells_apart_are_told_apart(one: str, other: str):
    assert name_of(raw(one)) != name_of(raw(other))


@pytest.mark.parametrize("content", ["", "3000", "30", "308200", "0500", "3003820561"])
def test_or_its_hash_where_there_is_no_name(content: str):
    for serial in (1, 2):
        der = raw(content, serial)
        assert name_of(der) == "sha256:" + hashlib.sha256(der).hexdigest()


def test_or_its_hash():
    expected = Client("sha256:" + hashlib.sha256(b"der").hexdigest())
    assert of_certificate(None, b"der") == expected
    assert of_certificate(named(("organizationName", "acme")), b"der") == expected


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_what_is_cut_short_names_itself_alone(length: int):
    der = bearing(DNSName("alice.example"))[: length + 1]
    assert name_of(der) == "sha256:" + hashlib.sha256(der).hexdigest()


async def test_a_client_is_the_same_whatever_it_has_shown(server: Server):
    """Objects belong to its name; a ticket or a renewed certificate makes it nobody else."""
    known = Identification(Means.CERTIFICATE, "00")
    permission = Permission(Issued("alice", 1), server.tickets)
    for client in (
        Client("alice", permission=permission),
        Client("alice", identification=known),
        Client("alice", shown_by="bearer"),
    ):
        assert client == Client("alice")
        assert hash(client) == hash(Client("alice"))
        assert "permission" not in repr(client)
        assert "identification" not in repr(client)
    assert Client("alice", "user") != Client("alice")


def test_without_a_certificate_there_is_nobody():
    assert of_certificate(None, None) is None
    assert of_certificate({}, b"") is None
