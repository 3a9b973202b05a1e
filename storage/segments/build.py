"""Making a segment: of rows that were written, or of several segments.

Theory of operation: whatever is sorted already is joined in pieces. A run is a sequence of keys,
in order, with a row's number for each. From a sample of all keys, bounds are chosen so that
between two of them lie some thousand keys; these are sorted in one call, which is the sorting's
whole cost since Python's sort finds runs by itself. After each piece the generator gives up its
turn.

Rows that a segment has lost when its merge begins are left out; those that it loses meanwhile are
in the new segment, and the caller takes them out of its `live`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, compress, islice
from operator import itemgetter
from typing import Final, NamedTuple, TypeVar

from pyroaring import BitMap

from storage.row import Row
from storage.segments.part import Sizes
from storage.segments.segment import (
    FIXED,
    NAME_BITS,
    Arrays,
    ColumnArrays,
    Integers,
    Segment,
    pack_fixed,
)
from storage.tokens import split

T = TypeVar("T")
Steps = Generator[None, None, T]

_SAMPLE: Final = 1 << 6  # of so many keys, one is looked at to choose bounds
_FEWER: Final = 1 << 4  # times as many where there are
_LARGE: Final = 1 << 22  # keys, whose sample would be long to sort
_ROWS: Final = 1 << 8  # rows whose terms are gathered in one turn
_BITS: Final = 1 << 18  # rows of bitmaps that are joined or written in one turn: the same
_BITMAP: Final = 1 << 12  # rows that are as much work as a bitmap is by itself
_DENSE: Final = 8  # numbers for each row, up to which places are kept in an array meanwhile


class Run(NamedTuple):
    """Keys in ascending order, and a row for each.

    Attributes:
        keys: ascending.
        numbers: of the rows.
        live: the rows that count; None: all.
    """

    keys: Sequence[int]
    numbers: Integers
    live: BitMap | None


Cut = list[tuple[int, int]]
"""A start and a stop in each of several sequences."""


def cuts(keys: Sequence[Sequence[int]], piece: int, *, may_part: bool = False) -> Iterator[Cut]:
    """Ascending sequences cut into pieces: no key in a piece is greater than one in the next.

    Args:
        keys: ascending each.
        piece: about how many are in one.
        may_part: whether equal keys may come into several pieces.
    """
    step = _SAMPLE if sum(map(len, keys)) < _LARGE else _SAMPLE * _FEWER
    sample = sorted(chain.from_iterable(one[::step] for one in keys))
    every = max(1, piece // step)
    bounds = Counter(sample[every::every])
    starts = [0] * len(keys)
    for bound, times in bounds.items():
        below = [bisect_left(one, bound, at) for one, at in zip(keys, starts, strict=True)]
        yield from _up_to(starts, below)
        if times > 1 and may_part:
            yield from _shares(keys, starts, bound, piece)
    yield from _up_to(starts, [len(one) for one in keys])


def _up_to(starts: list[int], stops: list[int]) -> Iterator[Cut]:
    if starts != stops:
        yield list(zip(starts, stops, strict=True))
        starts[:] = stops


def _shares(
    keys: Sequence[Sequence[int]], starts: list[int], bound: int, piece: int
) -> Iterator[Cut]:
    """All that equals the bound, of which there is much, in pieces."""
    for at, one in enumerate(keys):
        stop = bisect_right(one, bound, starts[at])
        while starts[at] < stop:
            share = list(starts)
            share[at] = min(stop, starts[at] + piece)
            yield from _up_to(starts, share)


def joined(
    runs: Sequence[Run], piece: int, *, may_part: bool = False
) -> Iterator[tuple[list[int], list[int]]]:
    """Runs as one, in pieces: keys in ascending order, and the numbers of their rows."""
    for cut in cuts([run.keys for run in runs], piece, may_part=may_part):
        keys: list[int] = []
        numbers: list[int] = []
        for run, (start, stop) in zip(runs, cut, strict=True):
            if start == stop:
                continue
            some: Iterable[int] = run.keys[start:stop]
            rows: Iterable[int] = run.numbers[start:stop]
            if run.live is not None:
                kept = [number in run.live for number in rows]
                some, rows = compress(some, kept), compress(rows, kept)
            keys.extend(some)
            numbers.extend(rows)
        order = sorted(range(len(keys)), key=keys.__getitem__)
        yield [keys[at] for at in order], [numbers[at] for at in order]


@dataclass(slots=True)
class Making:
    """Arrays in the making; see `Arrays`."""

    base: int
    sizes: Sizes
    numbers: array[int] = field(default_factory=lambda: array("I"))
    fixed: bytearray = field(default_factory=bytearray)
    name_ends: array[int] = field(default_factory=lambda: array("I"))
    names: bytearray = field(default_factory=bytearray)
    hashes: array[int] = field(default_factory=lambda: array("I"))
    hash_numbers: array[int] = field(default_factory=lambda: array("I"))
    few_tokens: array[int] = field(default_factory=lambda: array("Q"))
    few_numbers: array[int] = field(default_factory=lambda: array("I"))
    many: dict[int, BitMap] = field(default_factory=dict)
    columns: dict[bytes, ColumnArrays] = field(default_factory=dict)

    def add_rows(self, numbers: Iterable[int], fixed: Iterable[bytes], names: list[bytes]) -> None:
        """Add the next rows."""
        self.numbers.extend(numbers)
        self.fixed += b"".join(fixed)
        self.names += b"".join(names)
        last = self.name_ends[-1] if self.name_ends else 0
        self.name_ends.extend(islice(accumulate(map(len, names), initial=last), 1, None))

    def add_postings(self, runs: Sequence[Run]) -> Steps[None]:
        """Add tokens, each row's number beside them; those of many rows go to bitmaps."""
        many = self.many
        for keys, numbers in joined(runs, self.sizes.piece):
            if len(set(keys)) < len(keys) or not many.keys().isdisjoint(keys):
                counts = Counter(keys)
                big = {
                    key for key, count in counts.items() if count > self.sizes.few or key in many
                }
                for key in big:
                    start = bisect_left(keys, key)
                    rows = numbers[start : start + counts[key]]
                    many.setdefault(key, BitMap()).update(rows)
                if big:
                    kept = [key not in big for key in keys]
                    keys, numbers = list(compress(keys, kept)), list(compress(numbers, kept))
            self.few_tokens.extend(keys)
            self.few_numbers.extend(numbers)
            yield

    def add_column(self, name: bytes, present: BitMap, runs: Sequence[Run]) -> Steps[None]:
        """Add a column: values, each row's number beside them."""
        if not present:
            return
        values, numbers = array("q"), array("I")
        for some, rows in joined(runs, self.sizes.piece, may_part=True):
            values.extend(some)
            numbers.extend(rows)
            yield
        places = yield from _places(present, numbers, self.sizes.piece)
        self.columns[name] = ColumnArrays(present, values, numbers, places)

    def segment(self) -> Steps[Segment]:
        """What was made."""
        tokens, ends, many = array("Q"), array("Q"), bytearray()
        done = 0
        for token in sorted(self.many):
            bitmap = self.many[token]
            if bitmap:
                bitmap.run_optimize()
                many += bitmap.serialize()
                tokens.append(token)
                ends.append(len(many))
            done += _BITMAP + len(bitmap)
            if done >= _BITS:
                done = 0
                yield
        return Segment(
            Arrays(
                self.base,
                self.numbers,
                self.fixed,
                self.name_ends,
                self.names,
                self.hashes,
                self.hash_numbers,
                self.few_tokens,
                self.few_numbers,
                tokens,
                ends,
                many,
                self.columns,
            )
        )


