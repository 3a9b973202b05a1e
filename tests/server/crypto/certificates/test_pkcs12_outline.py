"""What the opening of a container costs, told by its outline."""

import pytest

from server.crypto.certificates.pkcs12_outline import MAX_DEPTH, MAX_FIELDS, iterations


def field(tag: int, *contents: bytes) -> bytes:
    """A field in DER."""
    content = b"".join(contents)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + size + content


def endless(tag: int, *contents: bytes) -> bytes:
    """A field in BER that says where it ends."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\x00\x00"


def sequence(*contents: bytes) -> bytes:
    return field(0x30, *contents)


def octets(*contents: bytes) -> bytes:
    return field(0x04, *contents)


def number(value: int) -> bytes:
    return field(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


SALT = octets(b"saltsalt")
STRETCHED = sequence(SALT, number(1000))
IDENTIFIER = field(0x06, b"\x2a\x86\x48")


@pytest.mark.parametrize(
    "data",
    [
        sequence(STRETCHED),
        sequence(number(3), sequence(IDENTIFIER, STRETCHED)),
        sequence(sequence(SALT, number(1000), number(32))),
        sequence(octets(sequence(octets(STRETCHED)))),
        sequence(field(0xA0, octets(STRETCHED))),
        endless(0x30, endless(0xA0, endless(0x24, octets(STRETCHED)))),
        sequence(field(0x24, octets(STRETCHED[:5]), octets(STRETCHED[5:]))),
        sequence(field(0x24, field(0x24, octets(STRETCHED[:5])), octets(STRETCHED[5:]))),
        endless(0x30, endless(0x24, octets(STRETCHED[:3]), octets(STRETCHED[3:]))),
        sequence(octets(STRETCHED, b"what follows is no field")),
        sequence(sequence(endless(0x24, SALT), number(1000))),
        sequence(octets(sequence(field(0x00), STRETCHED))),
    ],
    ids=range(12),
)
def test_a_number_counts_after_its_salt_wherever_it_is(data: bytes):
    assert iterations(data) == 1000


def test_all_parts_count_together():
    assert iterations(sequence(STRETCHED, octets(sequence(STRETCHED, STRETCHED)))) == 3000


def test_other_numbers_do_not_count():
    assert iterations(sequence(number(10**9), SALT, sequence(number(10**9)))) == 0
    assert iterations(sequence(octets(b"\x30\x82\xff\xff not a structure"), IDENTIFIER)) == 0


def nested(depth: int) -> bytes:
    data = STRETCHED
    for _ in range(depth):
        data = sequence(octets(data))
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x02\x01\x01",
        b"\x30\x05\x02",
        b"\x30\x84\xff\xff\xff\xff",
        nested(MAX_DEPTH),
        sequence(field(0x05) * (MAX_FIELDS + 1)),
        sequence(octets(sequence(field(0x05) * (MAX_FIELDS + 1)))),
    ],
    ids=["nothing", "a tag", "a number", "cut short", "too long", "deep", "many", "many within"],
)
def test_what_is_no_container_or_has_too_much_in_it_is_refused(data: bytes):
    with pytest.raises(ValueError):
        iterations(data)
