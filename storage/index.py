"""The resident index: which records have which terms, in memory only.

Theory of operation: every row has a number, given in order of creation. A token (`tokens`) leads to
the rows that have it: to the row's number itself while there is one, to a compressed bitmap from
two on. A ranged column is a sorted list of value and row number joined in one integer, beside a
bitmap of the rows that have the column. A query starts from its smallest part and narrows it by
the others, so it costs about what its smallest part holds; newest first is the result bitmap read
from its end.

A range with a least value is looked at entry by entry, or row by row where fewer rows are left, and
in pieces (`search`).

A range without a least value (all that is due by now, say) may hold most rows and is asked for
again and again with a bound that moves little. So each column remembers the bitmap of its rows up
to the bound asked for last, and moves it to the next bound by the rows between the two. Where those
are many, the caller has them moved in pieces (`Index.prepare`) and does something else in between.

Leakage: none to the back end, which is not asked. Whoever reads this process's memory reads
everything.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple

from pyroaring import BitMap
from sortedcontainers import SortedList

from storage.query import Query, Range, is_long
from storage.search import Search
from storage.tokens import Tokens, split

MAX_ROW: Final = 1 << 32  # row numbers are 32 bits in a bitmap
_ROW_BITS: Final = 32
_BIAS: Final = 1 << 63  # makes signed values sort as unsigned ones
_LEAST: Final = -_BIAS
_GREATEST: Final = _BIAS - 1
_ROW_MASK: Final = MAX_ROW - 1
_NO_ENTRY: Final = -1  # less than every entry

Posting = int | BitMap


def _entry(value: int, row: int) -> int:
    """A value and a row number as one integer, which sorts by value first and then by row.

    One integer takes half the memory of a pair, and a sorted list compares it faster.
    """
    return (value + _BIAS) << _ROW_BITS | row


def _entries_of(condition: Range) -> tuple[int, int]:
    """The least and the greatest entry that a condition covers; none where the first is greater."""
    low = _LEAST if condition.low is None else max(condition.low, _LEAST)
    high = _GREATEST if condition.high is None else min(condition.high, _GREATEST)
    return _entry(low, 0), _entry(high + 1, 0) - 1


class Row:
    """What stays in memory of one record.

    Attributes:
        name: of the record.
        version: of the record.
        serial: creation sequence number, which only grows.
        epoch: of the key its meta blob is sealed under.
        tag: of its meta blob, 16 bytes.
        body_epoch: of the key its body is sealed under; 0: no body.
        body_tag: of its body's blob, 16 bytes; empty without one.
        tokens: of its exact terms, sorted and joined.
        ranged: column number, value, column number, value, ...
        number: in the index; set there.
    """

    __slots__ = (
        "body_epoch",
        "body_tag",
        "epoch",
        "name",
        "number",
        "ranged",
        "serial",
        "tag",
        "tokens",
        "version",
    )

    def __init__(
        self,
        name: bytes,
        version: int,
        serial: int,
        epoch: int,
        tag: bytes,
        body_epoch: int,
        body_tag: bytes,
        tokens: bytes,
        ranged: tuple[int, ...],
    ) -> None:
        self.name = name
        self.version = version
        self.serial = serial
        self.epoch = epoch
        self.tag = tag
        self.body_epoch = body_epoch
        self.body_tag = body_tag
        self.tokens = tokens
        self.ranged = ranged
        self.number = -1


class Column:
    """One ranged column.

    Attributes:
        number: of the column.
        present: the rows that have a value in it.
        values: an entry for each of them, value and row number joined, ascending.
    """

    __slots__ = ("_reached", "_reached_entry", "number", "present", "values")

    def __init__(self, number: int) -> None:
        self.number = number
        self.clear()

    def clear(self) -> None:
        """Take out everything."""
        self.present = BitMap()
        self.values: Any = SortedList()
        self._reached = BitMap()  # the rows of all entries up to `_reached_entry`
        self._reached_entry = _NO_ENTRY

    def add(self, value: int, row: int) -> None:
        """Enter a row's value."""
        entry = _entry(value, row)
        self.values.add(entry)
        self.present.add(row)
        if entry <= self._reached_entry:
            self._reached.add(row)

    def extend(self, entries: Sequence[int]) -> None:
        """Enter many rows' values, as `_entry` joins them."""
        self.values.update(entries)
        self.present.update([entry & _ROW_MASK for entry in entries])
        last = self._reached_entry
        self._reached.update([entry & _ROW_MASK for entry in entries if entry <= last])

    def remove(self, value: int, row: int) -> None:
        """Take a row's value out again."""
        self.values.remove(_entry(value, row))
        self.present.remove(row)
        self._reached.discard(row)

    def reach(self, high: int, most: int) -> bool:
        """Move `reached` to the rows with a value up to `high`, by `most` rows at most.

        Returns:
            Whether it is there.
        """
        high = max(_LEAST - 1, min(high, _GREATEST))
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
        """The rows with a value up to `high`: good until the next call, and not to be changed."""
        self.reach(high, len(self.values))
        return self._reached

    def bounds(self, condition: Range) -> tuple[int, int]:
        """The first position within the bounds, and the first beyond them."""
        first, last = _entries_of(condition)
        return self.values.bisect_left(first), self.values.bisect_right(last)

    def pieces(self, condition: Range, size: int) -> Iterator[BitMap]:
        """The rows that a condition covers, some at a time; the column may change in between."""
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

    def value(self, row: Row) -> int | None:
        """The row's value in this column."""
        ranged = row.ranged
        for at in range(0, len(ranged), 2):
            if ranged[at] == self.number:
                return ranged[at + 1]
        return None


