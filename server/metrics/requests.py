"""Counts of batch items and messages, by operation and by how they went.

Counting is on the way of every request and done on the event loop alone, so it is a look into a
dictionary and an addition, without a lock. What a scrape shows is computed when somebody scrapes.

Keys are the specification's enumerations. An operation that no version has, a vendor's value among
them, is counted under one name for all, lest a client choose how many there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kmip.enums import Operation, ResultReason, ResultStatus
from server.metrics.openmetrics import Family, Sample, Type, counter, number

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
"""Upper bounds of the buckets in seconds: a Get from memory takes a hundred microseconds, an RSA
key pair seconds."""
KNOWN: Final[Mapping[int, Operation]] = {int(each): each for each in Operation}
UNKNOWN: Final = "unknown"
"""How an operation is labelled that no version has."""

Kind = tuple[Operation | None, ResultStatus, ResultReason | None]


@dataclass(slots=True)
class Tally:
    """The items of one kind.

    Attributes:
        buckets: how many took at most the bound at the same place, and more than the one before.
        seconds: that all took together.
        untimed: items that were refused before they were performed.
    """

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    untimed: int = 0

    @property
    def items(self) -> int:
        """All of them."""
        return sum(self.buckets) + self.untimed


class RequestCounts:
    """What has been asked since the process started.

    Attributes:
        messages: request messages, whatever they were.
        refused: messages that were refused as a whole, by the reason.
        tallies: batch items by kind.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.refused: Counter[ResultReason] = Counter()
        self.tallies: dict[Kind, Tally] = {}

    def count(
        self,
        operation: Operation | int | None,
        status: ResultStatus,
        reason: ResultReason | None,
        seconds: float | None,
    ) -> None:
        """Count a batch item.

        Args:
            operation: that was asked, known or not.
            status: how it went.
            reason: why it failed.
            seconds: that it took; None: it was not performed.
        """
        known = None if operation is None else KNOWN.get(operation)
        key = (known, status, reason)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        if seconds is None:
            tally.untimed += 1
        else:
            tally.buckets[bisect_left(BOUNDS, seconds)] += 1
            tally.seconds += seconds

    def families(self) -> Iterator[Family]:
        """The metric families."""
        yield counter(
            "strongroom_messages",
            "Request messages, those that were refused as a whole included.",
            Sample(self.messages),
        )
        yield counter(
            "strongroom_messages_refused",
            "Request messages, or their responses, that were refused as a whole.",
            *(Sample(count, {"reason": reason.title}) for reason, count in self.refused.items()),
        )
        yield counter(
            "strongroom_requests",
            "Batch items, by Operation, Result Status and Result Reason.",
            *(
                Sample(
                    tally.items,
                    {
                        "operation": _title(operation),
                        "status": status.title,
                        "reason": "" if reason is None else reason.title,
                    },
                )
                for (operation, status, reason), tally in self.tallies.items()
            ),
        )
        yield Family(
            "strongroom_request_duration_seconds",
            Type.HISTOGRAM,
            "How long batch items took from their turn to their result.",
            tuple(self._histogram()),
            "seconds",
        )

    def _histogram(self) -> Iterator[Sample]:
        together: dict[tuple[str, str], Tally] = {}
        for (operation, status, _), tally in self.tallies.items():
            found = together.setdefault((_title(operation), status.title), Tally())
            found.buckets = [a + b for a, b in zip(found.buckets, tally.buckets, strict=True)]
            found.seconds += tally.seconds
        for (operation_title, status_title), tally in together.items():
            labels = {"operation": operation_title, "status": status_title}
            sofar = 0
            for bound, count in zip((*BOUNDS, None), tally.buckets, strict=True):
                sofar += count
                limit = "+Inf" if bound is None else number(bound)
                yield Sample(sofar, labels | {"le": limit}, "_bucket")
            yield Sample(sofar, labels, "_count")
            yield Sample(tally.seconds, labels, "_sum")


def _title(operation: Operation | None) -> str:
    return UNKNOWN if operation is None else operation.title
