"""The saved index: segments in sealed pieces, and a sealed manifest that says which they are.

Theory of operation: a segment's bytes (`segments.layout`) are padded to a size class, cut into
pieces, and each piece is sealed as what it is: piece n of the segment that this identifier names,
which is random and never used again. A piece is kept under the tag of its seal. The manifest names,
for each segment, the tags of its pieces and the rows that it has lost; and it says of which commit
all of it is the state: number, chain value, set digest, count. It is kept under one name, so a new
one takes the place of the last.

Nothing of it is trusted to be new. A store that is opened from it replays the log from that commit
on, and compares chain and set digest with the head (`resume`): so an old manifest is as good as a
new one while the log reaches back to it, and one of another history is found out. What is missing,
damaged or forged does not open, and the records are read instead. All pieces are sealed under the
epoch of their manifest: a rotation has them written anew.

Manifest plaintext, integers big-endian, and zeros up to its size class:

    bytes  what
    1      format, 1
    8      number of the commit
    32     chain value after it
    32     set digest
    8      count of live records
    32     key of the tokens
    4      number of segments; of each
    16       identifier
    8        base of its serials
    8        length of its bytes, without padding
    4        number of pieces, and 16 for the tag of each
    4, n     the rows that it has, a serialized bitmap; none: all
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from storage.backend import tag
from storage.keyring import Keyring, Sealed
from storage.ledger import State
from storage.record import pad, size_class
from storage.segments.segment import SavedSegment
from storage.xaes import TAG_BYTES

FORMAT: Final = 1
MANIFEST_NAME: Final = bytes(TAG_BYTES)
"""The name under which a back end has the manifest."""
PIECE_BYTES: Final = 1 << 20
"""Plaintext of one piece: sealed or opened in a millisecond, and put into SQLite in some."""
IDENTIFIER_BYTES: Final = 16

_HEAD: Final = struct.Struct(">BQ32s32sQ32sI")
_SEGMENT: Final = struct.Struct(f">{IDENTIFIER_BYTES}sQQI")
_LENGTH: Final = struct.Struct(">I")
_PLACE: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was at a commit, and where it is.

    Attributes:
        number: of the commit.
        chain: value after it.
        digest: of all live records.
        count: of them.
        key: of the tokens, 32 bytes.
        segments: each with the rows that it has, serialized; empty: all.
    """

    number: int
    chain: bytes = field(repr=False)
    digest: int = field(repr=False)
    count: int
    key: bytes = field(repr=False)
    segments: tuple[tuple[SavedSegment, bytes], ...] = field(repr=False)

    @classmethod
    def of(
        cls, state: State, key: bytes, segments: Iterable[tuple[SavedSegment, bytes]]
    ) -> "Manifest":
        """The manifest of segments that hold all rows there are at a state."""
        return cls(state.number, state.chain, state.digest, state.count, key, tuple(segments))

    @property
    def names(self) -> set[bytes]:
        """Under which a back end has what it names."""
        return {name for segment, _ in self.segments for name in segment.tags}

    def seal(self, keyring: Keyring) -> bytes:
        """The sealed manifest."""
        digest = self.digest.to_bytes(32)
        head = (FORMAT, self.number, self.chain, digest, self.count, self.key, len(self.segments))
        parts = [_HEAD.pack(*head)]
        for one, live in self.segments:
            parts.append(_SEGMENT.pack(one.identifier, one.base, one.length, len(one.tags)))
            parts += (*one.tags, _LENGTH.pack(len(live)), live)
        return keyring.now.seal(Sealed.MANIFEST, b"", pad(b"".join(parts)))

    @classmethod
    def open(cls, keyring: Keyring, blob: bytes) -> "Manifest":
        """What a sealed manifest says.

        Raises:
            ValueError: it does not open, or is of another format.
        """
        plaintext = keyring.open(Sealed.MANIFEST, b"", blob)
        if plaintext is None:
            raise ValueError("the manifest does not open")
        form, number, chain, digest, count, key, segments = _HEAD.unpack_from(plaintext)
        if form != FORMAT:
            raise ValueError("the manifest is of another format")
        found = []
        at = _HEAD.size
        for _ in range(segments):
            identifier, base, length, pieces = _SEGMENT.unpack_from(plaintext, at)
            at += _SEGMENT.size
            end = at + TAG_BYTES * pieces
            tags = tuple(
                plaintext[start : start + TAG_BYTES] for start in range(at, end, TAG_BYTES)
            )
            (size,) = _LENGTH.unpack_from(plaintext, end)
            at = end + _LENGTH.size + size
            live = plaintext[at - size : at]
            found.append((SavedSegment(identifier, base, length, blob[1], tags), live))
        return cls(number, chain, int.from_bytes(digest), count, key, tuple(found))


def _place(identifier: bytes, number: int) -> bytes:
    """The place of a piece, for its seal."""
    return identifier + _PLACE.pack(number)


def pieces_of(parts: Iterable[memoryview]) -> Iterator[bytes]:
    """The bytes of a segment and zeros up to their size class, in pieces."""
    piece = bytearray()
    length = 0
    for part in parts:
        length += len(part)
        at = 0
        while at < len(part):
            taken = part[at : at + PIECE_BYTES - len(piece)]
            piece += taken
            at += len(taken)
            if len(piece) == PIECE_BYTES:
                yield bytes(piece)
                piece = bytearray()
    left = size_class(length) - length
    while piece or left:
        zeros = min(left, PIECE_BYTES - len(piece))
        left -= zeros
        yield bytes(piece) + bytes(zeros)
        piece = bytearray()


def seal_pieces(
    keyring: Keyring, identifier: bytes, parts: Iterable[memoryview]
) -> Iterator[bytes]:
    """A segment as sealed pieces."""
    for number, piece in enumerate(pieces_of(parts)):
        yield keyring.now.seal(Sealed.SEGMENT, _place(identifier, number), piece)


def open_piece(keyring: Keyring, segment: SavedSegment, number: int, blob: bytes | None) -> bytes:
    """The plaintext of a piece.

    Raises:
        ValueError: it is not there, or is not what the manifest names.
    """
    if blob is None:
        raise ValueError("a piece of a segment is missing")
    opened = keyring.open(Sealed.SEGMENT, _place(segment.identifier, number), blob)
    if opened is None or tag(blob) != segment.tags[number]:
        raise ValueError("a piece of a segment does not open")
    return opened
