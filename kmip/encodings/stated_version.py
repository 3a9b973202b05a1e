"""The protocol version that the bytes of a message state, where they cannot be decoded as a whole.

A message may be refused for an item far inside it, or for its length. Whoever sent it reads the
answer in the version of its own; and that stands at the beginning, in the same place always: the
version is the first field of the header, which is the first of the message.

Source: KMIP 2.1 sections 8.1, 8.2 and 9.1.1; KMIP Profiles 2.1 section 5 for XML and JSON.
"""

from __future__ import annotations

import re
from typing import Final

from kmip.versions import ProtocolVersion

MAX_BEGINNING: Final = 1024
"""Bytes that are looked at: a text encoding may begin with white space and declarations."""

# Nothing is gone back over, or a beginning made for that would take the time of all ways to divide
# it: what stands before a word ends where the word first occurs, whatever follows.

# Tag, type and length of Protocol Version, Protocol Version Major and Minor; 4 bytes of padding.
_TTLV: Final = re.compile(
    rb"\A\x42\x00\x78\x01.{4}\x42\x00\x77\x01.{4}\x42\x00\x69\x01\x00\x00\x00\x20"
    rb"\x42\x00\x6a\x02\x00\x00\x00\x04(?P<major>.{4}).{4}"
    rb"\x42\x00\x6b\x02\x00\x00\x00\x04(?P<minor>.{4})",
    re.DOTALL,
)
_XML: Final = re.compile(
    rb"(?><ProtocolVersionMajor[^<>]*?\svalue=)[\"'](?P<major>\d{1,4})[\"'][^<>]*+>\s*+"
    rb"(?><ProtocolVersionMinor[^<>]*?\svalue=)[\"'](?P<minor>\d{1,4})[\"']"
)
_JSON: Final = re.compile(
    rb"(?>\"ProtocolVersionMajor\"[^{}]*?\"value\"\s*+:)\s*+(?P<major>\d{1,4}+)[^{}]*+}\s*+,\s*+{"
    rb"(?>[^{}]*?\"ProtocolVersionMinor\"[^{}]*?\"value\"\s*+:)\s*+(?P<minor>\d{1,4})"
)


def stated_version(message: bytes) -> ProtocolVersion | None:
    """The version that a request states; None: it cannot be told.

    Args:
        message: any bytes, in any encoding.
    """
    beginning = message[:MAX_BEGINNING]
    found = _TTLV.search(beginning)
    if found is not None:
        numbers = (int.from_bytes(found[name], "big", signed=True) for name in ("major", "minor"))
        return ProtocolVersion(*numbers)
    found = _XML.search(beginning) or _JSON.search(beginning)
    if found is None:
        return None
    return ProtocolVersion(int(found["major"]), int(found["minor"]))
