"""What every part of the index can be asked, whether its rows were written recently or long ago.

Rows have a number in a part: the low 32 bits of their serial, as many as a bitmap has room for
(`storage.segments.era`). A part that does not change any more, or only loses rows, is *fixed*: its
postings and columns may name rows that it has no longer, and `live` tells which those are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pyroaring import BitMap

from storage.query import Range
from storage.row import Row


@dataclass(frozen=True, slots=True)
class Sizes:
    """What goes by size in an index.

    Attributes:
        number_bits: of a serial that are a row's number: as many as a bitmap has room for.
        most: rows written recently until they become a segment; they take some 4 MiB until then.
        few: rows that a token has a place for each of in a segment; a bitmap of more takes less.
        piece: entries that are sorted or copied in one turn: some milliseconds.
        larger: how many times the next a segment is, at least, for the two not to be merged.
    """

    number_bits: int = 32
    most: int = 1 << 11
    few: int = 64
    piece: int = 1 << 12
    larger: int = 4


class Column(Protocol):
    """The values of one ranged column in a part.

    Attributes:
        present: the numbers of the rows that have a value in it.
        row_cost: what it costs to look at the value of one row, in entries.
        rate: how many times the entries it looks at in a turn that were asked for.
    """

    @property
    def present(self) -> BitMap:
        """See above; not to be changed."""
        ...

    @property
    def row_cost(self) -> int:
        """See above."""
        ...

    @property
    def rate(self) -> int:
        """See above."""
        ...

    def bounds(self, condition: Range) -> tuple[int, int]:
        """The first entry, by value, within the bounds, and the first beyond them."""
        ...

    def reach(self, high: int, most: int) -> bool:
        """Make ready `up_to(high)` by looking at some `most` entries; whether it is."""
        ...

    def up_to(self, high: int) -> BitMap:
        """The rows with a value up to `high`: good until the next call, and not to be changed."""
        ...

    def pieces(self, condition: Range, size: int) -> Iterator[BitMap]:
        """The rows that a condition covers, some at a time."""
        ...

    def value(self, number: int) -> int | None:
        """The value of a row; None where it has none."""
        ...


class Part(Protocol):
    """Some rows and what leads to them.

    Attributes:
        live: the numbers of the rows that it has.
        is_fixed: see above.
    """

    @property
    def live(self) -> BitMap:
        """See above; not to be changed."""
        ...

    @property
    def is_fixed(self) -> bool:
        """See above."""
        ...

    def find(self, name: bytes, hashed: int) -> Row | None:
        """The row of a name.

        Args:
            name: the name.
            hashed: its token.
        """
        ...

    def row(self, number: int) -> Row:
        """The row of a number that is live."""
        ...

    def names(self, numbers: Iterable[int]) -> list[bytes]:
        """The names of rows, in the order of the numbers."""
        ...

    def posting(self, token: int) -> int | BitMap | None:
        """The rows that have a token: a number, or a bitmap that is not to be changed."""
        ...

    def column(self, name: bytes) -> Column | None:
        """A ranged column, if any row has a value in it."""
        ...

    def knows(self, tag: bytes, *, of_body: bool) -> bool:
        """Whether a row has, or has had, this tag: of its meta blob, or of its body's."""
        ...

    def discard(self, number: int) -> None:
        """Lose a row."""
        ...
