"""What can be asked of the index."""

from dataclasses import dataclass

from storage.record import Terms


@dataclass(frozen=True, slots=True)
class Range:
    """A condition on one ranged column; a record without the column does not meet it.

    Attributes:
        column: its name.
        low: the least value, or None.
        high: the greatest value, or None.
    """

    column: bytes
    low: int | None = None
    high: int | None = None

    def covers(self, value: int | None) -> bool:
        """Whether a record with this value in the column, or None, meets the condition."""
        return (
            value is not None
            and (self.low is None or self.low <= value)
            and (self.high is None or value <= self.high)
        )


@dataclass(frozen=True, slots=True)
class Query:
    """Which records, and which part of the answer.

    Attributes:
        all_of: each group must have at least one of its terms in the record; an empty group is
            met by none.
        none_of: no term of these may be in the record.
        ranges: each must be met.
        outside: none of these may be met.
        offset: how many of the newest to leave out.
        limit: how many to give at most; None: all.
        without: names of records that are not to be found; a record's terms do not tell.
    """

    all_of: tuple[frozenset[bytes], ...] = ()
    none_of: frozenset[bytes] = frozenset()
    ranges: tuple[Range, ...] = ()
    outside: tuple[Range, ...] = ()
    offset: int = 0
    limit: int | None = None
    without: frozenset[bytes] = frozenset()

    def __post_init__(self) -> None:
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise ValueError("offset and limit are not negative")


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a query.

    Attributes:
        names: of the records found, newest first, after offset and limit.
        total: how many records met the query, before offset and limit.
    """

    names: list[bytes]
    total: int


def is_long(condition: Range) -> bool:
    """Whether a condition has a least value: the index has no bitmap for it."""
    return condition.low is not None


def matches(query: Query, terms: Terms) -> bool:
    """Whether a record with these terms meets the query; the index answers the same.

    Its name is not looked at, which `Query.without` may exclude.
    """
    exact, ranged = terms.exact, terms.ranged
    return (
        all(not group.isdisjoint(exact) for group in query.all_of)
        and query.none_of.isdisjoint(exact)
        and all(condition.covers(ranged.get(condition.column)) for condition in query.ranges)
        and not any(condition.covers(ranged.get(condition.column)) for condition in query.outside)
    )
