"""Which name a certificate's bytes give: read as DER (X.690) of RFC 5280's form, or not at all."""

import hashlib
from collections.abc import Sequence

import pytest

from server.access.alternative_names import first_name

SAN = bytes.fromhex("551d11")
USAGE = bytes.fromhex("551d0f")
NAME = b"\x82\x01a"
"""A DNS name, `a`."""


def der(tag: int, *parts: bytes) -> bytes:
    """A value, its length in as few bytes as it takes."""
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    octets = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def extension(oid: bytes, value: bytes, *, tag: int = 0x04, critical: bool = False) -> bytes:
    flag = [b"\x01\x01\xff"] if critical else []
    return der(0x30, der(0x06, oid), *flag, der(tag, value))


def with_extensions(*extensions: bytes) -> bytes:
    """A certificate of nothing but a number and extensions."""
    return der(0x30, der(0x30, b"\x02\x01\x01", der(0xA3, der(0x30, *extensions))))


def bearing(*names: bytes) -> bytes:
    return with_extensions(extension(SAN, der(0x30, *names)))


@pytest.mark.parametrize("critical", [False, True])
def test_the_name_is_found_among_other_extensions(critical: bool):
    """RFC 5280 section 4.2.1.6: critical where the subject is empty."""
    usage = extension(USAGE, b"\x03\x02\x05\xa0", critical=True)
    san = extension(SAN, der(0x30, NAME), critical=critical)
    for order in ((usage, san), (san, usage)):
        assert first_name(with_extensions(*order)) == "DNS:a"


def test_other_extensions_bear_no_name():
    usage = extension(USAGE, der(0x30, NAME))
    assert first_name(with_extensions(usage)) is None
    assert first_name(der(0x30, der(0x30, b"\x02\x01\x01"))) is None
    assert first_name(der(0x30)) is None


def test_two_extensions_of_names_name_nobody():
    """RFC 5280 section 4.2: a certificate has no two of a kind, so that none of them is meant."""
    one = extension(SAN, der(0x30, NAME))
    other = extension(SAN, der(0x30, b"\x82\x01b"))
    assert first_name(with_extensions(one, other)) is None


@pytest.mark.parametrize(
    "certificate",
    [
        with_extensions(extension(SAN, der(0x30, NAME), tag=0x03)),
        with_extensions(extension(SAN, der(0x31, NAME))),
        with_extensions(extension(SAN, der(0x30, NAME) * 2)),
        with_extensions(extension(SAN, der(0x30, NAME) + b"\x05\x00")),
        with_extensions(extension(SAN, der(0x30, NAME + b"\x82"))[:-1]),
        with_extensions(der(0x31, der(0x06, SAN), der(0x30, NAME))),
        with_extensions(der(0x30, der(0x04, SAN), der(0x04, der(0x30, NAME)))),
        bearing(NAME) * 2,
        bearing(NAME) + b"\x05\x00",
        bearing(NAME) + b"\x00",
        b"\x31" + bearing(NAME)[1:],
    ],
    ids=[
        "a bit string",
        "a set of names",
        "two lists",
        "something behind the list",
        "cut short",
        "not marked as what it is",
        "an octet string for an identifier",
        "two certificates",
        "something behind",
        "a byte behind",
        "no sequence",
    ],
)
def test_what_has_another_form_names_nobody(certificate: bytes):
    assert first_name(certificate) is None


@pytest.mark.parametrize(
    "name, called",
    [
        (b"\x82\x02!~", "DNS:!~"),
        (b"\x81\x03a@b", "email:a@b"),
        (b"\x86\x03u:n", "URI:u:n"),
        (b"\x87\x04\xc0\x00\x02\x07", "IP Address:192.0.2.7"),
        (b"\x87\x10" + bytes(15) + b"\x01", "IP Address:0:0:0:0:0:0:0:1"),
        (b"\x87\x10" + bytes(range(16)), "IP Address:1:203:405:607:809:A0B:C0D:E0F"),
        (der(0x82, b"a" * 127), "DNS:" + "a" * 127),
        (der(0x82, b"a" * 128), "DNS:" + "a" * 128),
        (der(0x82, b"a" * 70_000), "DNS:" + "a" * 70_000),
    ],
)
def test_text_that_can_be_seen_and_addresses_are_written_out(name: bytes, called: str):
    assert first_name(bearing(name, b"\x82\x01z")) == called


@pytest.mark.parametrize(
    "name",
    [
        b"\x82\x00",
        b"\x82\x03a b",
        b"\x82\x02a\x7f",
        b"\x82\x02a\x80",
        b"\x82\x02\x1fa",
        b"\x87\x03\xc0\x00\x02",
        b"\x87\x05\xc0\x00\x02\x07\x00",
        b"\x87\x0f" + bytes(15),
        b"\x87\x11" + bytes(17),
        b"\x88\x03\x2a\x03\x04",
    ],
)
def test_every_other_name_is_called_by_its_bytes(name: bytes):
    assert first_name(bearing(name)) == "san:" + hashlib.sha256(name).hexdigest()


@pytest.mark.parametrize(
    "length",
    [b"\x80", b"\x85\x00\x00\x00\x00\x01", b"\x84\xff\xff\xff\xff", b"\x83\x00", b"\x81", b"\xff"],
    ids=["indefinite", "five octets", "beyond the end", "cut", "none", "reserved"],
)
def test_a_length_that_is_no_length_names_nobody(length: bytes):
    """X.690 section 8.1.3, and no more octets than a certificate's length has."""
    assert first_name(bearing(b"\x82" + length + b"a")) is None


@pytest.mark.parametrize("octets", [1, 2, 3, 4])
def test_a_length_of_up_to_four_octets_is_read(octets: int):
    name = b"\x82" + bytes([0x80 | octets]) + (1).to_bytes(octets) + b"a"
    assert first_name(bearing(name)) == "DNS:a"
    assert first_name(bearing(NAME[:2] + b"b", name)) == "DNS:b"


def test_a_tag_of_several_octets_names_nobody():
    assert first_name(bearing(b"\x9f\x01a")) is None
    assert first_name(bearing(b"\xbf\x01a")) is None


@pytest.mark.parametrize("names", [[], [b"\x82"]])
def test_a_list_without_a_whole_name_names_nobody(names: Sequence[bytes]):
    assert first_name(bearing(*names)) is None
