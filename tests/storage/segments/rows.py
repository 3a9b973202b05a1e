"""Rows of an index for tests."""

from storage.index import Index, Row
from storage.record import Terms


def row(index, name, serial, terms):
    """A row of these terms."""
    tokens, ranged = index.tokens(terms.exact), index.ranged(terms.ranged)
    return Row(name, 1, serial, 1, bytes(16), 0, b"", tokens, ranged)


def finished(steps):
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def index_of(count, sizes):
    """An index of segments of a thousand rows."""
    index = Index(sizes=sizes)
    rows = [
        row(
            index,
            b"object %d" % n,
            n,
            Terms(frozenset({b"all", b"unique %d" % n, b"of ten %d" % (n // 10)}), {b"date": n}),
        )
        for n in range(count)
    ]
    for start in range(0, count, 1000):
        for _ in index.fill(rows[start : start + 1000]):
            pass
    return index
