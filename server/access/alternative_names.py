"""The client that a certificate without a Common Name names: its first Subject Alternative Name.

Text made for people will not do, since libraries print different names alike ("<unsupported>") or
in ways that change with their version. So the name is read from the certificate's bytes:

DNS:… email:… URI:…   the text itself, where it is ASCII that can be seen
IP Address:…          dotted for IPv4; IPv6 as eight groups in hexadecimal
san:…                 SHA-256 of the GeneralName's DER, in hexadecimal: every other kind of name

A renewed certificate of the same name is the same client. `LABELS` are kept for these clients:
whatever else is called so gets another name (`server.access.client.unreserved`).

Source: RFC 5280 sections 4.1 and 4.2.1.6; X.690 section 8.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final, NamedTuple

SEQUENCE: Final = 0x30
OID: Final = 0x06
OCTET_STRING: Final = 0x04
EXTENSIONS: Final = 0xA3
"""The field of a TBSCertificate that holds its extensions: [3] EXPLICIT."""
SUBJECT_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
IP_ADDRESS: Final = 0x87

TEXTS: Final = {0x81: "email:", 0x82: "DNS:", 0x86: "URI:"}
"""Kinds of names that are IA5String, by their tags, and the labels they get."""
IPV4_BYTES: Final = 4
IPV6_BYTES: Final = 16

LABELS: Final = (*TEXTS.values(), "IP Address:", "san:", "DirName:", "Registered ID:", "othername:")
"""How clients of alternative names are called, or have been."""


class Part(NamedTuple):
    """One value in DER.

    Attributes:
        tag: its identifier octet.
        content: its contents.
        whole: all of its bytes.
    """

    tag: int
    content: bytes
    whole: bytes


def first_name(der: bytes) -> str | None:
    """How the client of a certificate is called by its first alternative name.

    Args:
        der: the certificate.

    Returns:
        The name with its label; None where there is no such name, or it cannot be told.
    """
    try:
        names = _alternative_names(der)
        name = next(_parts(names)) if names else None
    except (ValueError, StopIteration):
        return None
    return None if name is None else _called(name)


def _called(name: Part) -> str:
    label, content = TEXTS.get(name.tag), name.content
    if label and content and all(0x20 < byte < 0x7F for byte in content):
        return label + content.decode("ascii")
    if name.tag == IP_ADDRESS and len(content) == IPV4_BYTES:
        return f"IP Address:{IPv4Address(content)}"
    if name.tag == IP_ADDRESS and len(content) == IPV6_BYTES:
        groups = (int.from_bytes(content[at : at + 2]) for at in range(0, IPV6_BYTES, 2))
        return "IP Address:" + ":".join(f"{group:X}" for group in groups)
    return "san:" + hashlib.sha256(name.whole).hexdigest()


def _alternative_names(der: bytes) -> bytes | None:
    """The contents of the GeneralNames; None where there are none, or more than one extension.

    Raises:
        ValueError: the certificate is not DER of the form that it must have.
    """
    certificate = _only(_parts(der), SEQUENCE)
    tbs = next((part for part in _parts(certificate) if part.tag == SEQUENCE), None)
    fields = [part for part in _parts(tbs.content) if part.tag == EXTENSIONS] if tbs else []
    if not fields:
        return None
    found = []
    for extension in _parts(_only(_parts(fields[0].content), SEQUENCE)):
        parts = list(_parts(extension.content))
        if parts and parts[0][:2] == (OID, SUBJECT_ALTERNATIVE_NAME):
            found.append(parts[-1])
    if len(found) != 1 or found[0].tag != OCTET_STRING:
        return None
    return _only(_parts(found[0].content), SEQUENCE)


def _only(parts: Iterator[Part], tag: int) -> bytes:
    """The contents of the one value that there is, of this tag."""
    part, *others = parts
    if others or part.tag != tag:
        raise ValueError("a value of another form")
    return part.content


def _parts(data: bytes) -> Iterator[Part]:
    """The values that stand one after the other.

    Raises:
        ValueError: they are not whole, or have tags or lengths that a certificate has not.
    """
    at = 0
    while at < len(data):
        start = at
        if data[at] & 0x1F == 0x1F or at + 1 >= len(data):
            raise ValueError("not the DER of a certificate")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            if not 0 < octets <= 4:
                raise ValueError("not the DER of a certificate")
            length = int.from_bytes(data[at : at + octets])
            at += octets
        if at + length > len(data):
            raise ValueError("not the DER of a certificate")
        yield Part(tag, data[at : at + length], data[start : at + length])
        at += length
