"""Records, what the index knows of them, and the changes made to them.

A record has a name, a meta part (read often, kept small) and a body (the key material; may be
absent), and terms by which it is found. Meta plaintext, before sealing, all integers big-endian:

    bytes  what
    8      version
    8      serial: creation sequence number; newest first is by this
    1      epoch of the body's key; 0: no body
    16     tag of the body's blob; zero without one
    2, n   name
    4, n   meta
    2      number e of exact terms
    2 e    their lengths
    n      the terms, joined
    2      number of ranged terms; each 2, n (column) and 8 (signed value)
    ...    zeros up to the size class

The body's tag in the sealed meta binds the two: a body of another version is not taken for this
one's. A body plaintext is 4, n and zeros up to its size class.

Size classes: powers of two from 256 bytes to 4 KiB, then steps of an eighth of the power of two
below (at most 12.5 % more), so that a size tells little of what is inside.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from storage.xaes import TAG_BYTES

MAX_NAME_BYTES: Final = 1024  # identifiers are short; they travel in every log entry
MAX_TERM_BYTES: Final = 4096  # longer values: hash them before indexing
MAX_TERMS: Final = 0xFFFF  # two bytes of count
MAX_META_BYTES: Final = 16 << 20  # what one Redis script and one sealed log entry carry with ease
MAX_BODY_BYTES: Final = 16 << 20
INTEGERS: Final = range(-(1 << 63), 1 << 63)

_FIXED: Final = struct.Struct(">QQB16sH")
_LONG: Final = struct.Struct(">I")
_SHORT: Final = struct.Struct(">H")
_VALUE: Final = struct.Struct(">q")
_NO_TAG: Final = bytes(TAG_BYTES)


class Body(Enum):
    """What a `Put` does with the body, besides giving a new one."""

    KEEP = "leave the body as it is"


KEEP: Final = Body.KEEP


@dataclass(frozen=True, slots=True)
class Terms:
    """What the index knows of one record.

    Attributes:
        exact: terms a query may ask for, 1 to 4096 bytes each, 65 535 at most. The caller keeps
            terms of different attributes apart (puts the attribute's name inside).
        ranged: column to signed 64-bit value.
    """

    exact: frozenset[bytes] = frozenset()
    ranged: Mapping[bytes, int] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError when a limit is passed."""
        if len(self.exact) > MAX_TERMS or len(self.ranged) > MAX_TERMS:
            raise ValueError("a record has at most 65535 terms of each kind")
        if not all(1 <= len(term) <= MAX_TERM_BYTES for term in (*self.exact, *self.ranged)):
            raise ValueError("a term has 1 to 4096 bytes")
        if not all(value in INTEGERS for value in self.ranged.values()):
            raise ValueError("a ranged value has 64 bits")


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read.

    Attributes:
        name: 1 to 1024 bytes.
        version: the number of the commit that wrote it. So no two contents of a name have the same
            version, also when the name was removed and made anew.
        meta: what was put.
        terms: what was put.
    """

    name: bytes
    version: int
    meta: bytes = field(repr=False)
    terms: Terms = field(repr=False)


@dataclass(frozen=True, slots=True)
class Put:
    """Make a record, or change one.

    Attributes:
        name: 1 to 1024 bytes.
        expected: the version it must have; 0: it must not exist.
        meta: up to 16 MiB.
        body: up to 16 MiB; KEEP leaves it as it is; None: there is none any more.
        terms: by which it is found from now on.
    """

    name: bytes
    expected: int
    meta: bytes = field(repr=False)
    body: bytes | Body | None = field(repr=False)
    terms: Terms = field(repr=False)

    def check(self) -> None:
        """Raise ValueError when a limit is passed."""
        if not 1 <= len(self.name) <= MAX_NAME_BYTES:
            raise ValueError("a name has 1 to 1024 bytes")
        if len(self.meta) > MAX_META_BYTES:
            raise ValueError("the meta part of a record has at most 16 MiB")
        if isinstance(self.body, bytes) and len(self.body) > MAX_BODY_BYTES:
            raise ValueError("the body of a record has at most 16 MiB")
        self.terms.check()


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a record, body and all.

    Attributes:
        name: of the record.
        expected: the version it must have, 1 or more.
    """

    name: bytes
    expected: int

    def check(self) -> None:
        """Raise ValueError when nothing can be meant."""
        if self.expected < 1:
            raise ValueError("only a record that exists can be removed")


Change = Put | Remove


class Content(NamedTuple):
    """The plaintext of a meta blob.

    `body_epoch` is 0 and `body_tag` empty where there is no body.
    """

    name: bytes
    version: int
    serial: int
    body_epoch: int
    body_tag: bytes
    meta: bytes
    terms: Terms

    def encode(self) -> bytes:
        """The plaintext, padded to its size class."""
        exact, ranged = self.terms.exact, self.terms.ranged
        tag = self.body_tag or _NO_TAG
        parts = [
            _FIXED.pack(self.version, self.serial, self.body_epoch, tag, len(self.name)),
            self.name,
            _LONG.pack(len(self.meta)),
            self.meta,
            _SHORT.pack(len(exact)),
            struct.pack(f">{len(exact)}H", *map(len, exact)),
            *exact,
        ]
        parts.append(_SHORT.pack(len(ranged)))
        for column, value in ranged.items():
            parts += (_SHORT.pack(len(column)), column, _VALUE.pack(value))
        return pad(b"".join(parts))

    @classmethod
    def decode(cls, data: bytes) -> "Content":
        """What `encode` was given. The bytes are authentic: ours, or nobody's."""
        version, serial, body_epoch, body_tag, length = _FIXED.unpack_from(data)
        at = _FIXED.size
        name = data[at : at + length]
        at += length
        (length,) = _LONG.unpack_from(data, at)
        at += 4
        meta = data[at : at + length]
        terms = _terms(data, at + length)
        tag = body_tag if body_epoch else b""
        return cls(name, version, serial, body_epoch, tag, meta, terms)


def _terms(data: bytes, at: int) -> Terms:
    (count,) = _SHORT.unpack_from(data, at)
    at += 2
    lengths = struct.unpack_from(f">{count}H", data, at)
    ends = list(accumulate(lengths, initial=at + 2 * count))
    exact = frozenset([data[start:end] for start, end in pairwise(ends)])
    return Terms(exact, dict(_ranged(data, ends[-1])))


def _ranged(data: bytes, at: int) -> Iterator[tuple[bytes, int]]:
    (count,) = _SHORT.unpack_from(data, at)
    at += 2
    for _ in range(count):
        end = at + 2 + (data[at] << 8 | data[at + 1])
        yield data[at + 2 : end], _VALUE.unpack_from(data, end)[0]
        at = end + 8


def size_class(length: int) -> int:
    """The size a plaintext of `length` bytes is padded to."""
    if length <= 256:
        return 256
    power = (length - 1).bit_length()
    if power <= 12:
        return 1 << power
    step = 1 << (power - 4)
    return -(-length // step) * step


def pad(plaintext: bytes) -> bytes:
    """The plaintext and zeros up to its size class."""
    return plaintext.ljust(size_class(len(plaintext)), b"\0")


def encode_body(body: bytes) -> bytes:
    """A body's plaintext, padded to its size class."""
    return pad(_LONG.pack(len(body)) + body)


def decode_body(plaintext: bytes) -> bytes:
    """The body that `encode_body` was given."""
    (length,) = _LONG.unpack_from(plaintext)
    return plaintext[4 : 4 + length]
