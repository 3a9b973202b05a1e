"""The rows that were written recently, and their terms: the part of the index that changes.

Theory of operation: a token leads to the rows that have it: to the row's number itself while there
is one, to a compressed bitmap from two on. A ranged column is a sorted list of value and row number
joined in one integer, beside a bitmap of the rows that have the column.

This takes some kilobytes a row. So there are few rows here: it is frozen when it is full, another
takes its place, and what is frozen becomes a segment in the background (`segments.build`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyroaring import BitMap
from sortedcontainers import SortedList

from storage.query import Range
from storage.row import Row
from storage.tokens import split

_ROW_BITS: Final = 32
_BIAS: Final = 1 << 63  # makes signed values sort as unsigned ones
LEAST: Final = -_BIAS
GREATEST: Final = _BIAS - 1
_ROW_MASK: Final = (1 << _ROW_BITS) - 1
_NO_ENTRY: Final = -1  # less than every entry
_ROW_COST: Final = 8

Posting = int | BitMap


def _entry(value: int, number: int) -> int:
    """A value and a row number as one integer, which sorts by value first and then by row.

    One integer takes half the memory of a pair, and a sorted list compares it faster.
    """
    return (value + _BIAS) << _ROW_BITS | number


def clamp(condition: Range) -> tuple[int, int]:
    """The least and the greatest value that a condition covers; none where the first is greater."""
    low = LEAST if condition.low is None else max(condition.low, LEAST)
    high = GREATEST if condition.high is None else min(condition.high, GREATEST)
    return low, high


def _entries_of(condition: Range) -> tuple[int, int]:
    """The least and the greatest entry that a condition covers; none where the first is greater."""
    low, high = clamp(condition)
    return _entry(low, 0), _entry(high + 1, 0) - 1


class RecentColumn:
    """One ranged column; see `segments.part.Column`.

    A range without a least value (all that is due by now, say) may hold most rows and is asked for
    again and again with a bound that moves little. So the bitmap of the rows up to the bound asked
    for last is remembered, and moved to the next bound by the rows between the two.

    Attributes:
        present: the rows that have a value in it.
        values: an entry for each of them, value and row number joined, ascending.
    """

    __slots__ = ("_reached", "_reached_entry", "_values_of", "present", "values")
    row_cost = _ROW_COST
    rate = 1

    def __init__(self) -> None:
        self.present = BitMap()
        self.values: Any = SortedList()
        self._values_of: dict[int, int] = {}
        self._reached = BitMap()  # the rows of all entries up to `_reached_entry`
        self._reached_entry = _NO_ENTRY

    def add(self, value: int, number: int) -> None:
        """Enter a row's value."""
        entry = _entry(value, number)
        self.values.add(entry)
        self.present.add(number)
        self._values_of[number] = value
        if entry <= self._reached_entry:
            self._reached.add(number)

    def remove(self, value: int, number: int) -> None:
        """Take a row's value out again."""
        self.values.remove(_entry(value, number))
        self.present.remove(number)
        del self._values_of[number]
        self._reached.discard(number)

    def value(self, number: int) -> int | None:
        """See `Column`."""
        return self._values_of.get(number)

    def reach(self, high: int, most: int) -> bool:
        """See `Column`."""
        high = max(LEAST - 1, min(high, GREATEST))
        target = _entry(high + 1, 0) - 1
        if target == self._reached_entry:
            return True
        at: int = self.values.bisect_right(self._reached_entry)
        to: int = self.values.bisect_right(target)
        start, stop = (at, min(to, at + most)) if at <= to else (max(to, at - most), at)
        moved = list(self.values.islice(start, stop))
        rows = [entry & _ROW_MASK for entry in moved]
        if at <= to:
            self._reached.update(rows)
        else:
            self._reached.difference_update(BitMap(rows))
        is_there = stop - start == abs(to - at)
        self._reached_entry = target if is_there else moved[-1] if at < to else moved[0] - 1
        return is_there

    def up_to(self, high: int) -> BitMap:
        """See `Column`."""
        self.reach(high, len(self.values))
        return self._reached

    def bounds(self, condition: Range) -> tuple[int, int]:
        """See `Column`."""
        first, last = _entries_of(condition)
        return self.values.bisect_left(first), self.values.bisect_right(last)

    def pieces(self, condition: Range, size: int) -> Iterator[BitMap]:
        """See `Column`; it may change in between."""
        first, last = _entries_of(condition)
        after = first - 1
        while True:
            at = self.values.bisect_right(after)
            stop = min(at + size, self.values.bisect_right(last))
            piece = list(self.values.islice(at, stop))
            if not piece:
                return
            after = piece[-1]
            yield BitMap([entry & _ROW_MASK for entry in piece])


