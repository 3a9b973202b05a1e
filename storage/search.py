"""One search of the index, in pieces, so that others have their turn in between.

Theory of operation: terms, and ranges without a least value, are bitmaps that are there already and
are joined at once. A range with a least value is not: its entries, or the rows that are left, are
looked at one by one, and a client may have any number of them. So that is done in pieces. Rows that
come, change or go meanwhile are noted, and at the end these few are looked at again, so that the
answer is that of its last moment.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Final, Protocol

from pyroaring import BitMap

from storage.query import Query, Range, is_long

PIECE: Final = 1 << 13  # entries that are looked at in one turn: a millisecond or two
_ROW_COST: Final = 8  # of looking at a row, in entries


class Indexed(Protocol):
    """What a search asks of the index; see `storage.index.Index`."""

    def watched(self, touched: BitMap) -> AbstractContextManager[None]:
        """Note the rows that are touched."""

    def name(self, number: int) -> bytes:
        """Of a row."""

    def select_short(self, query: Query) -> BitMap:
        """The rows that meet the query apart from its long conditions."""

    def column(self, name: bytes) -> Any:
        """A ranged column."""

    def within(self, column: Any, condition: Range, numbers: Iterable[int]) -> BitMap:
        """Those of the rows that a condition covers."""

    def meeting(self, query: Query, numbers: BitMap) -> BitMap:
        """Those of the rows that meet the query."""


class Search:
    """One search.

    Args:
        index: is searched, and may change between two steps.
        query: what is searched for.
        without: gives the numbers of rows that are not to be found, at the end of the search.
        piece: how many entries of a column are looked at in one step.

    Attributes:
        names: of the rows found, newest first, after offset and limit; once all steps are done.
        total: how many were found.
    """

    def __init__(
        self,
        index: Indexed,
        query: Query,
        without: Callable[[], BitMap] = BitMap,
        piece: int = PIECE,
    ) -> None:
        self._index = index
        self._query = query
        self._without = without
        self._piece = piece
        self.names: list[bytes] = []
        self.total = 0

    def steps(self) -> Generator[None, None, None]:
        """Search; gives up its turn after each piece."""
        query, touched = self._query, BitMap()
        with self._index.watched(touched):
            found = self._index.select_short(query)
            if any(map(is_long, (*query.ranges, *query.outside))):
                found = found.copy()  # it may be the index's own
            for condition in filter(is_long, query.ranges):
                found = found & (yield from self._within(condition, found))
            for condition in filter(is_long, query.outside):
                found = found - (yield from self._within(condition, found))
        if touched:
            found = (found - touched) | self._index.meeting(query, touched)
        excluded = self._without()
        self._take(found - excluded if excluded else found)

    def _within(self, condition: Range, found: BitMap) -> Generator[None, None, BitMap]:
        """At least those of the rows found that a condition covers."""
        column = self._index.column(condition.column)
        if column is None or not found:
            return BitMap()
        covered = BitMap()
        first, stop = column.bounds(condition)
        if stop - first <= len(found) * _ROW_COST:
            for rows in column.pieces(condition, self._piece):
                covered |= rows
                yield
            return covered
        numbers = iter(found)
        while piece := list(islice(numbers, max(1, self._piece // _ROW_COST))):
            covered |= self._index.within(column, condition, piece)
            yield
        return covered

    def _take(self, found: BitMap) -> None:
        query, self.total = self._query, len(found)
        stop = self.total - query.offset
        if stop <= 0:
            return
        start = 0 if query.limit is None else max(0, stop - query.limit)
        page = list(found if stop - start == self.total else found[start:stop])
        page.reverse()
        name: Callable[[int], bytes] = self._index.name
        self.names = [name(number) for number in page]
