"""Cryptographic operations whose data comes in one part or in many (2.1 section 6.1.11 and others).

Init Indicator       the first part: the answer has a Correlation Value
Correlation Value    a further part
Final Indicator      the last part: the stream is over
none of them         all of the data at once
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from kmip.errors import InvalidField
from server.context import Context


class Parted(Protocol):
    """A request that may be one part of many."""

    correlation_value: bytes | None
    init_indicator: bool | None
    final_indicator: bool | None


class Part(NamedTuple):
    """One part.

    Attributes:
        identifier: the object in use.
        state: what computes.
        correlation_value: for the answer; None after the last part.
        expected: the MAC or signature to verify, with whichever part it came.
    """

    identifier: str
    state: Any
    correlation_value: bytes | None
    expected: bytes | None = None

    @property
    def is_last(self) -> bool:
        """Whether the result is due now."""
        return self.correlation_value is None


def rest(request: Parted, data: bytes) -> bytes | None:
    """What a last part gives: nothing at all where earlier parts have given everything."""
    return data if data or request.correlation_value is None else None


Begin = Callable[[], Awaitable[tuple[str, Any]]]
"""Checks the request and gives the object in use and what computes with it."""


async def part_of(
    context: Context, request: Parted, begin: Begin, expected: bytes | None = None
) -> Part:
    """The part that a request is, its stream begun or found.

    Args:
        context: of the request.
        request: one part.
        begin: begins a stream.
        expected: a MAC or signature that comes with this part.

    Raises:
        InvalidCorrelationValue: there is no such stream.
        InvalidField: a first part that goes on with a stream.
    """
    streams = context.server.streams
    value = request.correlation_value
    if value is None:
        identifier, state = await begin()
        if not request.init_indicator or request.final_indicator:
            return Part(identifier, state, None, expected)
        opened = context.once(
            lambda: streams.open(
                context.client.name, context.operation, identifier, state, context.now
            )
        )
        stream = streams.get(context.client.name, context.operation, opened, context.now)
        stream.expected = expected
        return Part(identifier, stream.state, opened)
    if request.init_indicator:
        raise InvalidField("a first part has no Correlation Value")
    stream = streams.get(context.client.name, context.operation, value, context.now)
    if expected is not None:
        stream.expected = expected
    if not request.final_indicator:
        return Part(stream.identifier, stream.state, value)
    streams.close(value)
    return Part(stream.identifier, stream.state, None, stream.expected)