class _Part(NamedTuple):
    """One condition of a query: how many rows meet it at most, and how to narrow a result by it."""

    size: int
    narrow: Callable[[BitMap | None], BitMap]


class Index:
    """Rows by their terms."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._postings: dict[bytes, Posting] = {}
        self._columns: dict[bytes, Column] = {}
        self._columns_by_number: list[Column] = []
        self._rows: dict[int, Row] = {}
        self._all = BitMap()
        self._next = 0
        self._max_row = MAX_ROW
        self._watching: list[BitMap] = []

    def __len__(self) -> int:
        return len(self._rows)

    def tokens(self, exact: Iterable[bytes]) -> bytes:
        """`Row.tokens` for these exact terms."""
        return self._tokens.pack(exact)

    def ranged(self, ranged: Mapping[bytes, int]) -> tuple[int, ...]:
        """`Row.ranged` for these ranged terms; sorted, so that equal terms give equal tuples."""
        numbered = sorted((self._column(name).number, value) for name, value in ranged.items())
        return tuple(item for pair in numbered for item in pair)

    def _column(self, name: bytes) -> Column:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = Column(len(self._columns_by_number))
            self._columns_by_number.append(column)
        return column

    def add(self, row: Row) -> None:
        """Enter a row as the newest."""
        if self._next == self._max_row:
            self._renumber()
        row.number = number = self._next
        self._next += 1
        self._rows[number] = row
        self._all.add(number)
        for token in split(row.tokens):
            self._add_token(token, number)
        self._add_ranged(row)
        self._touch(number)

    def extend(self, rows: Iterable[Row]) -> None:
        """Enter many rows, the oldest first: as `add` for each, but faster."""
        gathered: dict[bytes, list[int]] = {}
        values: list[list[int]] = [[] for _ in self._columns_by_number]
        first = self._next
        for number, row in enumerate(rows, first):
            row.number = number
            self._rows[number] = row
            for token in split(row.tokens):
                gathered.setdefault(token, []).append(number)
            ranged = row.ranged
            for at in range(0, len(ranged), 2):
                values[ranged[at]].append(_entry(ranged[at + 1], number))
        self._next = first + len(self._rows) - len(self._all)  # `_all` lacks the new rows yet
        self._all |= BitMap(range(first, self._next))
        for touched in self._watching:
            touched.update(range(first, self._next))
        self._merge(gathered, values)

    def _merge(self, gathered: dict[bytes, list[int]], values: list[list[int]]) -> None:
        postings = self._postings
        for token, numbers in gathered.items():
            posting = postings.get(token)
            if isinstance(posting, BitMap):
                posting.update(numbers)
                continue
            if posting is not None:
                numbers.append(posting)
            postings[token] = numbers[0] if len(numbers) == 1 else BitMap(numbers)
        for column, entries in zip(self._columns_by_number, values, strict=True):
            column.extend(entries)

    def replace(self, old: Row, new: Row) -> None:
        """Enter a row in the place of another; it keeps its age."""
        new.number = number = old.number
        self._rows[number] = new
        self._touch(number)
        if old.tokens != new.tokens:
            before, after = set(split(old.tokens)), set(split(new.tokens))
            for token in before - after:
                self._remove_token(token, number)
            for token in after - before:
                self._add_token(token, number)
        if old.ranged != new.ranged:
            self._remove_ranged(old)
            self._add_ranged(new)

    def remove(self, row: Row) -> None:
        """Take a row out."""
        del self._rows[row.number]
        self._all.remove(row.number)
        self._touch(row.number)
        for token in split(row.tokens):
            self._remove_token(token, row.number)
        self._remove_ranged(row)

    def _add_token(self, token: bytes, number: int) -> None:
        posting = self._postings.get(token)
        if posting is None:
            self._postings[token] = number
        elif isinstance(posting, int):
            self._postings[token] = BitMap((posting, number))
        else:
            posting.add(number)

    def _remove_token(self, token: bytes, number: int) -> None:
        posting = self._postings[token]
        if isinstance(posting, int):
            del self._postings[token]
            return
        posting.remove(number)
        if len(posting) == 1:
            self._postings[token] = posting[0]

    def _add_ranged(self, row: Row) -> None:
        ranged = row.ranged
        for at in range(0, len(ranged), 2):
            self._columns_by_number[ranged[at]].add(ranged[at + 1], row.number)

    def _remove_ranged(self, row: Row) -> None:
        ranged = row.ranged
        for at in range(0, len(ranged), 2):
            self._columns_by_number[ranged[at]].remove(ranged[at + 1], row.number)

    def _renumber(self) -> None:
        """Close the gaps that removed rows left, so that numbers fit in 32 bits again."""
        rows = [self._rows[number] for number in self._all]
        for touched in self._watching:
            touched.update(self._all)
        self._postings.clear()
        self._rows.clear()
        self._all.clear()
        for column in self._columns_by_number:
            column.clear()
        self._next = 0
        self.extend(rows)

    def prepare(self, query: Query, most: int) -> bool:
        """Do a piece of what a search by this query would otherwise do at once.

        Args:
            query: the query.
            most: rows to look at.

        Returns:
            Whether nothing is left to prepare; call it again otherwise.
        """
        highs = {  # one for each column: of two, each would undo what the other has moved
            condition.column: condition.high
            for condition in (*query.ranges, *query.outside)
            if condition.low is None and condition.high is not None
        }
        for name, high in highs.items():
            column = self._columns.get(name)
            if column is not None and not column.reach(high, most):
                return False
        return True

    def search(self, query: Query, without: Iterable[Row] = ()) -> tuple[list[bytes], int]:
        """The names of the rows found, newest first, after offset and limit; how many in all.

        Args:
            query: the query.
            without: rows that are not to be found.
        """
        search = Search(self, query, lambda: BitMap([row.number for row in without]))
        for _ in search.steps():
            pass
        return search.names, search.total

    @contextmanager
    def watched(self, touched: BitMap) -> Iterator[None]:
        """Note in `touched` the rows that come, change or go while the block lasts."""
        self._watching.append(touched)
        try:
            yield
        finally:
            self._watching = [one for one in self._watching if one is not touched]

    def _touch(self, number: int) -> None:
        for touched in self._watching:
            touched.add(number)

    def name(self, number: int) -> bytes:
        """Of a row."""
        return self._rows[number].name

    def select_short(self, query: Query) -> BitMap:
        """The rows that meet a query apart from its long conditions (`search.is_long`)."""
        parts: list[_Part] = []
        for part in self._parts(query):
            if part.size == 0:
                return BitMap()
            parts.append(part)
        parts.sort(key=lambda part: part.size)
        found: BitMap | None = None
        for part in parts:
            found = part.narrow(found)
            if not found:
                return found
        kept = self._all.copy() if found is None else found
        for posting in self._postings_of(query.none_of):
            kept = kept - _bitmap(posting)
        for condition in query.outside:
            if not is_long(condition):
                kept = kept - self._up_to(condition).narrow(kept)
        return kept

    def column(self, name: bytes) -> Column | None:
        """A ranged column, if any row has a value in it."""
        return self._columns.get(name)

    def within(self, column: Column, condition: Range, numbers: Iterable[int]) -> BitMap:
        """Those of the rows, of which some may be gone, that a condition on a column covers."""
        rows = [row for number in numbers if (row := self._rows.get(number)) is not None]
        return BitMap([row.number for row in rows if condition.covers(column.value(row))])

    def meeting(self, query: Query, numbers: BitMap) -> BitMap:
        """Those of a few rows that meet a query now."""
        found = numbers & self._all
        for group in query.all_of:
            found = found & self._exact(group).narrow(found)
        for posting in self._postings_of(query.none_of):
            found = found - _bitmap(posting)
        for conditions, are_kept in ((query.ranges, True), (query.outside, False)):
            for condition in conditions:
                column = self._columns.get(condition.column)
                covered = self.within(column, condition, found) if column else BitMap()
                found = found & covered if are_kept else found - covered
        return found

    def _parts(self, query: Query) -> Iterator[_Part]:
        for group in query.all_of:
            yield self._exact(group)
        for condition in query.ranges:
            if not is_long(condition):
                yield self._up_to(condition)

    def _postings_of(self, terms: Iterable[bytes]) -> list[Posting]:
        get, token = self._postings.get, self._tokens.token
        return [posting for term in terms if (posting := get(token(term))) is not None]

    def _exact(self, group: frozenset[bytes]) -> _Part:
        postings = self._postings_of(group)
        size = sum(1 if isinstance(one, int) else len(one) for one in postings)

        def narrow(found: BitMap | None) -> BitMap:
            if len(postings) == 1:
                return _bitmap(postings[0]) if found is None else found & _bitmap(postings[0])
            if found is None:
                return BitMap.union(*map(_bitmap, postings))
            return BitMap.union(*[found & _bitmap(one) for one in postings])

        return _Part(size, narrow)

    def _up_to(self, condition: Range) -> _Part:
        """A condition without a least value."""
        column = self._columns.get(condition.column)
        if column is None:
            return _Part(0, lambda _: BitMap())
        if condition.high is None:
            present = column.present
            return _Part(
                len(present), lambda found: present.copy() if found is None else found & present
            )
        _, stop = column.bounds(condition)
        up_to = partial(column.up_to, condition.high)
        return _Part(stop, lambda found: up_to().copy() if found is None else found & up_to())


def _bitmap(posting: Posting) -> BitMap:
    return BitMap((posting,)) if isinstance(posting, int) else posting
