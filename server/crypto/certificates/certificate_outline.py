"""The outline of an X.509 certificate: the parts that can be told without understanding them.

The library is strict in what it reads: a name as a PrintableString with an asterisk in it, a
version 2, and it refuses the whole certificate. Such certificates are in use, and OpenSSL reads
them. Here a certificate counts as one if OpenSSL reads it, and its names, its number and its key
are cut out as the DER that they are (RFC 5280 section 4.1).
"""

from __future__ import annotations

import ssl
from typing import Final, NamedTuple

SEQUENCE: Final = 0x30
INTEGER: Final = 0x02
VERSION: Final = 0xA0


class Outline(NamedTuple):
    """The parts of a certificate, each as DER with its tag and length."""

    serial_number: bytes
    issuer: bytes
    subject: bytes
    public_key: bytes


def outline(der: bytes) -> Outline:
    """The outline of a certificate.

    Raises:
        ValueError: it is none that OpenSSL reads.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError:
        raise ValueError("not a certificate") from None
    (certificate,) = _fields(der)
    signed = _fields(_content(certificate))[0]
    fields = _fields(_content(signed))
    if fields[0][0] == VERSION:
        del fields[0]
    serial, _, issuer, _, subject, key = fields[:6]
    if serial[0] != INTEGER or not issuer[0] == subject[0] == key[0] == SEQUENCE:
        raise ValueError("not a certificate")
    return Outline(serial, issuer, subject, key)


def _fields(data: bytes) -> list[bytes]:
    """The DER fields of `data`, one after the other, each whole; raises ValueError."""
    found = []
    while data:
        end = _header(data) + _size(data)
        if end > len(data):
            raise ValueError("cut short")
        found.append(data[:end])
        data = data[end:]
    return found


def _content(field: bytes) -> bytes:
    return field[_header(field) :]


def _header(field: bytes) -> int:
    """Bytes of a field's tag and length; raises ValueError."""
    if len(field) < 2:
        raise ValueError("cut short")
    return 2 + (field[1] & 0x7F if field[1] & 0x80 else 0)


def _size(field: bytes) -> int:
    """Bytes of a field's content."""
    return int.from_bytes(field[2 : _header(field)], "big") if field[1] & 0x80 else field[1]