def _places(present: BitMap, numbers: Sequence[int], piece: int) -> Steps[array[int]]:
    """For each row that is present, in that order, where its number is."""
    first, span = present.min(), present.max() - present.min() + 1
    found: array[int] | dict[int, int]
    found = array("I", bytes(4 * span)) if span <= _DENSE * len(numbers) else {}
    for start in range(0, len(numbers), piece):
        for at, number in enumerate(numbers[start : start + piece], start):
            found[number - first] = at
        yield
    places, rows = array("I"), iter(present)
    while some := list(islice(rows, piece)):
        places.extend([found[number - first] for number in some])
        yield
    return places


def built(
    rows: Iterable[Row], base: int, hashed: Callable[[bytes], int], sizes: Sizes
) -> Steps[Segment]:
    """A segment of rows.

    Args:
        rows: with their tokens and ranged terms; each serial once, from `base` to 2**32 beyond it.
        base: as in `Arrays`.
        hashed: gives the token of a name.
        sizes: of the index.
    """
    made = Making(base, sizes)
    rows = sorted(rows, key=lambda row: row.serial)
    gathered: dict[int, list[int]] = {}
    columns: dict[bytes, list[tuple[int, int]]] = {}
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        made.add_rows(
            [row.serial - base for row in some], map(pack_fixed, some), [row.name for row in some]
        )
        for row in some:
            number = row.serial - base
            for token in split(row.tokens):
                gathered.setdefault(token, []).append(number)
            for name, value in row.ranged:
                columns.setdefault(name, []).append((value, number))
        yield
    names = sorted((hashed(row.name) >> NAME_BITS, row.serial - base) for row in rows)
    made.hashes.extend(map(itemgetter(0), names))
    made.hash_numbers.extend(map(itemgetter(1), names))
    yield
    for token in sorted(gathered):
        numbers = gathered[token]
        if len(numbers) > sizes.few:
            made.many[token] = BitMap(numbers)
        else:
            made.few_tokens.extend([token] * len(numbers))
            made.few_numbers.extend(numbers)
    yield
    for name, values in columns.items():
        values.sort()
        run = Run(
            array("q", map(itemgetter(0), values)), array("I", map(itemgetter(1), values)), None
        )
        yield from made.add_column(name, BitMap(run.numbers), [run])
    return (yield from made.segment())


