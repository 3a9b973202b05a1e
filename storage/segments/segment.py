"""A segment: many rows and their postings, sorted, in arrays that nothing changes.

Theory of operation: an array has no object for its entries, so a row takes here a tenth of what it
takes among those written recently (`segments.recent`), and nothing is parsed: what was sealed and
is opened is used as it is. Everything is found by bisection:

    rows       numbers, ascending; a record of fixed size for each, and names joined in that order
    names      32 bits of each name's token, ascending, and the number of its row
    few        tokens that few rows have, ascending, once for each row; and its number
    many       tokens that more rows have, ascending, and for each a serialized bitmap of its rows
    columns    values, ascending, and the number of each one's row; a bitmap of the rows that have
               one; and, in the order of these, the place of each one's value

A row that is changed or removed is lost here: its number goes from `live`, and only a merge takes
the rest of it away (`segments.merge`).
"""

import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from pyroaring import BitMap

from storage.query import Range
from storage.row import Row
from storage.segments.recent import clamp

FIXED: Final = struct.Struct("<QB16sB16s")
"""Version, epoch, tag, epoch and tag of the body."""

_EPOCH_AT: Final = 8
_TAG_AT: Final = 9
_BODY_EPOCH_AT: Final = 25
_BODY_TAG_AT: Final = 26
NAME_BITS: Final = 32
_NO_TAG: Final = bytes(16)
_CACHED: Final = 1 << 22  # bytes of bitmaps that are kept open, for each segment
_ROW_COST: Final = 512  # of looking at a row's value, in entries: 6 us beside 10 ns
_RATE: Final = 16

Integers: TypeAlias = "array[int] | memoryview"
Bytes: TypeAlias = bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ColumnArrays:
    """A ranged column as it is kept.

    Attributes:
        present: the rows that have a value.
        values: ascending; signed, 64 bits.
        numbers: of each value's row; 32 bits.
        places: for each row that is present, in that order, which value is its; 32 bits.
    """

    present: BitMap
    values: Integers
    numbers: Integers
    places: Integers


@dataclass(frozen=True, slots=True)
class Arrays:
    """What a segment is made of; see the head of the module.

    Attributes:
        base: the serials of its rows are this and their numbers; a multiple of 2**32.
        numbers: of the rows; 32 bits.
        fixed: `FIXED` of each.
        name_ends: where each name ends; 32 bits.
        names: joined.
        hashes: the upper half of each name's token, ascending; 32 bits.
        hash_numbers: of each one's row; 32 bits.
        few_tokens: 64 bits.
        few_numbers: 32 bits.
        many_tokens: 64 bits.
        many_ends: where each bitmap ends; 64 bits.
        many: serialized bitmaps, joined.
        columns: by name.
    """

    base: int
    numbers: Integers
    fixed: Bytes
    name_ends: Integers
    names: Bytes
    hashes: Integers
    hash_numbers: Integers
    few_tokens: Integers
    few_numbers: Integers
    many_tokens: Integers
    many_ends: Integers
    many: Bytes
    columns: Mapping[bytes, ColumnArrays]

    @property
    def of_rows(self) -> "tuple[Integers | Bytes, ...]":
        """All but the columns, in the order in which they are kept."""
        return (
            self.numbers,
            self.fixed,
            self.name_ends,
            self.names,
            self.hashes,
            self.hash_numbers,
            self.few_tokens,
            self.few_numbers,
            self.many_tokens,
            self.many_ends,
            self.many,
        )


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """Where a segment is in a back end.

    Attributes:
        identifier: 16 random bytes.
        base: of its serials.
        length: of its bytes, without padding.
        epoch: of the key that its pieces are sealed under.
        tags: of its pieces, 16 bytes each.
    """

    identifier: bytes
    base: int
    length: int
    epoch: int
    tags: tuple[bytes, ...]


class SegmentColumn:
    """One ranged column of a segment; see `segments.part.Column`."""

    __slots__ = ("_at", "_reached", "arrays")
    row_cost = _ROW_COST
    rate = _RATE

    def __init__(self, arrays: ColumnArrays) -> None:
        self.arrays = arrays
        self._reached = BitMap()  # the rows of all values before `_at`
        self._at = 0

    @property
    def present(self) -> BitMap:
        """See `Column`."""
        return self.arrays.present

    def value(self, number: int) -> int | None:
        """See `Column`."""
        arrays = self.arrays
        if number not in arrays.present:
            return None
        value: int = arrays.values[arrays.places[arrays.present.rank(number) - 1]]
        return value

    def bounds(self, condition: Range) -> tuple[int, int]:
        """See `Column`."""
        low, high = clamp(condition)
        return bisect_left(self.arrays.values, low), bisect_right(self.arrays.values, high)

    def reach(self, high: int, most: int) -> bool:
        """See `Column`."""
        to, at, most = bisect_right(self.arrays.values, high), self._at, most * _RATE
        if at <= to:
            self._at = min(to, at + most)
            self._reached.update(self._rows(at, self._at))
        else:
            self._at = max(to, at - most)
            self._reached.difference_update(self._rows(self._at, at))
        return self._at == to

    def up_to(self, high: int) -> BitMap:
        """See `Column`."""
        self.reach(high, len(self.arrays.values))
        return self._reached

    def pieces(self, condition: Range, size: int) -> Iterator[BitMap]:
        """See `Column`."""
        start, stop = self.bounds(condition)
        for at in range(start, stop, size * _RATE):
            yield self._rows(at, min(stop, at + size * _RATE))

    def _rows(self, start: int, stop: int) -> BitMap:
        return BitMap(self.arrays.numbers[start:stop])


