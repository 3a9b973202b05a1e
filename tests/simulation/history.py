"""What clients did and saw, and whether one store could have shown them that.

Theory: every operation on one record has a beginning and an end in one order of all that happened.
A history of a record is right if each operation can be given an instant between the two, so that
they make sense one after the other (linearizability: Herlihy and Wing, 1990); the search for such
instants is that of Wing and Gong (1993) with what was tried remembered. A write whose outcome
nobody knows may have happened at any time after its beginning, or never. What a Locate found is an
observation of every record there is: whether it meets the condition.

Linearizability is a property of each record by itself: if each has it, all have it together. What
one commit does to two records is looked at apart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

Value = int | None  # what was written, each another number; None: the record is not there


@dataclass
class Operation:
    """One client's operation on one record.

    Attributes:
        name: of the record.
        at: the opened store that was used.
        begun: when, in the order of all that happens.
        ended: when; None: it was never known to have ended, and may have happened or not.
        needs: whether the record may have this value for the operation to end as it did.
        value: what the record has afterwards, for a write.
        writes: whether it is one.
        text: for people.
    """

    name: bytes
    at: str
    begun: int
    ended: int | None
    needs: Callable[[Value], bool]
    text: str
    value: Value = None
    writes: bool = False


class Begun(NamedTuple):
    """The beginning of an operation: at which opened store, and when."""

    at: str
    instant: int


class History:
    """All operations, and the order of their beginnings and ends."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.violations: list[str] = []
        self._now = 0
        self._values = 0

    def tick(self) -> int:
        """The next instant."""
        self._now += 1
        return self._now

    def begin(self, at: str) -> Begun:
        """The next instant, as a beginning at an opened store."""
        return Begun(at, self.tick())

    def new_value(self) -> int:
        """One that was never written."""
        self._values += 1
        return self._values

    def violate(self, what: str) -> None:
        """Something was found that must not be."""
        self.violations.append(what)

    def wrote(
        self, name: bytes, begun: Begun, expected: Value, value: Value, *, is_known: bool
    ) -> None:
        """A write was acknowledged, or its outcome is not known."""
        ended = self.tick() if is_known else None
        self.operations.append(
            Operation(
                name, *begun, ended, lambda now: now == expected,
                f"write {expected} -> {value}", value, True,
            )
        )  # fmt: skip

    def conflicted(self, name: bytes, begun: Begun, expected: Value) -> None:
        """A write was refused, since the record did not have the value it expected."""
        self._seen(name, begun, lambda now: now != expected, f"not {expected}")

    def read(self, name: bytes, begun: Begun, value: Value) -> None:
        """A record was read."""
        self._seen(name, begun, lambda now: now == value, f"read {value}")

    def located(self, name: bytes, begun: Begun, meets: Callable[[int], bool], found: bool) -> None:
        """A Locate found a record, or did not."""

        def needs(now: Value) -> bool:
            return (now is not None and meets(now)) == found

        self._seen(name, begun, needs, "found" if found else "not found")

    def _seen(self, name: bytes, begun: Begun, needs: Callable[[Value], bool], text: str) -> None:
        self.operations.append(Operation(name, *begun, self.tick(), needs, text))

    def check(self, since: int = 0, until: int | None = None) -> None:
        """Violate for each record whose history between two instants nothing explains.

        Args:
            since: what had ended before is left out; a write that had not may come later. From
                the beginning on, no record is there at first; otherwise each may have any of its
                values.
            until: what begins later is left out; a write that ends later may come later.
        """
        until = self._now + 1 if until is None else until
        for name, operations in self._by_name():
            part = []
            for one in operations:
                if one.begun > until or (one.ended or until) < since:
                    continue
                if one.begun >= since and one.ended is not None and one.ended <= until:
                    part.append(one)
                elif one.writes:
                    part.append(replace(one, ended=None))
            self._explain(name, part, _values(operations) if since else (None,))

    def check_acknowledged(self, since: int) -> None:
        """The same of the whole history, of which observations before an instant are left out.

        What was seen before it may have been undone, unless it was acknowledged.
        """
        for name, operations in self._by_name():
            part = [one for one in operations if one.writes or one.begun >= since]
            self._explain(name, part, (None,))

    def check_each_view(self) -> None:
        """The same where the database lies, for each opened store by itself.

        What others write may be hidden from it, for as long as the database likes; what it shows
        must be as if that came later.
        """
        for name, operations in self._by_name():
            for at in sorted({one.at for one in operations}):
                part = [
                    one if one.at == at else replace(one, ended=None)
                    for one in operations
                    if one.at == at or one.writes
                ]
                self._explain(name, part, _values(operations))

    def _by_name(self) -> Iterator[tuple[bytes, list[Operation]]]:
        for name in sorted({one.name for one in self.operations}):
            yield name, [one for one in self.operations if one.name == name]

    def _explain(self, name: bytes, part: list[Operation], starts: Iterable[Value]) -> None:
        if not explained(part, starts):
            lines = "; ".join(f"[{one.begun}, {one.ended}] {one.text}" for one in part)
            self.violate(f"not linearizable: {name.decode()}: {lines}")


def _values(operations: Iterable[Operation]) -> tuple[Value, ...]:
    """All that a record may have had: what was written or read, and nothing."""
    return (None, *sorted({one.value for one in operations} - {None}))  # type: ignore[type-var]


def explained(operations: Sequence[Operation], starts: Iterable[Value] = (None,)) -> bool:
    """Whether operations on one record can be put in an order that explains them.

    Args:
        operations: on one record.
        starts: the values it may have before them.
    """
    ends = [float("inf") if one.ended is None else one.ended for one in operations]
    definite = sum(1 << at for at, one in enumerate(operations) if one.ended is not None)
    seen: set[tuple[int, Value]] = set()
    pending = [(0, value) for value in starts]
    while pending:
        done, value = pending.pop()
        if done & definite == definite:
            return True
        if (done, value) in seen:
            continue
        seen.add((done, value))
        left = [at for at in range(len(operations)) if not done >> at & 1]
        earliest = min(ends[at] for at in left)
        for at in left:
            one = operations[at]
            if one.begun < earliest and one.needs(value):
                pending.append((done | 1 << at, one.value if one.writes else value))
    return False
