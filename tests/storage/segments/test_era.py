"""Rows go from what changes to segments, and these become fewer and larger."""

from collections import deque

from storage.index import Index
from storage.query import Query, Range
from storage.record import Terms
from storage.segments.part import Sizes
from tests.storage.segments.rows import row

SIZES = Sizes(most=10)


def grown(count):
    index = Index(sizes=SIZES)
    for n in range(count):
        index.add(row(index, b"%d" % n, n, Terms(frozenset({b"t"}), {b"x": n})))
        if index.is_full:
            deque(index.settle(), 0)
    return index


def test_there_are_few_segments_however_many_rows_there_are():
    index = grown(2_000)
    (era,) = index.eras.values()
    sizes = sorted(map(len, era.segments), reverse=True)
    assert sum(sizes) + len(era.recent) == 2_000
    assert len(sizes) <= 6
    assert all(sum(sizes[at + 1 :]) * 4 < size for at, size in enumerate(sizes[:-1]))


def test_rows_that_change_often_take_no_more_room_in_the_end():
    index = grown(100)
    for version in range(2, 50):
        for n in range(100):
            old = index.find(b"%d" % n)
            new = row(index, old.name, old.serial, Terms(frozenset({b"%d" % version})))
            index.replace(old, new)
            if index.is_full:
                deque(index.settle(), 0)
    (era,) = index.eras.values()
    assert sum(len(one.arrays.numbers) for one in era.segments) <= 300
    assert index.search(Query((frozenset({b"49"}),)))[1] == 100
    assert index.search(Query((frozenset({b"48"}),)))[1] == 0


def test_a_segment_of_which_nothing_is_left_goes():
    index = grown(100)
    for n in range(100):
        index.remove(index.find(b"%d" % n))
    deque(index.settle(), 0)
    (era,) = index.eras.values()
    assert era.segments == []
    assert index.find(b"5") is None


def test_what_changes_while_a_segment_is_made_is_not_undone():
    """Between any two pieces of the work."""
    for stopped in range(40):
        index = Index(sizes=Sizes(most=10, piece=4, few=2))
        for n in range(40):
            index.add(row(index, b"%d" % n, n, Terms(frozenset({b"old"}), {b"x": n})))
        steps = index.settle()
        for _ in range(stopped):
            next(steps, None)
        removed, replaced = index.find(b"3"), index.find(b"7")
        index.remove(removed)
        index.replace(replaced, row(index, b"7", 7, Terms(frozenset({b"new"}), {b"x": 99})))
        deque(steps, 0)
        deque(index.settle(), 0)
        assert index.find(b"3") is None
        assert len(index) == 39
        assert index.search(Query((frozenset({b"old"}),)))[1] == 38
        assert index.search(Query((frozenset({b"new"}),)))[0] == [b"7"]
        assert index.search(Query(ranges=(Range(b"x", low=39),)))[0] == [b"39", b"7"]