class Segment:
    """Many rows; see `segments.part.Part`.

    Args:
        arrays: the rows and what leads to them.
        live: the rows that it has still; None: all of them.

    Attributes:
        saved: where it is in the back end, if it is there.
    """

    is_fixed = True

    def __init__(self, arrays: Arrays, live: BitMap | None = None) -> None:
        self.arrays = arrays
        self.live = BitMap(arrays.numbers) if live is None else live
        self._columns = {name: SegmentColumn(one) for name, one in arrays.columns.items()}
        self._open: dict[int, BitMap] = {}
        self._open_bytes = 0
        self.saved: SavedSegment | None = None

    def __len__(self) -> int:
        return len(self.live)

    @property
    def memory(self) -> int:
        """Bytes that its arrays take."""
        arrays = self.arrays
        own: list[Integers | Bytes] = [*arrays.of_rows]
        for column in arrays.columns.values():
            own += (column.values, column.numbers, column.places)
            own.append(memoryview(column.present.serialize()))
        return sum(memoryview(one).nbytes for one in own)

    @property
    def is_whole(self) -> bool:
        """Whether it has lost no row."""
        return len(self.live) == len(self.arrays.numbers)

    @cached_property
    def epochs(self) -> frozenset[int]:
        """The epochs of the keys that any row of it needs, or has needed."""
        fixed, size = self.arrays.fixed, FIXED.size
        return frozenset(fixed[_EPOCH_AT::size]) | frozenset(fixed[_BODY_EPOCH_AT::size]) - {0}

    def find(self, name: bytes, hashed: int) -> Row | None:
        """See `Part`."""
        arrays, short = self.arrays, hashed >> NAME_BITS
        at = bisect_left(arrays.hashes, short)
        while at < len(arrays.hashes) and arrays.hashes[at] == short:
            number = arrays.hash_numbers[at]
            if number in self.live and self.name(self.position(number)) == name:
                return self.row(number)
            at += 1
        return None

    def position(self, number: int) -> int:
        """Of a row that is in the arrays."""
        return bisect_left(self.arrays.numbers, number)

    def name(self, position: int) -> bytes:
        """The name of the row at a position."""
        ends = self.arrays.name_ends
        return bytes(self.arrays.names[ends[position - 1] if position else 0 : ends[position]])

    def row(self, number: int) -> Row:
        """See `Part`."""
        at = self.position(number)
        fixed = FIXED.unpack_from(self.arrays.fixed, at * FIXED.size)
        version, epoch, tag, body_epoch, body_tag = fixed
        serial = self.arrays.base + number
        return Row(
            self.name(at), version, serial, epoch, tag, body_epoch, body_tag if body_epoch else b""
        )

    def names(self, numbers: Iterable[int]) -> list[bytes]:
        """See `Part`."""
        return [self.name(self.position(number)) for number in numbers]

    def column(self, name: bytes) -> SegmentColumn | None:
        """See `Part`."""
        return self._columns.get(name)

    def knows(self, tag: bytes, *, of_body: bool) -> bool:
        """See `Part`."""
        fixed, place = bytes(self.arrays.fixed), _BODY_TAG_AT if of_body else _TAG_AT
        at = fixed.find(tag)
        while at >= 0 and at % FIXED.size != place:
            at = fixed.find(tag, at + 1)
        return at >= 0

    def discard(self, number: int) -> None:
        """See `Part`."""
        self.live.remove(number)

    def posting(self, token: int) -> int | BitMap | None:
        """See `Part`."""
        arrays = self.arrays
        start = bisect_left(arrays.few_tokens, token)
        if start < len(arrays.few_tokens) and arrays.few_tokens[start] == token:
            stop = bisect_right(arrays.few_tokens, token, start)
            return BitMap(arrays.few_numbers[start:stop])
        at = bisect_left(arrays.many_tokens, token)
        if at < len(arrays.many_tokens) and arrays.many_tokens[at] == token:
            return self._bitmap(at)
        return None

    def _bitmap(self, at: int) -> BitMap:
        """One of the bitmaps: it is opened when it is asked for, and some are kept open."""
        bitmap = self._open.get(at)
        if bitmap is None:
            ends = self.arrays.many_ends
            start, end = ends[at - 1] if at else 0, ends[at]
            bitmap = self._opened(start, end)
            self._open_bytes += end - start
            if self._open_bytes > _CACHED:
                self._open, self._open_bytes = {}, end - start
            self._open[at] = bitmap
        return bitmap

    def _opened(self, start: int, end: int) -> BitMap:
        return BitMap.deserialize(bytes(self.arrays.many[start:end]))

    def bitmaps(self) -> Iterator[tuple[int, BitMap]]:
        """The tokens that many rows have, and a new bitmap of each."""
        start = 0
        for token, end in zip(self.arrays.many_tokens, self.arrays.many_ends, strict=True):
            yield token, self._opened(start, end)
            start = end


def pack_fixed(row: Row) -> bytes:
    """`FIXED` of a row."""
    tag = row.body_tag or _NO_TAG
    return FIXED.pack(row.version, row.epoch, row.tag, row.body_epoch, tag)
