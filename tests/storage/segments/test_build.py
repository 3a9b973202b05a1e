"""Joining what is sorted, in pieces."""

from array import array
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from storage.index import Index
from storage.record import Terms
from storage.segments.build import Run, built, cuts, joined, merged
from storage.segments.part import Sizes
from tests.storage.segments.rows import finished, index_of, row

KEYS = st.lists(st.integers(0, 40), max_size=200).map(sorted)


@given(st.lists(KEYS, max_size=4), st.integers(1, 100), st.booleans())
def test_pieces_follow_one_another_and_leave_nothing_out(keys, piece, may_part):
    done = [0] * len(keys)
    greatest = -1
    for cut in cuts(keys, piece, may_part=may_part):
        assert [start for start, _ in cut] == done
        done = [stop for _, stop in cut]
        some = [
            key for one, (start, stop) in zip(keys, cut, strict=True) for key in one[start:stop]
        ]
        assert some
        assert min(some) >= greatest if may_part else min(some) > greatest
        greatest = max(some)
    assert done == [len(one) for one in keys]


@given(st.lists(KEYS, min_size=1, max_size=4), st.sets(st.integers(0, 200)), st.booleans())
def test_runs_are_joined_without_the_rows_that_are_gone(keys, gone, may_part):
    live = BitMap(range(201)) - BitMap(gone)
    runs = [Run(one, array("I", range(len(one))), live) for one in keys]
    pieces = list(joined(runs, 8, may_part=may_part))
    pairs = [pair for piece in pieces for pair in zip(*piece, strict=True)]
    wanted = [(key, at) for one in keys for at, key in enumerate(one) if at not in gone]
    assert sorted(pairs) == sorted(wanted)
    assert [key for key, _ in pairs] == sorted(key for key, _ in wanted)


def test_many_equal_keys_are_joined_in_pieces():
    """As where a million objects were made in one second."""
    keys = array("q", [7] * 10_000)
    pieces = list(joined([Run(keys, array("I", range(10_000)), None)] * 2, 128, may_part=True))
    assert max(len(some) for some, _ in pieces) <= 128


def test_what_is_long_is_done_in_pieces():
    """A merge looks at some entries between two turns, however many rows there are."""
    sizes = Sizes(piece=128)
    steps = {}
    for count in (2_000, 8_000):
        index = index_of(count, sizes)
        (era,) = index.eras.values()
        steps[count] = len(list(merged(era.segments, sizes)))
    assert steps[2_000] >= 2_000 // 128
    assert steps[8_000] > 3 * steps[2_000]


@pytest.mark.parametrize("rows", [1, 64, 65, 200])
def test_a_token_of_many_rows_becomes_a_bitmap(rows):
    index = Index()
    some = [row(index, b"%d" % n, n, Terms(frozenset({b"t", b"%d" % n}))) for n in range(rows)]
    whole = finished(built(some, 0, hash_of(index), index.sizes))
    halves = [
        finished(built(half, 0, hash_of(index), index.sizes))
        for half in (some[::2], some[1::2])
        if half
    ]
    for segment in (whole, finished(merged(halves, index.sizes))):
        posting = segment.posting(index.token(b"t"))
        assert posting == BitMap(range(rows))
        assert segment.posting(index.token(b"0")) == BitMap({0})
        assert segment.posting(index.token(b"other")) is None
        assert len(segment.arrays.many_tokens) == (rows > 64)


def test_what_was_lost_is_left_out_of_a_merge_and_its_names_and_terms_with_it():
    index = index_of(100, Sizes())
    for n in range(0, 100, 2):
        found = index.find(b"object %d" % n)
        index.remove(found)
    (era,) = index.eras.values()
    deque(index.settle(), 0)
    deque(era.merge(), 0)
    small = finished(merged(era.segments, index.sizes))
    assert len(small) == len(small.arrays.numbers) == 50
    assert len(small.arrays.hashes) == 50
    assert small.posting(index.token(b"unique 2")) is None
    assert small.posting(index.token(b"unique 3")) == BitMap({3})
    assert small.column(b"date").value(3) == 3
    assert small.column(b"date").value(2) is None


def test_a_tag_is_known_of_what_it_is_of():
    index = Index()
    one = row(index, b"one", 0, Terms())
    one.tag, one.body_epoch, one.body_tag = b"m" * 16, 1, b"b" * 16
    index.add(one)
    for _ in range(2):
        assert index.knows(b"m" * 16, of_body=False)
        assert index.knows(b"b" * 16, of_body=True)
        assert not index.knows(b"m" * 16, of_body=True)
        assert not index.knows(b"b" * 16, of_body=False)
        index.eras[0].freeze()
        deque(index.settle(), 0)


def hash_of(index):
    return index._tokens.hash
