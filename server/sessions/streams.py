"""Cryptographic operations in parts, between Init and Final (2.1 section 6.1.11 and others).

A stream is in the memory of one server only, also where several share a store: half a computation
is not written down, and a write for each part would cost more than most parts. It ends with Final,
when its time is over, when it has to give way, or with the process; the client then begins anew, as
it does where a part has reached another server.

Where there are too many, or they keep too much, a stream of whoever has most gives way, by number
or by bytes. Among a client's streams that is the client itself or one of its tickets, so that a
ticket for hashing does not end its client's encryption; among all, it is one client. Who asks for
more and would have most gives way themselves: nobody loses a stream to somebody who has more.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import trio

from kmip.enums import Operation
from kmip.errors import InvalidCorrelationValue, ServerLimitExceeded
from server.crypto.costs import Rate

T = TypeVar("T", bound=Hashable)

MAX_STREAMS: Final = 1024
"""In all: a stream of a block cipher takes about 2 KiB."""
MAX_STREAMS_PER_CLIENT: Final = 64
"""Of one client, with all tickets that stand for it."""
MAX_GATHERED: Final = 256 * 1024 * 1024
"""Bytes that all streams together keep: parts that their algorithm needs at once, additional data,
MACs and signatures to be compared with at the end."""
MAX_GATHERED_PER_CLIENT: Final = 64 * 1024 * 1024
"""Of one client, with all tickets that stand for it: four of the longest messages."""
SECONDS: Final = 600
"""Between two parts; as long as a slow link needs for the largest part, and more."""
NO_STREAM: Final = "this server has no such stream: its time was over, or another server began it"


class Computation(Protocol):
    """What computes with the parts of a stream, one after the other."""

    @property
    def gathers(self) -> bool:
        """Whether its parts are kept until the last one, since its algorithm needs all at once."""

    @property
    def rate(self) -> Rate:
        """What it costs."""


@dataclass(slots=True)
class Stream:
    """One operation under way.

    Attributes:
        client: whose it is.
        operation: which operation.
        identifier: the object used; empty for Hash.
        computation: what the operation goes on with.
        until: when it ends unless another part comes, seconds since 1970.
        expected: a MAC or signature to verify, where a part has brought it.
        holder: the ticket that it was begun with; "": none.
        gathered: bytes that it keeps.
        turn: whose turn it is to compute; parts may come over several connections at once.
    """

    client: str
    operation: Operation
    identifier: str
    computation: Computation = field(repr=False)
    until: int
    expected: bytes | None = field(default=None, repr=False)
    holder: str = ""
    gathered: int = 0
    turn: trio.Lock = field(default_factory=trio.Lock, repr=False)


class Streams:
    """All operations under way, by their Correlation Values (16 random bytes).

    Args:
        longest: bytes of the longest message that a stream may keep as a whole; a client may
            always keep one, whatever it has.
    """

    def __init__(self, longest: int = 0) -> None:
        self._longest = longest
        self._streams: OrderedDict[bytes, Stream] = OrderedDict()

    def open(
        self,
        client: str,
        operation: Operation,
        identifier: str,
        computation: Computation,
        now: int,
        holder: str = "",
    ) -> bytes:
        """Begin a stream; its Correlation Value.

        Args:
            client: whose it is.
            operation: which operation.
            identifier: the object used.
            computation: what the operation goes on with.
            now: seconds since 1970.
            holder: the ticket that it is begun with; "": none.

        Raises:
            ServerLimitExceeded: too many are open, and nobody has more than who asks.
        """
        self._expire(now)
        if self._of(client) >= MAX_STREAMS_PER_CLIENT:
            self._give_way(client, holder)
        elif len(self._streams) >= MAX_STREAMS:
            counts = Counter(stream.client for stream in self._streams.values())
            most = _largest(counts, client, 1)
            self._give_way(most, holder if most == client else None)
        value = secrets.token_bytes(16)
        self._streams[value] = Stream(
            client, operation, identifier, computation, now + SECONDS, holder=holder
        )
        return value

    def _of(self, client: str) -> int:
        return sum(stream.client == client for stream in self._streams.values())

    def _give_way(self, client: str, asking: str | None) -> None:
        """End the oldest stream of whoever holds most of a client's.

        Args:
            client: whose.
            asking: which of its holders wants to begin another; None: none of them. The client
                itself comes before its tickets.

        Raises:
            ServerLimitExceeded: the holder that asks would have most, and has none yet.
        """
        mine = {key: one for key, one in self._streams.items() if one.client == client}
        counts = Counter(one.holder for one in mine.values())
        most = counts.most_common(1)[0][0] if counts else ""
        if asking is not None:
            most = _largest(counts, asking, 1 if asking else 0)
        oldest = next((key for key, one in mine.items() if one.holder == most), None)
        if oldest is None:
            raise ServerLimitExceeded("too many streams are open; end some, or try again")
        del self._streams[oldest]

    def get(self, client: str, operation: Operation, value: bytes, now: int) -> Stream:
        """The stream with this Correlation Value.

        Raises:
            InvalidCorrelationValue: the client has no such stream of this operation.
        """
        self._expire(now)
        stream = self._streams.get(value)
        if stream is None or stream.client != client or stream.operation != operation:
            raise InvalidCorrelationValue(NO_STREAM)
        stream.until = now + SECONDS
        self._streams.move_to_end(value)
        return stream

    def gather(self, stream: Stream, length: int) -> None:
        """Count bytes that a stream is to keep.

        Raises:
            ServerLimitExceeded: the client's streams, or all of them, would keep too much, and
                nobody else keeps more.
        """
        while length and self._bytes(client=stream.client) + length > self._most(
            MAX_GATHERED_PER_CLIENT
        ):
            self._release(stream, length, {stream.client})
        while length and self._bytes() + length > self._most(MAX_GATHERED):
            self._release(stream, length, None)
        stream.gathered += length

    def _most(self, usual: int) -> int:
        return max(usual, self._longest)

    def _bytes(self, client: str | None = None) -> int:
        every = self._streams.values()
        return sum(one.gathered for one in every if client in (None, one.client))

    def _release(self, stream: Stream, length: int, clients: set[str] | None) -> None:
        """End the stream that keeps most of those of whoever keeps most.

        Args:
            stream: is to keep more.
            length: how much.
            clients: whose tickets are compared; None: all clients are compared.

        Raises:
            ServerLimitExceeded: it is whoever asks.
        """
        amounts: Counter[tuple[str, str]] = Counter()
        for one in self._streams.values():
            if clients is None:
                amounts[one.client, ""] += one.gathered
            elif one.client in clients:
                amounts[one.client, one.holder] += one.gathered
        mine = (stream.client, "" if clients is None else stream.holder)
        client, holder = _largest(amounts, mine, length)
        if (client, holder) == mine:
            raise ServerLimitExceeded("streams would keep too much data; end some, or try again")
        key = max(
            (
                key
                for key, one in self._streams.items()
                if one.client == client and (clients is None or one.holder == holder)
            ),
            key=lambda key: self._streams[key].gathered,
        )
        del self._streams[key]

    def close(self, value: bytes) -> None:
        """End a stream."""
        self._streams.pop(value, None)

    def _expire(self, now: int) -> None:
        while self._streams:
            oldest = next(iter(self._streams))
            if self._streams[oldest].until >= now:
                return
            del self._streams[oldest]


def _largest(amounts: Counter[T], asking: T, more: int) -> T:
    """Who has most, once whoever asks has `more`; they themselves where others have as much."""
    mine = amounts[asking] + more
    return next((one for one, amount in amounts.most_common(1) if amount > mine), asking)
