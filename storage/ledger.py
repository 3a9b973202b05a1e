"""The head and the log: one order of all commits, which cannot be cut, forked or reordered unseen.

Theory of operation: every commit has a number n, one more than the last, and a sealed log entry.
chain_n = HMAC-SHA-256(chain_{n-1}, entry_n), chain_0 derived from a root: nobody outside can extend
it. The sealed head names n, chain_n and the set digest of all live records, so head, log and
records vouch for each other. Every entry repeats chain_{n-1} inside its seal; any stretch of the
log therefore proves itself, and can be laid against a state already known.

The set digest is the sum, modulo 2**256, of HMAC(handle, tag) over all live records: one addition
and one subtraction per change, and no order. Its keys are secret and the sum is never shown, so
nobody can look for other records of the same sum.

Head plaintext, integers big-endian: number 8, chain 32, digest 32, count 8, next serial 8, oldest
log number 8, SHA-256 of the key header 32.

Log entry plaintext: chain before it 32, then changes, each 1 byte and more:
    1  put      handle 16, length 4, sealed meta blob
    2  removed  length 2, name
"""

import hmac
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from storage.backend import HANDLE_BYTES
from storage.errors import Part, Reason, Tampered
from storage.keyring import LABEL, Keyring, Sealed

CHAIN_BYTES: Final = 32
_HEAD: Final = struct.Struct(">Q32s32sQQQ32s")
_PUT: Final = struct.Struct(f">B{HANDLE_BYTES}sI")
_REMOVED: Final = struct.Struct(">BH")
_PUT_CODE: Final = 1
_REMOVED_CODE: Final = 2


@dataclass(frozen=True, slots=True)
class Anchor:
    """A state of a store that somebody has seen, to be kept outside the back end.

    Attributes:
        number: of the last commit.
        mark: 16 bytes that name the history up to it; tells nothing and proves nothing to others.
    """

    number: int
    mark: bytes

    def __str__(self) -> str:
        """As text for configuration and the command line, such as 17:00112233..."""
        return f"{self.number}:{self.mark.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """The anchor that `str` wrote.

        Raises:
            ValueError: it is none.
        """
        number, _, mark = text.partition(":")
        anchor = cls(int(number), bytes.fromhex(mark))
        if anchor.number < 0 or len(anchor.mark) != 16:
            raise ValueError("an anchor is a number, a colon and 32 hexadecimal digits")
        return anchor


@dataclass(frozen=True, slots=True)
class State:
    """What a head says.

    Attributes:
        number: of the last commit.
        chain: 32 bytes.
        digest: of all live records.
        count: of live records.
        serial: for the next record made.
        oldest: number of the oldest log entry kept.
        header: SHA-256 of the key header in force.
    """

    number: int
    chain: bytes = field(repr=False)
    digest: int = field(repr=False)
    count: int
    serial: int
    oldest: int
    header: bytes = field(repr=False)

    @property
    def anchor(self) -> Anchor:
        """This state as an anchor."""
        return Anchor(self.number, mark(self.chain))

    def seal(self, keyring: Keyring) -> bytes:
        """The sealed head."""
        plaintext = _HEAD.pack(
            self.number,
            self.chain,
            self.digest.to_bytes(32),
            self.count,
            self.serial,
            self.oldest,
            self.header,
        )
        return keyring.now.seal(Sealed.HEAD, b"", plaintext)

    @classmethod
    def open(cls, keyring: Keyring, head: bytes) -> "State":
        """What a sealed head says.

        Raises:
            Tampered: it does not open.
        """
        plaintext = keyring.open(Sealed.HEAD, b"", head)
        if plaintext is None:
            raise Tampered(Part.HEAD, Reason.EDITED)
        number, chain, digest, count, serial, oldest, header = _HEAD.unpack(plaintext)
        return cls(number, chain, int.from_bytes(digest), count, serial, oldest, header)


@dataclass(frozen=True, slots=True)
class PutMeta:
    """In a log entry: a record was written."""

    handle: bytes
    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removed:
    """In a log entry: a record was removed."""

    name: bytes


Logged = PutMeta | Removed


def mark(chain: bytes) -> bytes:
    """What may be shown of a chain value: 16 bytes."""
    return hmac.digest(chain, LABEL + b"anchor", "sha256")[:16]


def link(chain: bytes, entry: bytes) -> bytes:
    """The chain value after a sealed log entry."""
    return hmac.digest(chain, entry, "sha256")


def place(number: int) -> bytes:
    """The place of a log entry, for its seal."""
    return number.to_bytes(8)


def seal_entry(keyring: Keyring, number: int, chain: bytes, changes: Iterable[Logged]) -> bytes:
    """The sealed log entry `number`, which follows the chain value `chain`."""
    parts = [chain]
    for change in changes:
        match change:
            case PutMeta(handle, blob):
                parts += (_PUT.pack(_PUT_CODE, handle, len(blob)), blob)
            case Removed(name):
                parts += (_REMOVED.pack(_REMOVED_CODE, len(name)), name)
    return keyring.now.seal(Sealed.LOG, place(number), b"".join(parts))


@dataclass(frozen=True, slots=True)
class Entry:
    """A log entry that was opened.

    Attributes:
        number: where it stood.
        before: the chain value it follows.
        after: the chain value with it.
        changes: what it did, in no particular order; each record at most once.
    """

    number: int
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    changes: tuple[Logged, ...] = field(repr=False)


def open_entries(keyring: Keyring, entries: Iterable[tuple[int, bytes]]) -> Iterator[Entry]:
    """Consecutive log entries, each opened and chained to the one before it, one by one.

    Raises:
        Tampered: one does not open at its number, is missing between two others, or does not
            follow the one before it.
    """
    sealed = list(entries)
    last: Entry | None = None
    for number, blob in sealed:
        plaintext = keyring.open(Sealed.LOG, place(number), blob)
        if plaintext is None:
            raise Tampered(Part.LOG, _misplaced(keyring, number, blob, sealed))
        before = plaintext[:CHAIN_BYTES]
        if last is not None and number != last.number + 1:
            raise Tampered(Part.LOG, Reason.DROPPED)
        if last is not None and before != last.after:
            raise Tampered(Part.LOG, Reason.FORKED)
        last = Entry(number, before, link(before, blob), tuple(_changes(plaintext)))
        yield last


def _misplaced(
    keyring: Keyring, number: int, blob: bytes, sealed: list[tuple[int, bytes]]
) -> Reason:
    """Why an entry does not open: it belongs to another number near by, or it was changed."""
    numbers = {other for other, _ in sealed} | set(range(max(0, number - 1000), number + 1000))
    if any(keyring.open(Sealed.LOG, place(other), blob) is not None for other in numbers):
        return Reason.SWAPPED
    return Reason.EDITED


def _changes(plaintext: bytes) -> Iterator[Logged]:
    at = CHAIN_BYTES
    while at < len(plaintext):
        if plaintext[at] == _PUT_CODE:
            _, handle, length = _PUT.unpack_from(plaintext, at)
            at += _PUT.size
            yield PutMeta(handle, plaintext[at : at + length])
        else:
            _, length = _REMOVED.unpack_from(plaintext, at)
            at += _REMOVED.size
            yield Removed(plaintext[at : at + length])
        at += length
