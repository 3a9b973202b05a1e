"""Cryptographic operations whose data comes in one part or in many (2.1 section 6.1.11 and others).

Init Indicator       the first part: the answer has a Correlation Value
Correlation Value    a further part
Final Indicator      the last part: the stream is over
none of them         all of the data at once
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from kmip.errors import InvalidField, ServerLimitExceeded
from server.context import Context
from server.keys import key_use
from server.sessions.streams import Stream


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
    context: Context,
    request: Parted,
    begin: Begin,
    expected: bytes | None = None,
    *,
    length: int = 0,
) -> Part:
    """The part that a request is, its stream begun or found.

    Args:
        context: of the request.
        request: one part.
        begin: begins a stream.
        expected: a MAC or signature that comes with this part.
        length: bytes of the part.

    Raises:
        InvalidCorrelationValue: there is no such stream.
        InvalidField: a first part that goes on with a stream.
        WrongKeyLifecycleState, UsageLimitExceeded: the key may not be used so any more.
        ServerLimitExceeded: streams would keep too much.
    """
    if request.correlation_value is not None:
        return await _following(context, request, request.correlation_value, expected, length)
    identifier, state = await begin()
    if not request.init_indicator or request.final_indicator:
        return Part(identifier, state, None, expected)
    value = context.once(lambda: _open(context, identifier, state, length))
    stream = _stream(context, value)
    stream.state, stream.expected = state, expected
    context.produced.streams.append(value)
    return Part(identifier, state, value)


async def _following(
    context: Context, request: Parted, value: bytes, expected: bytes | None, length: int
) -> Part:
    """A part after the first."""
    if request.init_indicator:
        raise InvalidField("a first part has no Correlation Value")

    def take() -> Part:
        stream = _stream(context, value)
        context.server.streams.gather(stream, length)
        context.produced.streams.append(value)
        if expected is not None:
            stream.expected = expected
        state = Once(stream.state)
        if not request.final_indicator:
            return Part(stream.identifier, state, value)
        context.server.streams.close(value)
        return Part(stream.identifier, state, None, stream.expected)

    found = context.once(lambda: _stream(context, value))
    if found.identifier:
        await key_use.go_on(context, found.identifier, key_use.USES[found.operation], length)
    return context.once(take, "take")  # another part may have come to its end meanwhile


class Once:
    """The state of a stream for one part: what computes is called once, and repeats its answer.

    A part that counts against Usage Limits may have to be performed anew because another client has
    used them meanwhile; its data must not go into the stream again.

    Args:
        state: what computes.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._answers: list[Any] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the state, to be called once."""

        def call(*arguments: Any) -> Any:
            if not self._answers:
                self._answers.append(getattr(self._state, name)(*arguments))
            return self._answers[0]

        return call


def _open(context: Context, identifier: str, state: Any, length: int) -> bytes:
    streams, client = context.server.streams, context.client.name
    value = streams.open(client, context.operation, identifier, state, context.now)
    try:
        streams.gather(_stream(context, value), length)
    except ServerLimitExceeded:
        streams.close(value)
        raise
    return value


def _stream(context: Context, value: bytes) -> Stream:
    streams, client = context.server.streams, context.client.name
    return streams.get(client, context.operation, value, context.now)
