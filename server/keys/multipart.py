"""Cryptographic operations whose data comes in one part or in many (2.1 section 6.1.11 and others).

Init Indicator       the first part: the answer has a Correlation Value
Correlation Value    a further part
Final Indicator      the last part: the stream is over
none of them         all of the data at once
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar, TypeVarTuple, cast

from kmip.enums import Operation
from kmip.errors import InvalidField, ServerLimitExceeded
from server.context import Context
from server.crypto import costs
from server.keys import key_use
from server.sessions.streams import Computation, Stream

C = TypeVar("C", bound=Computation)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


MAX_MAC: Final = 1024
"""Bytes of a MAC to be verified; the longest has 64."""
MAX_SIGNATURE: Final = 65_536
"""Bytes of a signature to be verified; the longest has some 50 000 (SLH-DSA)."""
MAX_EXPECTED: Final = {
    Operation.MAC_VERIFY: MAX_MAC,
    Operation.SIGNATURE_VERIFY: MAX_SIGNATURE,
}


class MultipartRequest(Protocol):
    """A request that may be one part of many."""

    correlation_value: bytes | None
    init_indicator: bool | None
    final_indicator: bool | None


@dataclass(slots=True)
class Part(Generic[C]):
    """One part.

    Attributes:
        identifier: the object in use.
        computation: what computes with it.
        correlation_value: for the answer; None after the last part.
        expected: the MAC or signature to verify, with whichever part it came.
        length: bytes of the part, and of those that were kept for the last one.
        stream: the part's stream; None where all data comes at once.
    """

    identifier: str
    computation: C
    correlation_value: bytes | None
    expected: bytes | None
    length: int
    stream: Stream | None = None
    _results: list[Any] = field(default_factory=list, repr=False)

    @property
    def is_last(self) -> bool:
        """Whether the result is due now."""
        return self.correlation_value is None

    @property
    def cost(self) -> float:
        """Microseconds to compute with the part."""
        if self.is_last:
            return self.computation.rate.of(self.length)
        rate = costs.COPYING if self.computation.gathers else self.computation.rate
        return rate.part(self.length)

    async def compute(self, context: Context, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Compute with the part, once: another call gives the first one's result.

        A part that counts against Usage Limits may have to be performed anew because another client
        has used them meanwhile; its data must not go into the stream again.

        Args:
            context: of the request.
            call: a method of the computation.
            arguments: of the call.
        """
        async with nullcontext() if self.stream is None else self.stream.turn:
            if not self._results:
                self._results.append(await context.compute(self.cost, call, *arguments))
        result: T = self._results[0]
        return result


def rest(request: MultipartRequest, data: bytes) -> bytes | None:
    """What a last part gives: nothing at all where earlier parts have given everything."""
    return data if data or request.correlation_value is None else None


Begin = Callable[[], Awaitable[tuple[str, C]]]
"""Checks the request and gives the object in use and what computes with it."""


async def part_of(
    context: Context,
    request: MultipartRequest,
    begin: Begin[C],
    length: int,
    *,
    expected: bytes | None = None,
    kept: int = 0,
) -> Part[C]:
    """The part that a request is, its stream begun or found.

    Args:
        context: of the request.
        request: one part.
        begin: begins a stream.
        length: bytes of the part.
        expected: a MAC or signature that comes with this part.
        kept: bytes that a stream keeps from its first part beside data: additional data.

    Raises:
        InvalidCorrelationValue: there is no such stream.
        InvalidField: a first part that goes on with a stream; a MAC or signature that is longer
            than any.
        WrongKeyLifecycleState, UsageLimitExceeded: the key may not be used so any more.
        ServerLimitExceeded: streams would keep too much.
    """
    if len(expected or b"") > MAX_EXPECTED.get(context.operation, 0):
        raise InvalidField("no MAC or signature is as long as the one to be verified")
    if request.correlation_value is not None:
        part = await _following(context, request, request.correlation_value, expected, length)
        # A stream is found by its operation, and each operation has one kind of computation.
        return cast("Part[C]", part)
    identifier, computation = await begin()
    if not request.init_indicator or request.final_indicator:
        return Part(identifier, computation, None, expected, length)
    kept += len(expected or b"") + (length if computation.gathers else 0)
    value = context.once(lambda: _open(context, identifier, computation, kept))
    stream = _stream(context, value)
    stream.computation, stream.expected = computation, expected
    context.produced.streams.append(value)
    return Part(identifier, computation, value, expected, length, stream)


async def _following(
    context: Context, request: MultipartRequest, value: bytes, expected: bytes | None, length: int
) -> Part[Computation]:
    """A part after the first."""
    if request.init_indicator:
        raise InvalidField("a first part has no Correlation Value")

    def take() -> Part[Computation]:
        stream = _stream(context, value)
        computation = stream.computation
        more = length if computation.gathers else 0
        if expected is not None:
            more += max(0, len(expected) - len(stream.expected or b""))
        context.server.streams.gather(stream, more)
        context.produced.streams.append(value)
        if expected is not None:
            stream.expected = expected
        if not request.final_indicator:
            return Part(stream.identifier, computation, value, None, length, stream)
        context.server.streams.close(value)
        whole = stream.gathered if computation.gathers else length
        return Part(stream.identifier, computation, None, stream.expected, whole, stream)

    found = context.once(lambda: _stream(context, value))
    if found.identifier:
        await key_use.check_next_part(
            context, found.identifier, key_use.USES[found.operation], length
        )
    return context.once(take, "take")  # another part may have come to its end meanwhile


def _open(context: Context, identifier: str, computation: Computation, kept: int) -> bytes:
    streams, client = context.server.streams, context.client.name
    value = streams.open(
        client, context.operation, identifier, computation, context.now, context.holder
    )
    try:
        streams.gather(_stream(context, value), kept)
    except ServerLimitExceeded:
        streams.close(value)
        raise
    return value


def _stream(context: Context, value: bytes) -> Stream:
    streams, client = context.server.streams, context.client.name
    return streams.get(client, context.operation, value, context.now)
