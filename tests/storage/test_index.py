from collections import deque
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Query, Range, Terms, matches
from storage.index import Index, Row
from storage.search import Search
from storage.segments.part import Sizes

NAMES = [b"%d" % n for n in range(6)]
VALUES = st.sampled_from([-(1 << 63), -5, 0, 1, 2, 3, 1 << 40, (1 << 63) - 1])
TERM = st.sampled_from(NAMES)
COLUMN = st.sampled_from([b"x", b"y", b"z"])
TERMS = st.builds(Terms, st.frozensets(TERM), st.dictionaries(COLUMN, VALUES))
BOUND = st.none() | VALUES | st.sampled_from([-(1 << 70), 1 << 70])
RANGE = st.builds(Range, COLUMN, BOUND, BOUND)
QUERY = st.builds(
    Query,
    st.lists(st.frozensets(TERM, max_size=3), max_size=3).map(tuple),
    st.frozensets(TERM, max_size=2),
    st.lists(RANGE, max_size=2).map(tuple),
    st.lists(RANGE, max_size=2).map(tuple),
    st.integers(0, 4),
    st.none() | st.integers(0, 5),
)
ACTION = st.tuples(
    st.sampled_from(["add", "replace", "remove", "freeze", "settle", "merge", "step"]),
    st.integers(0, 30),
    TERMS,
)
SMALL = Sizes(number_bits=4, most=3, few=1, piece=2, larger=2)
"""As if a bitmap had room for 16 rows, and three were many."""


def row(index, name, serial, terms):
    tokens, ranged = index.tokens(terms.exact), index.ranged(terms.ranged)
    return Row(name, 1, serial, 1, bytes(16), 0, b"", tokens, ranged)


class Model:
    """The same by brute force: (row, terms), the oldest first."""

    def __init__(self, sizes=SMALL):
        self.index = Index(sizes=sizes)
        self.entries = []
        self.made = 0
        self.settling = iter(())

    def new(self, terms):
        self.made += 1
        return row(self.index, b"r%d" % self.made, self.made, terms)

    def do(self, kind, at, terms):
        match kind:
            case "freeze":
                for era in self.index.eras.values():
                    era.freeze()
                return
            case "settle":
                deque(self.settling, 0)
                deque(self.index.settle(), 0)
                assert self.index.is_settled
                return
            case "merge":
                deque(self.settling, 0)
                deque(self.index.merge(), 0)
                return
            case "step":
                if next(self.settling, self) is self:
                    self.settling = self.index.settle()
                return
            case _:
                pass
        if kind == "add" or not self.entries:
            new = self.new(terms)
            self.entries.append((new, terms))
            self.index.add(new)
            return
        at %= len(self.entries)
        old, _ = self.entries[at]
        if kind == "remove":
            del self.entries[at]
            self.index.remove(old)
        else:
            new = row(self.index, old.name, old.serial, terms)
            self.entries[at] = (new, terms)
            self.index.replace(old, new)

    def check(self, query):
        found = [entry.name for entry, terms in reversed(self.entries) if matches(query, terms)]
        stop = None if query.limit is None else query.offset + query.limit
        assert self.index.search(query) == (found[query.offset : stop], len(found))

    def check_rows(self):
        assert len(self.index) == len(self.entries)
        rows = {entry.name: entry for entry, _ in self.entries}
        assert {row.name: row for row in self.index.rows()} == rows
        for n in range(self.made + 1):
            assert self.index.find(b"r%d" % n) == rows.get(b"r%d" % n)


@given(st.lists(ACTION, max_size=25), st.lists(QUERY, min_size=1, max_size=6))
def test_answers_as_a_search_of_all_would(actions, queries):
    model = Model()
    for action in actions:
        model.do(*action)
    model.check_rows()
    for query in queries:
        model.check(query)


@given(st.lists(ACTION, max_size=25), QUERY, st.sets(st.integers(0, 30)))
def test_rows_can_be_left_out_of_an_answer(actions, query, left_out):
    model = Model()
    for action in actions:
        model.do(*action)
    without = [entry for at, (entry, _) in enumerate(model.entries) if at in left_out]
    found = [
        entry.name
        for entry, terms in reversed(model.entries)
        if matches(query, terms) and entry not in without
    ]
    stop = None if query.limit is None else query.offset + query.limit
    assert model.index.search(query, without) == (found[query.offset : stop], len(found))


STEP = ACTION | QUERY | st.tuples(QUERY, st.integers(1, 3))


@given(st.lists(STEP, max_size=40))
def test_what_was_prepared_stays_right_whatever_is_done_between(steps):
    """Bounds move up and down in pieces, some of them left half way, while rows come and go."""
    model = Model()
    for step in steps:
        match step:
            case Query():
                model.check(step)
            case (Query() as query, most):
                model.index.prepare(query, most)
            case action:
                model.do(*action)


@given(st.lists(ACTION, max_size=25), QUERY, st.lists(ACTION, max_size=25), st.integers(1, 20))
def test_an_answer_is_that_of_its_last_moment(actions, query, meanwhile, piece):
    """Rows come, change and go between two pieces of a search."""
    model = Model()
    for action in actions:
        model.do(*action)
    search = Search(model.index, query, piece=piece)
    others = iter(meanwhile)
    for _ in search.steps():
        for action in islice(others, 2):
            model.do(*action)
    assert (search.names, search.total) == model.index.search(query)
    model.check(query)