class Recent:
    """Rows written recently; see `segments.part.Part`.

    Attributes:
        live: the rows that it has.
        rows: by number; those that were lost after it was frozen are still there.
        is_fixed: whether it is frozen.
    """

    def __init__(self) -> None:
        self.live = BitMap()
        self.rows: dict[int, Row] = {}
        self.is_fixed = False
        self._names: dict[bytes, int] = {}
        self._postings: dict[int, Posting] = {}
        self._columns: dict[bytes, RecentColumn] = {}

    def __len__(self) -> int:
        return len(self.live)

    def freeze(self) -> None:
        """Change no more but by losing rows."""
        self.is_fixed = True

    def find(self, name: bytes, hashed: int) -> Row | None:
        """See `Part`."""
        number = self._names.get(name)
        return None if number is None or number not in self.live else self.rows[number]

    def row(self, number: int) -> Row:
        """See `Part`."""
        return self.rows[number]

    def names(self, numbers: Iterable[int]) -> list[bytes]:
        """See `Part`."""
        rows = self.rows
        return [rows[number].name for number in numbers]

    def posting(self, token: int) -> Posting | None:
        """See `Part`."""
        return self._postings.get(token)

    def column(self, name: bytes) -> RecentColumn | None:
        """See `Part`."""
        return self._columns.get(name)

    @property
    def columns(self) -> Iterable[bytes]:
        """The names of the columns in which a row has, or has had, a value."""
        return self._columns

    def knows(self, tag: bytes, *, of_body: bool) -> bool:
        """See `Part`."""
        rows = self.rows.values()
        return any(tag == (row.body_tag if of_body else row.tag) for row in rows)

    def add(self, number: int, row: Row) -> None:
        """Enter a row."""
        self.rows[number] = row
        self._names[row.name] = number
        self.live.add(number)
        for token in split(row.tokens):
            self._add_token(token, number)
        self._add_ranged(number, row)

    def replace(self, number: int, new: Row) -> None:
        """Enter a row in the place of another of the same name."""
        old, self.rows[number] = self.rows[number], new
        if old.tokens != new.tokens:
            before, after = set(split(old.tokens)), set(split(new.tokens))
            for token in before - after:
                self._remove_token(token, number)
            for token in after - before:
                self._add_token(token, number)
        if old.ranged != new.ranged:
            self._remove_ranged(number, old)
            self._add_ranged(number, new)

    def discard(self, number: int) -> None:
        """See `Part`."""
        self.live.remove(number)
        if self.is_fixed:
            return
        row = self.rows.pop(number)
        del self._names[row.name]
        for token in split(row.tokens):
            self._remove_token(token, number)
        self._remove_ranged(number, row)

    def _add_token(self, token: int, number: int) -> None:
        posting = self._postings.get(token)
        if posting is None:
            self._postings[token] = number
        elif isinstance(posting, int):
            self._postings[token] = BitMap((posting, number))
        else:
            posting.add(number)

    def _remove_token(self, token: int, number: int) -> None:
        posting = self._postings[token]
        if isinstance(posting, int):
            del self._postings[token]
            return
        posting.remove(number)
        if len(posting) == 1:
            self._postings[token] = posting[0]

    def _add_ranged(self, number: int, row: Row) -> None:
        for name, value in row.ranged:
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = RecentColumn()
            column.add(value, number)

    def _remove_ranged(self, number: int, row: Row) -> None:
        for name, value in row.ranged:
            self._columns[name].remove(value, number)
