"""Audit lines that cannot be edited unseen: each is authenticated, and names the one before it.

Theory: what a host holds, it can edit. So each line of the audit log ends in four members more:

    chain   16 hexadecimal digits: of one run of one server, or of what follows a failed write
    number  from 1, without a gap
    after   the `mac` of the line before; zeros for the first
    mac     HMAC-SHA256, cut to 16 bytes, of all of the line before `, "mac"`

The key of a chain is derived from the store's audit secret, 32 random bytes in a record of the
store, which no host reads:

    key of MACs   HMAC-SHA256(secret, "strongroom audit mac 1" | chain)
    key of lines  HMAC-SHA256(secret, "strongroom audit line 1" | chain), for sealed lines alone

An edited line has a wrong MAC, a line left out or moved a number that does not follow, and a line
of another history another `after`. What is cut off at the end is noticed by the positions of all
chains, which the store keeps (`server.requests.audit_positions`).

A sealed line has, in place of its own members, `sealed`: the whole line encrypted by AES-256-GCM
with its number as the nonce, in Base64. No number is used twice under one key: a chain ends when a
write fails, since nobody knows what of it has come to the disk.

Lines are chained by the thread that writes them, after those that are dropped were dropped; so a
line that tells how many were is chained in their place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHAIN_BYTES: Final = 8
MAC_BYTES: Final = 16
SECRET_BYTES: Final = 32
NONE: Final = bytes(MAC_BYTES).hex()
"""What the first line of a chain comes after."""
MAC_MEMBER: Final = b', "mac": "'
END: Final = b'"}'


@dataclass(frozen=True, slots=True)
class Position:
    """How far a chain has come.

    Attributes:
        chain: its name.
        number: of its last line; 0: it has none yet.
        mac: of that line, in hexadecimal.
    """

    chain: str
    number: int = 0
    mac: str = NONE


class Keys:
    """The keys of one chain.

    Args:
        secret: the store's audit secret, 32 bytes.
        chain: the name of the chain.
    """

    def __init__(self, secret: bytes, chain: str) -> None:
        self._mac = hmac.digest(secret, b"strongroom audit mac 1" + chain.encode(), "sha256")
        line = hmac.digest(secret, b"strongroom audit line 1" + chain.encode(), "sha256")
        self._line = AESGCM(line)

    def __repr__(self) -> str:
        return "Keys()"

    def mac(self, text: bytes) -> str:
        """The MAC of all of a line before its own member, in hexadecimal."""
        return hmac.digest(self._mac, text, hashlib.sha256)[:MAC_BYTES].hex()

    def seal(self, number: int, line: bytes) -> bytes:
        """A line in which the members of another are encrypted."""
        sealed = self._line.encrypt(number.to_bytes(12), line, None)
        return b'{"sealed": "%b"}' % b64encode(sealed)

    def open(self, number: int, sealed: str) -> bytes | None:
        """The line that was sealed under this number; None: it is not one of this chain."""
        try:
            return self._line.decrypt(number.to_bytes(12), b64decode(sealed, validate=True), None)
        except (InvalidTag, NotBase64, ValueError, OverflowError):
            return None


class ChainedLines:
    """Chains lines on their way to a file; used by one thread, read by others.

    Args:
        secret: the store's audit secret, 32 bytes.
        write: writes bytes, whole lines; may raise OSError.
        is_sealed: whether lines are encrypted.
        draw: gives so many random bytes, for the names of chains.

    Attributes:
        position: of the last line that was written.
    """

    def __init__(
        self,
        secret: bytes,
        write: Callable[[bytes], object],
        *,
        is_sealed: bool = False,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._secret = secret
        self._write = write
        self._is_sealed = is_sealed
        self._draw = draw
        self._has_failed = False
        self._begin()

    def __repr__(self) -> str:
        return f"ChainedLines({self.position})"

    def _begin(self) -> None:
        chain = self._draw(CHAIN_BYTES).hex()
        self._keys = Keys(self._secret, chain)
        self.position = Position(chain)

    def write(self, data: bytes) -> None:
        """Write lines, each ended by a newline, as the next of the chain.

        Raises:
            OSError: they cannot be written. Nobody knows which of them were, and so the next line
                is the first of another chain.
        """
        if self._has_failed:
            self._write(b"\n")  # what was cut in the middle is a line of its own
            self._has_failed = False
            self._begin()
        at = self.position
        chained = []
        for line in data.splitlines():
            text, at = self._next(at, line)
            chained.append(text)
        try:
            self._write(b"".join(chained))
        except OSError:
            self._has_failed = True
            raise
        self.position = at

    def _next(self, at: Position, line: bytes) -> tuple[bytes, Position]:
        number = at.number + 1
        if self._is_sealed:
            line = self._keys.seal(number, line)
        members = f', "chain": "{at.chain}", "number": {number}, "after": "{at.mac}"'
        text = line.removesuffix(b"}") + members.encode()
        mac = self._keys.mac(text)
        return text + MAC_MEMBER + mac.encode() + END + b"\n", Position(at.chain, number, mac)


@dataclass(frozen=True, slots=True)
class ChainedLine:
    """A line as it is read from a file, not verified.

    Attributes:
        position: that it claims.
        after: the MAC of the line before, as it claims.
        text: all of it before its MAC.
        members: the JSON object.
    """

    position: Position
    after: str
    text: bytes
    members: dict[str, object]

    def is_authentic(self, keys: Keys) -> bool:
        """Whether a server that has these keys has written it."""
        return hmac.compare_digest(keys.mac(self.text), self.position.mac)

    def opened(self, keys: Keys) -> bytes | None:
        """The line as it was before it was chained; None: it is sealed, and does not open."""
        sealed = self.members.get("sealed")
        if isinstance(sealed, str):
            return keys.open(self.position.number, sealed)
        return self.text.rpartition(b', "chain": "')[0] + b"}"


def read(line: bytes) -> ChainedLine | None:
    """What a line says of its place in a chain; None: it is no chained line."""
    text, found, rest = line.rpartition(MAC_MEMBER)
    if not found or len(rest) != 2 * MAC_BYTES + len(END) or not rest.endswith(END):
        return None
    try:
        members = json.loads(line)
        position = Position(members["chain"], members["number"], members["mac"])
        after = members["after"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if type(position.number) is not int or not position.number > 0:
        return None
    if not all(isinstance(each, str) for each in (position.chain, position.mac, after)):
        return None
    if not (after.isascii() and position.mac.isascii() and position.chain.isascii()):
        return None
    return ChainedLine(position, after, text, members)
