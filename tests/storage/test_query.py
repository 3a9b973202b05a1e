import pytest

from storage import Query, Range, matches
from tests.storage.stores import terms

RECORD = terms("a", "b", date=10)


def group(*names):
    return frozenset(name.encode() for name in names)


@pytest.mark.parametrize(
    "query,expected",
    [
        (Query(), True),
        (Query((group("a"), group("b"))), True),
        (Query((group("a"), group("c"))), False),
        (Query((group("c", "b"),)), True),
        (Query((group(),)), False),
        (Query(none_of=group("c")), True),
        (Query(none_of=group("c", "a")), False),
        (Query(ranges=(Range(b"date", 10, 10),)), True),
        (Query(ranges=(Range(b"date", 11),)), False),
        (Query(ranges=(Range(b"date", None, 9),)), False),
        (Query(ranges=(Range(b"date"),)), True),
        (Query(outside=(Range(b"date"),)), False),
        (Query(outside=(Range(b"other"),)), True),
        (Query(outside=(Range(b"date", high=10),)), False),
        (Query(outside=(Range(b"date", high=9),)), True),
        (Query(outside=(Range(b"date", 11), Range(b"date", 10))), False),
        (Query(ranges=(Range(b"other"),)), False),
        (Query(offset=5, limit=0), True),
    ],
)
def test_matches(query, expected):
    assert matches(query, RECORD) is expected


@pytest.mark.parametrize(
    "value, covered", [(4, False), (5, True), (6, True), (7, True), (8, False), (None, False)]
)
def test_both_ends_of_a_range_are_in_it(value, covered):
    assert Range(b"date", 5, 7).covers(value) is covered


def test_nothing_may_be_left_out_and_nothing_given():
    assert Query(offset=0, limit=0) == Query(limit=0)


def test_nonsense_is_refused():
    for wrong in ({"offset": -1}, {"limit": -1}):
        with pytest.raises(ValueError, match="negative"):
            Query(**wrong)
