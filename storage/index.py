"""The resident index: which records have which terms, in memory.

Theory of operation: rows are found by name, by serial, and by tokens (`tokens`) in the place of
terms. Those written recently are in structures that change with each commit and take kilobytes a
row; all others are in segments, which are arrays that only lose rows (`segments`). Rows go from
the one to the other in the background, in pieces (`Index.settle`).

A query is answered by all parts, each of which goes by the same rules (`search`). Newest first is
by the serial, which orders the rows of every part.

Leakage: none to the back end, which is not asked. Whoever reads this process's memory reads
everything.
"""

from collections.abc import Collection, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from contextlib import contextmanager
from itertools import chain

from storage.query import Query
from storage.row import Row
from storage.search import Search
from storage.segments.build import built
from storage.segments.era import Era, rows_of
from storage.segments.part import Part, Sizes
from storage.segments.segment import Segment
from storage.tokens import Tokens

__all__ = ["Index", "Row", "Rows"]


class Index:
    """Rows by their names and their terms.

    Args:
        key: of the tokens, 32 bytes; None: a random one.
        sizes: what goes by size.

    Attributes:
        sizes: the same.
        eras: by the base of their serials.
        changes: how many rows have come, changed or gone.
    """

    def __init__(self, key: bytes | None = None, sizes: Sizes | None = None) -> None:
        self.eras: dict[int, Era] = {}
        self.changes = 0
        self._tokens = Tokens(key)
        self.sizes = Sizes() if sizes is None else sizes
        self._watching: list[set[int]] = []
        self._columns: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return sum(map(len, self.eras.values()))

    @property
    def key(self) -> bytes:
        """Of the tokens, 32 bytes."""
        return self._tokens.key

    def token(self, term: bytes) -> int:
        """The token of a term."""
        return self._tokens.token(term)

    def tokens(self, exact: Iterable[bytes]) -> bytes:
        """`Row.tokens` for these exact terms."""
        return self._tokens.pack(exact)

    def ranged(self, ranged: Mapping[bytes, int]) -> tuple[tuple[bytes, int], ...]:
        """`Row.ranged` for these ranged terms; sorted, so that equal terms give equal tuples."""
        shared = self._columns.setdefault
        return tuple(sorted((shared(name, name), value) for name, value in ranged.items()))

    def place(self, serial: int) -> tuple[int, int]:
        """The base of the era that a serial is of, and the number of its row there."""
        bits = self.sizes.number_bits
        base = serial >> bits << bits
        return base, serial - base

    def _era(self, serial: int) -> Era:
        base, _ = self.place(serial)
        era = self.eras.get(base)
        if era is None:
            era = self.eras[base] = Era(base, self._tokens.hash, self.sizes)
        return era

    def add(self, row: Row) -> None:
        """Enter a row whose name and serial no other has."""
        self._era(row.serial).add(row)
        self._touch(row.serial)

    def extend(self, rows: Iterable[Row]) -> None:
        """Enter many rows: as `add` for each."""
        for row in rows:
            self.add(row)

    def fill(self, rows: Collection[Row]) -> Iterator[None]:
        """Enter many rows as segments, in pieces.

        To be followed by `merge` once all are there.
        """
        by_era: dict[int, list[Row]] = {}
        for row in rows:
            by_era.setdefault(self.place(row.serial)[0], []).append(row)
        for base, some in by_era.items():
            era = self._era(base)
            era.segments.append((yield from built(some, base, self._tokens.hash, self.sizes)))

    def take(self, segment: Segment) -> None:
        """Enter the rows of a segment, which no other part has."""
        self._era(segment.arrays.base).segments.append(segment)

    def merge(self) -> Iterator[None]:
        """Make one segment of all there are."""
        for era in list(self.eras.values()):
            yield from era.merge()

    def replace(self, old: Row, new: Row) -> None:
        """Enter a row in the place of another of the same serial; it keeps its age."""
        self._era(old.serial).replace(new)
        self._touch(old.serial)

    def remove(self, row: Row) -> None:
        """Take a row out."""
        base, number = self.place(row.serial)
        self.eras[base].remove(number)
        self._touch(row.serial)

    def find(self, name: bytes) -> Row | None:
        """The row of a name, if there is one."""
        hashed = self._tokens.hash(name)
        for era in self.eras.values():
            for part in era.parts():
                row = part.find(name, hashed)
                if row is not None:
                    return row
        return None

    def rows(self, *, besides: int | None = None) -> Iterator[Row]:
        """All rows, in no order; those that come or go meanwhile may be among them or not.

        Args:
            besides: an epoch; rows that need no other key may be left out.
        """
        for parts in self.parts().values():
            for part in parts:
                if besides is None or not isinstance(part, Segment) or part.epochs - {besides}:
                    yield from rows_of(part)

    def knows(self, tag: bytes, *, of_body: bool) -> bool:
        """Whether a row has this tag, of 16 bytes, or has had it recently."""
        parts = chain.from_iterable(self.parts().values())
        return any(part.knows(tag, of_body=of_body) for part in parts)

    def parts(self) -> Mapping[int, Sequence[Part]]:
        """The parts of each era, by the base of its serials."""
        return {base: era.parts() for base, era in self.eras.items()}

    @property
    def is_full(self) -> bool:
        """Whether so many rows were written recently that `settle` is due."""
        return any(era.is_full for era in self.eras.values())

    @property
    def is_settled(self) -> bool:
        """Whether `settle` would do nothing."""
        return all(era.is_settled for era in self.eras.values())

    def settle(self) -> Iterator[None]:
        """Move rows from the part that changes to segments, and merge these; in pieces.

        Only one may be under way.
        """
        for era in list(self.eras.values()):
            yield from era.settle()

    def prepare(self, query: Query, most: int) -> bool:
        """Do a piece of what a search by this query would otherwise do at once.

        Args:
            query: the query.
            most: entries to look at.

        Returns:
            Whether nothing is left to prepare; call it again otherwise.
        """
        highs = {  # one for each column: of two, each would undo what the other has moved
            condition.column: condition.high
            for condition in (*query.ranges, *query.outside)
            if condition.low is None and condition.high is not None
        }
        if not highs:
            return True
        for parts in self.parts().values():
            for part in parts:
                for name, high in highs.items():
                    column = part.column(name)
                    if column is not None and not column.reach(high, most):
                        return False
        return True

    def search(self, query: Query, without: Iterable[Row] = ()) -> tuple[list[bytes], int]:
        """The names of the rows found, newest first, after offset and limit; how many in all.

        Args:
            query: the query.
            without: rows that are not to be found.
        """
        search = Search(self, query, lambda: [row.serial for row in without])
        for _ in search.steps():
            pass
        return search.names, search.total

    @contextmanager
    def watched(self, touched: set[int]) -> Iterator[None]:
        """Note in `touched` the serials of rows that come, change or go while the block lasts."""
        self._watching.append(touched)
        try:
            yield
        finally:
            self._watching = [one for one in self._watching if one is not touched]

    def _touch(self, serial: int) -> None:
        self.changes += 1
        for touched in self._watching:
            touched.add(serial)


class Rows(Mapping[bytes, Row]):
    """The rows of an index by name."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, name: bytes) -> Row:
        row = self._index.find(name)
        if row is None:
            raise KeyError(name)
        return row

    def get(self, name: bytes, default: object = None) -> Row | None:  # type: ignore[override]
        """The row of a name, if there is one."""
        return self._index.find(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and self._index.find(name) is not None

    def __iter__(self) -> Iterator[bytes]:
        return (row.name for row in self._index.rows())

    def items(self) -> ItemsView[bytes, Row]:
        """As of a dictionary; they are gathered at once."""
        return {row.name: row for row in self._index.rows()}.items()

    def values(self) -> ValuesView[Row]:
        """As of a dictionary; they are gathered at once."""
        return {row.name: row for row in self._index.rows()}.values()