@pytest.mark.parametrize("low,rows", [(0, 100), (40, 60), (100, 0)])
def test_a_range_with_a_least_value_is_looked_at_in_pieces(low, rows):
    index = Index()
    for n in range(100):
        index.add(row(index, b"%d" % n, n, Terms(frozenset(), {b"x": n})))
    search = Search(index, Query(ranges=(Range(b"x", low=low, high=99),)), piece=10)
    assert len(list(search.steps())) == rows // 10
    assert search.total == rows


def test_few_rows_are_looked_at_instead_of_many_entries():
    index = Index()
    for n in range(1_000):
        terms = Terms(frozenset({b"rare"} if n < 20 else ()), {b"x": n})
        index.add(row(index, b"%d" % n, n, terms))
    query = Query((frozenset({b"rare"}),), ranges=(Range(b"x", low=5),))
    search = Search(index, query, piece=80)
    assert len(list(search.steps())) == 2
    assert search.total == 15


@pytest.mark.parametrize("bounds", [(10, 90), (90, 10), (5, 5)])
def test_a_bound_is_moved_in_pieces(bounds):
    """Each looks at as many rows as it may, and the last one says that it was the last."""
    index = Index()
    for n in range(100):
        index.add(row(index, b"%d" % n, n, Terms(frozenset(), {b"x": n})))
    first, second = (Query(ranges=(Range(b"x", high=high),)) for high in bounds)
    assert index.search(first)[1] == bounds[0] + 1
    pieces = 1
    while not index.prepare(second, 16):
        pieces += 1
    assert pieces == max(1, -(-abs(bounds[1] - bounds[0]) // 16))
    assert index.search(second)[1] == bounds[1] + 1


def test_two_bounds_of_one_column_are_prepared_in_one_go_or_the_other():
    index = Index()
    for n in range(100):
        index.add(row(index, b"%d" % n, n, Terms(frozenset(), {b"x": n})))
    both = Query(ranges=(Range(b"x", high=90),), outside=(Range(b"x", high=10),))
    for _ in range(8):
        if index.prepare(both, 16):
            break
    assert index.prepare(both, 16)
    assert index.search(both)[1] == 80


@given(st.lists(TERMS, max_size=20), st.lists(TERMS, max_size=5), st.lists(QUERY, max_size=6))
def test_extend_is_add_for_each(first, second, queries):
    model = Model()
    for batch in (first, second):
        rows = [(model.new(terms), terms) for terms in batch]
        model.entries += rows
        model.index.extend([one for one, _ in rows])
    for query in queries:
        model.check(query)
    model.do("add", 0, Terms(frozenset({b"1"})))
    model.check(Query())


def test_nothing_stays_of_removed_rows():
    index = Index()
    rows = [row(index, b"%d" % n, n, Terms(frozenset({b"t", b"%d" % n}))) for n in range(5)]
    for one in rows:
        index.add(one)
    for one in rows:
        index.remove(one)
    (era,) = index.eras.values()
    assert not era.recent._postings
    assert index.search(Query()) == ([], 0)


@pytest.mark.parametrize("limit", [None, 3])
def test_newest_first(limit):
    index = Index()
    for n in range(10):
        index.add(row(index, b"%d" % n, n, Terms(frozenset({b"t"}))))
    names, total = index.search(Query((frozenset({b"t"}),), offset=2, limit=limit))
    assert total == 10
    assert names == [b"%d" % n for n in range(7, -1, -1)][:limit]


@pytest.mark.parametrize("serial", [0, (1 << 32) - 1, 1 << 32, (1 << 64) - 1])
def test_serials_have_64_bits(serial):
    index = Index()
    old = row(index, b"old", 7, Terms(frozenset({b"t"}), {b"x": 1}))
    index.add(old)
    index.add(row(index, b"one", serial, Terms(frozenset({b"t"}), {b"x": 5})))
    names = sorted([(7, b"old"), (serial, b"one")], reverse=True)
    for _ in range(2):
        assert index.search(Query((frozenset({b"t"}),)))[0] == [name for _, name in names]
        assert index.search(Query(ranges=(Range(b"x", low=2),)))[0] == [b"one"]
        assert index.find(b"one").serial == serial
        for era in index.eras.values():
            era.freeze()
        deque(index.settle(), 0)


HIGH = Query(ranges=(Range(b"x", high=5),))


def with_values(*values):
    """An index whose rows have these values in a column, searched once up to 5."""
    index = Index()
    rows = [
        row(index, b"%d" % n, n, Terms(frozenset(), {b"x": value}))
        for n, value in enumerate(values)
    ]
    for one in rows:
        index.add(one)
    index.search(HIGH)
    return index, rows


def test_a_row_that_goes_is_not_found_by_a_bound_that_was_searched_before():
    index, rows = with_values(1, 5, 6)
    index.remove(rows[1])
    assert index.search(HIGH) == ([b"0"], 1)
    assert index.search(Query(ranges=(Range(b"x"),))) == ([b"2", b"0"], 2)
    index.remove(rows[0])
    assert index.search(HIGH) == ([], 0)


@pytest.mark.parametrize("value, found", [(4, True), (5, True), (6, False)])
def test_a_row_that_comes_is_found_by_a_bound_that_was_searched_before(value, found):
    index, _ = with_values(7)
    new = row(index, b"new", 9, Terms(frozenset(), {b"x": value}))
    index.add(new)
    assert index.search(HIGH)[0] == [b"new"] * found
    index.remove(new)
    index.extend([new])
    assert index.search(HIGH)[0] == [b"new"] * found
    beyond = row(index, b"new", 9, Terms(frozenset(), {b"x": 6}))
    index.replace(new, beyond)
    assert index.search(HIGH) == ([], 0)
    index.replace(beyond, row(index, b"new", 9, Terms(frozenset(), {b"x": 5})))
    assert index.search(HIGH) == ([b"new"], 1)


EDGES = [-(1 << 63), -(1 << 63) + 1, -1, 0, 1, (1 << 63) - 2, (1 << 63) - 1]


@pytest.mark.parametrize("bound", [*EDGES, -(1 << 63) - 1, 1 << 63, -(1 << 70), 1 << 70, None])
def test_bounds_mean_the_same_at_the_ends_of_what_a_value_can_be(bound):
    index, _ = with_values(*EDGES)
    for condition in (Range(b"x", low=bound), Range(b"x", high=bound), Range(b"x", bound, bound)):
        met = [b"%d" % n for n, value in enumerate(EDGES) if condition.covers(value)]
        for query in (Query(ranges=(condition,)), Query(ranges=(condition, Range(b"x")))):
            assert index.search(query) == (met[::-1], len(met)), condition
        missed = len(EDGES) - len(met)
        assert index.search(Query(outside=(condition,)))[1] == missed, condition


def test_columns_are_told_apart():
    index = Index()
    for n in range(6):
        terms = Terms(frozenset(), {b"x": n, b"y": 10 - n} if n % 2 else {b"y": n})
        index.add(row(index, b"%d" % n, n, terms))
    assert index.search(Query(ranges=(Range(b"x"),)))[1] == 3
    assert index.search(Query(ranges=(Range(b"y", 5, 9), Range(b"x", 1, 3))))[0] == [b"3", b"1"]
    assert index.search(Query(ranges=(Range(b"x", 1, 3), Range(b"y", 8, 9))))[0] == [b"1"]
    assert index.search(Query(outside=(Range(b"x"),)))[0] == [b"4", b"2", b"0"]
    assert index.search(Query(ranges=(Range(b"z"),))) == ([], 0)


def test_terms_narrow_one_another_whatever_how_many_rows_have_them():
    index = Index()
    for n in range(6):
        names = {b"all", b"even" if n % 2 == 0 else b"odd", b"%d" % n}
        index.add(row(index, b"%d" % n, n, Terms(frozenset(names))))

    def found(*groups, none_of=()):
        query = Query(tuple(map(frozenset, groups)), frozenset(none_of))
        return index.search(query)[0]

    assert found({b"all"}, {b"even"}) == [b"4", b"2", b"0"]
    assert found({b"even"}, {b"3"}) == []
    assert found({b"even", b"3"}, {b"all"}) == [b"4", b"3", b"2", b"0"]
    assert found({b"3"}, {b"all", b"nothing"}) == [b"3"]
    assert found({b"odd"}, none_of={b"3"}) == [b"5", b"1"]
    assert found({b"nothing"}) == []
    index.extend([row(index, b"more", 9, Terms(frozenset({b"3", b"odd", b"new"})))])
    assert found({b"3"}) == [b"more", b"3"]
    assert found({b"odd"}) == [b"more", b"5", b"3", b"1"]
    assert found({b"new"}) == [b"more"]


@pytest.mark.parametrize("offset", range(6))
@pytest.mark.parametrize("limit", [None, 0, 1, 2, 4, 5, 6])
def test_a_page_is_cut_out_of_what_was_found(offset, limit):
    index, _ = with_values(*range(5))
    names = [b"4", b"3", b"2", b"1", b"0"]
    stop = None if limit is None else offset + limit
    assert index.search(Query(offset=offset, limit=limit)) == (names[offset:stop], 5)


def test_a_search_goes_on_where_what_it_looks_for_is_gone_meanwhile():
    index = Index()

    def row(number, *exact):
        terms = Terms(frozenset(exact), {b"x": number})
        tokens = index.tokens(terms.exact), index.ranged(terms.ranged)
        return Row(b"%d" % number, 1, number, 1, bytes(16), 0, b"", *tokens)

    for number in range(3):
        index.add(row(number, *[b"t"] * (number == 1)))
    query = Query((frozenset({b"t"}),), ranges=(Range(b"x", low=0),))
    search = Search(index, query, piece=1)
    steps = search.steps()
    next(steps)
    index.replace(index.find(b"1"), row(1))
    deque(steps, 0)
    assert list(search.names) == []