def merged(segments: Sequence[Segment], sizes: Sizes) -> Steps[Segment]:
    """One segment of several of the same base."""
    made = Making(segments[0].arrays.base, sizes)
    lives = [None if one.is_whole else one.live.copy() for one in segments]
    every = [(one.arrays, live) for one, live in zip(segments, lives, strict=True)]
    yield from _merge_rows(made, segments, lives)
    names = [Run(arrays.hashes, arrays.hash_numbers, live) for arrays, live in every]
    for hashes, numbers in joined(names, sizes.piece, may_part=True):
        made.hashes.extend(hashes)
        made.hash_numbers.extend(numbers)
        yield
    yield from _merge_many(made, segments, lives)
    yield from made.add_postings(
        [Run(arrays.few_tokens, arrays.few_numbers, live) for arrays, live in every]
    )
    for name in {name: None for arrays, _ in every for name in arrays.columns}:
        present = BitMap()
        runs = []
        for arrays, live in every:
            column = arrays.columns.get(name)
            if column is not None:
                present |= column.present if live is None else column.present & live
                runs.append(Run(column.values, column.numbers, live))
            yield
        present.run_optimize()
        yield from made.add_column(name, present, runs)
    return (yield from made.segment())


def _merge_rows(
    made: Making, segments: Sequence[Segment], lives: Sequence[BitMap | None]
) -> Steps[None]:
    size = FIXED.size
    for cut in cuts([one.arrays.numbers for one in segments], made.sizes.piece):
        picked: list[tuple[int, Segment, int]] = []
        for segment, live, (start, stop) in zip(segments, lives, cut, strict=True):
            numbers = segment.arrays.numbers[start:stop]
            picked.extend(
                (number, segment, at)
                for at, number in enumerate(numbers, start)
                if live is None or number in live
            )
        picked.sort(key=itemgetter(0))
        made.add_rows(
            [number for number, _, _ in picked],
            [bytes(one.arrays.fixed[at * size : (at + 1) * size]) for _, one, at in picked],
            [one.name(at) for _, one, at in picked],
        )
        yield


def _merge_many(
    made: Making, segments: Sequence[Segment], lives: Sequence[BitMap | None]
) -> Steps[None]:
    done = 0
    for segment, live in zip(segments, lives, strict=True):
        for token, bitmap in segment.bitmaps():
            rows = bitmap if live is None else bitmap & live
            into = made.many.get(token)
            if into is None:
                made.many[token] = rows
            else:
                into |= rows  # in place
            done += _BITMAP + len(rows)
            if done >= _BITS:
                done = 0
                yield
