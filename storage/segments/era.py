"""The rows of 2**32 serials, and how segments of them become fewer and larger.

Theory of operation: a bitmap has room for numbers of 32 bits, and serials have 64. So a row's
number is the lower half of its serial, and rows whose upper halves differ are apart, in another
*era*. Four thousand million objects have to be made before there is a second one.

What is written goes to `recent`, and what it replaces is lost where it was: so each row is live in
exactly one part. When `recent` is full it is frozen, and becomes a segment. A segment is merged
with all smaller ones once these have a quarter of its rows together (`Sizes.larger`); so there are
few of them, and a row is merged some times for each, seldom. All of it is done in pieces, and what
others do meanwhile is not held up: parts change by losing rows only, and what is made of them
takes their place at once, without what they have lost.
"""

from collections.abc import Callable, Iterator, Sequence

from pyroaring import BitMap

from storage.row import Row
from storage.segments.build import Steps, built, merged
from storage.segments.part import Part, Sizes
from storage.segments.recent import Recent
from storage.segments.segment import Segment


class Era:
    """Rows whose serials have one upper half.

    Args:
        base: the least serial.
        hashed: gives the token of a name.
        sizes: of the index.

    Attributes:
        base: the same.
        recent: takes what is written.
        frozen: full ones that are to become segments, the oldest first.
        segments: in no order.
    """

    def __init__(self, base: int, hashed: Callable[[bytes], int], sizes: Sizes) -> None:
        self.base = base
        self._sizes = sizes
        self.recent = Recent()
        self.frozen: list[Recent] = []
        self.segments: list[Segment] = []
        self._hashed = hashed

    def __len__(self) -> int:
        return sum(len(part.live) for part in self.parts())

    def parts(self) -> list[Recent | Segment]:
        """All parts as they are now: no row is live in two of them."""
        return [self.recent, *self.frozen, *self.segments]

    def part(self, number: int) -> Recent | Segment | None:
        """The part in which a row is live."""
        return next((part for part in self.parts() if number in part.live), None)

    def add(self, row: Row) -> None:
        """Enter a row."""
        self.recent.add(row.serial - self.base, row)

    def replace(self, row: Row) -> None:
        """Enter a row in the place of the one of the same serial."""
        number = row.serial - self.base
        if number in self.recent.live:
            self.recent.replace(number, row)
        else:
            self.remove(number)
            self.recent.add(number, row)

    def remove(self, number: int) -> None:
        """Lose a row that there is."""
        part = self.part(number)
        if part is not None:
            part.discard(number)

    @property
    def is_settled(self) -> bool:
        """Whether `settle` would do nothing."""
        return not self.is_full and not self.frozen and not self._due()

    @property
    def is_full(self) -> bool:
        """Whether so many rows were written recently that they are to become a segment."""
        return len(self.recent.rows) >= self._sizes.most

    def settle(self) -> Iterator[None]:
        """Make segments of what is full, and fewer of what is many; gives up its turn often."""
        if self.is_full:
            self.freeze()
        while self.frozen:
            yield from self.build(self.frozen[0])
        while due := self._due():
            yield from self._exchange(due, merged(due, self._sizes))

    def merge(self) -> Iterator[None]:
        """Make one segment of all."""
        if len(self.segments) > 1:
            yield from self._exchange(self.segments, merged(self.segments, self._sizes))

    def freeze(self) -> None:
        """Have another `recent`, if there is anything in this one."""
        if self.recent.rows:
            self.recent.freeze()
            self.frozen.append(self.recent)
            self.recent = Recent()

    def build(self, frozen: Recent) -> Steps[Segment]:
        """Make a segment of what is frozen: of all its rows, whether it has lost them or not."""
        making = built(frozen.rows.values(), self.base, self._hashed, self._sizes)
        return (yield from self._exchange([frozen], making))

    def _exchange(self, old: Sequence[Part], making: Steps[Segment]) -> Steps[Segment]:
        """Have a new segment in the place of the parts it is made of."""
        taken = list(old)
        made = yield from making
        made.live &= BitMap.union(*[part.live for part in taken])
        gone = {id(part) for part in taken}
        self.frozen = [one for one in self.frozen if id(one) not in gone]
        kept = [one for one in self.segments if id(one) not in gone]
        self.segments = [*kept, made] if made.live else kept
        return made

    def _due(self) -> list[Segment]:
        """The segments that are to be merged next."""
        by_size = sorted(self.segments, key=len)
        smaller = 0
        due = 0
        for at, one in enumerate(by_size):
            if smaller * self._sizes.larger >= len(one) and at:
                due = at + 1
            smaller += len(one)
        if due:
            return by_size[:due]
        return [one for one in by_size if 2 * len(one) < len(one.arrays.numbers)][:1]


def rows_of(part: Part) -> Iterator[Row]:
    """The rows of a part; it may lose some meanwhile."""
    for number in part.live.copy():
        if number in part.live:
            yield part.row(number)
