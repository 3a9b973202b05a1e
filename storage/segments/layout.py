"""A segment as bytes, and bytes as a segment.

Theory of operation: the arrays lie one after the other, each from a multiple of eight bytes on, in
the order of their bytes that processors have today: the lowest first. So those that were read are
used where they lie, and nothing is copied or parsed. A machine of the other order neither writes
segments nor reads them (`IS_USABLE`); it reads the records instead.

    bytes  what, integers with the lowest byte first
    4      format, 1
    4      number of columns
    8      base of the serials
    8      number of rows r
    8      length of the names
    8      number of few tokens f
    8      number of many tokens m
    8      length of the bitmaps
    then for each column 4 length of its name, 4 length of its bitmap, 8 number of its values v;
    and its name
    then numbers 4 r; `FIXED` 42 r; name ends 4 r; names; hashes 4 r; their numbers 4 r; few tokens
    8 f; their numbers 4 f; many tokens 8 m; bitmap ends 8 m; bitmaps
    then for each column its bitmap; values 8 v; numbers 4 v; places 4 v

What is read was authenticated before. Lengths are compared all the same, so that a segment of
another format is refused and not misread.
"""

import struct
import sys
from collections.abc import Iterator
from typing import Final, Literal

from pyroaring import BitMap

from storage.segments.segment import FIXED, Arrays, ColumnArrays

FORMAT: Final = 1
IS_USABLE: Final = sys.byteorder == "little"
"""Whether this machine can use the layout."""

_HEAD: Final = struct.Struct("<IIQQQQQQ")
_COLUMN: Final = struct.Struct("<IIQ")
_UNIT: Final = 8


def parts(arrays: Arrays) -> Iterator[memoryview]:
    """A segment in parts that follow one another."""
    columns = [
        (name, column, column.present.serialize()) for name, column in arrays.columns.items()
    ]
    head = _HEAD.pack(
        FORMAT,
        len(columns),
        arrays.base,
        len(arrays.numbers),
        len(arrays.names),
        len(arrays.few_tokens),
        len(arrays.many_tokens),
        len(arrays.many),
    )
    yield from _whole(memoryview(head))
    for name, column, present in columns:
        yield memoryview(_COLUMN.pack(len(name), len(present), len(column.values)))
        yield from _whole(memoryview(name))
    for part in arrays.of_rows:
        yield from _whole(memoryview(part))
    for _, column, present in columns:
        yield from _whole(memoryview(present))
        for column_part in (column.values, column.numbers, column.places):
            yield from _whole(memoryview(column_part))


def _whole(part: memoryview) -> Iterator[memoryview]:
    """A part, and zeros up to where the next one begins."""
    yield part.cast("B")
    yield memoryview(bytes(-part.nbytes % _UNIT))


class _Reader:
    """Takes arrays from bytes, one after the other."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> memoryview:
        end = self._at + length
        if end > len(self._data):
            raise ValueError("a segment is cut short")
        taken = self._data[self._at : end]
        self._at = end + -end % _UNIT
        return taken

    def integers(self, form: Literal["I", "Q", "q"], count: int) -> memoryview:
        return self.take(count * struct.calcsize(form)).cast(form)


def arrays_of(data: bytearray) -> Arrays:
    """The arrays of a segment; they stay where they are in `data`.

    Raises:
        ValueError: it is of another format, or cut short.
    """
    reader = _Reader(memoryview(data).toreadonly())
    head = _HEAD.unpack(reader.take(_HEAD.size))
    form, count, base, rows, names, few, many, bitmaps = head
    if form != FORMAT:
        raise ValueError("a segment is of another format")
    columns = []
    for _ in range(count):
        length, present, values = _COLUMN.unpack(reader.take(_COLUMN.size))
        columns.append((bytes(reader.take(length)), present, values))
    return Arrays(
        base=base,
        numbers=reader.integers("I", rows),
        fixed=reader.take(rows * FIXED.size),
        name_ends=reader.integers("I", rows),
        names=reader.take(names),
        hashes=reader.integers("I", rows),
        hash_numbers=reader.integers("I", rows),
        few_tokens=reader.integers("Q", few),
        few_numbers=reader.integers("I", few),
        many_tokens=reader.integers("Q", many),
        many_ends=reader.integers("Q", many),
        many=reader.take(bitmaps),
        columns={name: _column(reader, present, values) for name, present, values in columns},
    )


def _column(reader: _Reader, present: int, values: int) -> ColumnArrays:
    return ColumnArrays(
        present=BitMap.deserialize(bytes(reader.take(present))),
        values=reader.integers("q", values),
        numbers=reader.integers("I", values),
        places=reader.integers("I", values),
    )
