"""One search of the index, in pieces, so that others have their turn in between.

Theory of operation: a query is answered by each part of the index (`segments.part`), and what they
find is joined: no row is in two of them. Terms, and ranges without a least value, are bitmaps that
are there already and are joined at once. It starts from the smallest and is narrowed by the others,
so it costs about what its smallest condition holds. A range with a least value has no bitmap: its
entries, or the rows that are left, are looked at one by one, and a client may have any number of
them. So that is done in pieces. Rows that come, change or go meanwhile are noted, and at the end
these few are looked at again, so that the answer is that of its last moment.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, Protocol

from pyroaring import BitMap

from storage.query import Query, Range, is_long
from storage.segments.part import Column, Part

PIECE: Final = 1 << 13  # entries that are looked at in one turn: a millisecond or two
_NAMES: Final = 1 << 10  # names that are gathered in one turn: the same

Posting = int | BitMap


class Plan(NamedTuple):
    """A query whose terms are tokens.

    Attributes:
        all_of: as in `Query`.
        none_of: as in `Query`.
        ranges: as in `Query`.
        outside: as in `Query`.
    """

    all_of: tuple[tuple[int, ...], ...]
    none_of: tuple[int, ...]
    ranges: tuple[Range, ...]
    outside: tuple[Range, ...]

    @classmethod
    def of(cls, query: Query, token: Callable[[bytes], int]) -> "Plan":
        """The plan of a query."""
        groups = tuple(tuple(map(token, group)) for group in query.all_of)
        return cls(groups, tuple(map(token, query.none_of)), query.ranges, query.outside)


class Eras(Protocol):
    """What a search asks of the index; see `storage.index.Index`."""

    def watched(self, touched: set[int]) -> AbstractContextManager[None]:
        """Note the serials of the rows that are touched."""

    def token(self, term: bytes) -> int:
        """Of a term."""

    def parts(self) -> Mapping[int, Sequence[Part]]:
        """The parts of each era, by the base of its serials."""

    def place(self, serial: int) -> tuple[int, int]:
        """The base of the era that a serial is of, and the number of its row there."""


class Search:
    """One search.

    Args:
        index: is searched, and may change between two steps.
        query: what is searched for.
        without: gives the serials of rows that are not to be found, at the end of the search.
        piece: how many entries of a column are looked at in one step.

    Attributes:
        names: of the rows found, newest first, after offset and limit; once all steps are done.
        total: how many were found.
    """

    def __init__(
        self,
        index: Eras,
        query: Query,
        without: Callable[[], Iterable[int]] = tuple,
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
        index = self._index
        plan = Plan.of(self._query, index.token)
        touched: set[int] = set()
        found: dict[int, BitMap] = {}
        with index.watched(touched):
            # All at once: what was prepared may be undone as soon as others have their turn.
            short = [
                (base, part, select_short(part, plan))
                for base, parts in index.parts().items()
                for part in parts
                if part.live
            ]
            for base, part, rows in short:
                if rows:
                    rows = yield from self._select_long(part, plan, rows)
                    found[base] = found[base] | rows if base in found else rows
        now = index.parts()
        if touched:
            for base, rows in self._placed(touched).items():
                again = BitMap.union(BitMap(), *[meeting(part, plan, rows) for part in now[base]])
                found[base] = found.get(base, BitMap()) - rows | again
        for base, rows in self._placed(self._without()).items():
            found[base] = found.get(base, BitMap()) - rows
        yield from self._take(found, now)

    def _placed(self, serials: Iterable[int]) -> dict[int, BitMap]:
        placed: dict[int, BitMap] = {}
        for serial in serials:
            base, number = self._index.place(serial)
            placed.setdefault(base, BitMap()).add(number)
        return placed

    def _select_long(self, part: Part, plan: Plan, found: BitMap) -> Generator[None, None, BitMap]:
        for condition in filter(is_long, plan.ranges):
            found = found & (yield from self._within(part, condition, found))
        for condition in filter(is_long, plan.outside):
            found = found - (yield from self._within(part, condition, found))
        return found

    def _within(self, part: Part, condition: Range, found: BitMap) -> Generator[None, None, BitMap]:
        """At least those of the rows found that a condition covers."""
        column = part.column(condition.column)
        covered = BitMap()
        if column is None or not found:
            return covered
        first, stop = column.bounds(condition)
        if stop - first <= len(found) * column.row_cost:
            for rows in column.pieces(condition, self._piece):
                covered |= rows
                yield
            return covered
        numbers = iter(found)
        share = max(1, self._piece * column.rate // column.row_cost)
        while piece := list(islice(numbers, share)):
            covered |= within(column, condition, piece)
            yield
        return covered

    def _take(
        self, found: Mapping[int, BitMap], now: Mapping[int, Sequence[Part]]
    ) -> Generator[None, None, None]:
        """Have the names and the total of what was found in the parts that are there now."""
        offset, limit = self._query.offset, self._query.limit
        self.total = sum(map(len, found.values()))
        for base in sorted(found, reverse=True):
            rows = found[base]
            stop = len(rows) - offset
            offset = max(0, -stop)
            if stop <= 0:
                continue
            start = 0 if limit is None else max(0, stop - limit)
            limit = None if limit is None else limit - (stop - start)
            page = rows if stop - start == len(rows) else rows[start:stop]
            self.names += yield from _names(now[base], page)


def _names(parts: Sequence[Part], page: BitMap) -> Generator[None, None, list[bytes]]:
    """The names of rows, newest first."""
    names: dict[int, bytes] = {}
    # Parts that still change come first, before others have their turn.
    due = [(part, page & part.live) for part in sorted(parts, key=lambda part: part.is_fixed)]
    for part, mine in due:
        numbers = iter(mine)
        while piece := list(islice(numbers, _NAMES)):
            if len(names) >= _NAMES and part.is_fixed:
                yield
            names.update(zip(piece, part.names(piece), strict=True))
    return [names[number] for number in reversed(list(page))]


class _Condition(NamedTuple):
    """A condition of a query in one part: how many rows meet it at most, and how it narrows."""

    size: int
    narrow: Callable[[BitMap | None], BitMap]


def select_short(part: Part, plan: Plan) -> BitMap:
    """The rows of a part that meet a query apart from its long conditions."""
    conditions: list[_Condition] = []
    for condition in _conditions(part, plan):
        if condition.size == 0:
            return BitMap()
        conditions.append(condition)
    conditions.sort(key=lambda condition: condition.size)
    found: BitMap | None = None
    for condition in conditions:
        found = condition.narrow(found)
        if not found:
            return BitMap()
    found = part.live.copy() if found is None else found & part.live
    for posting in _postings(part, plan.none_of):
        found = found - _bitmap(posting)
    for outside in plan.outside:
        if not is_long(outside):
            found = found - _up_to(part, outside).narrow(found)
    return found


def within(column: Column, condition: Range, numbers: Iterable[int]) -> BitMap:
    """Those of the rows that a condition on a column covers."""
    return BitMap([number for number in numbers if condition.covers(column.value(number))])


def meeting(part: Part, plan: Plan, numbers: BitMap) -> BitMap:
    """Those of a few rows that a part has and that meet a query."""
    found = numbers & part.live
    for group in plan.all_of:
        found = found & _exact(part, group).narrow(found)
    for posting in _postings(part, plan.none_of):
        found = found - _bitmap(posting)
    for conditions, are_kept in ((plan.ranges, True), (plan.outside, False)):
        for condition in conditions:
            column = part.column(condition.column)
            covered = within(column, condition, found) if column else BitMap()
            found = found & covered if are_kept else found - covered
    return found


def _conditions(part: Part, plan: Plan) -> Iterable[_Condition]:
    for group in plan.all_of:
        yield _exact(part, group)
    for condition in plan.ranges:
        if not is_long(condition):
            yield _up_to(part, condition)


def _postings(part: Part, tokens: Iterable[int]) -> list[Posting]:
    return [posting for token in tokens if (posting := part.posting(token)) is not None]


def _exact(part: Part, group: Iterable[int]) -> _Condition:
    postings = _postings(part, group)
    size = sum(1 if isinstance(one, int) else len(one) for one in postings)

    def narrow(found: BitMap | None) -> BitMap:
        if len(postings) == 1:
            return _bitmap(postings[0]) if found is None else found & _bitmap(postings[0])
        if found is None:
            return BitMap.union(BitMap(), *map(_bitmap, postings))
        return BitMap.union(BitMap(), *[found & _bitmap(one) for one in postings])

    return _Condition(size, narrow)


def _up_to(part: Part, condition: Range) -> _Condition:
    """A condition without a least value."""
    column = part.column(condition.column)
    if column is None:
        return _Condition(0, lambda _: BitMap())
    if condition.high is None:
        present = column.present
        return _Condition(len(present), lambda found: present if found is None else found & present)
    _, stop = column.bounds(condition)
    up_to = partial(column.up_to, condition.high)
    return _Condition(stop, lambda found: up_to().copy() if found is None else found & up_to())


def _bitmap(posting: Posting) -> BitMap:
    return BitMap((posting,)) if isinstance(posting, int) else posting
