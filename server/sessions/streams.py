"""Cryptographic operations in parts, between Init and Final (2.1 section 6.1.11 and others).

A stream lives in memory only: it ends with Final, when its time is over, when its client opens too
many, or with the process; the client then begins anew.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Protocol

import trio

from kmip.enums import Operation
from kmip.errors import InvalidCorrelationValue, ServerLimitExceeded
from server.crypto.costs import Rate

MAX_STREAMS: Final = 1024
"""In all: a stream of a block cipher takes about 2 KiB."""
MAX_STREAMS_PER_CLIENT: Final = 64
"""A client's oldest stream makes room for its newest."""
MAX_GATHERED: Final = 256 * 1024 * 1024
"""Bytes that all streams together keep because their algorithm needs the whole message at once."""
MAX_GATHERED_PER_CLIENT: Final = 64 * 1024 * 1024
"""Of one client: four of the longest messages."""
SECONDS: Final = 600
"""Between two parts; as long as a slow link needs for the largest part, and more."""


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
        gathered: bytes that it keeps.
        turn: whose turn it is to compute; parts may come over several connections at once.
    """

    client: str
    operation: Operation
    identifier: str
    computation: Computation = field(repr=False)
    until: int
    expected: bytes | None = field(default=None, repr=False)
    gathered: int = 0
    turn: trio.Lock = field(default_factory=trio.Lock, repr=False)


class Streams:
    """All operations under way, by their Correlation Values (16 random bytes)."""

    def __init__(self) -> None:
        self._streams: OrderedDict[bytes, Stream] = OrderedDict()

    def open(
        self,
        client: str,
        operation: Operation,
        identifier: str,
        computation: Computation,
        now: int,
    ) -> bytes:
        """Begin a stream; its Correlation Value."""
        self._expire(now)
        mine = [key for key, stream in self._streams.items() if stream.client == client]
        if len(mine) >= MAX_STREAMS_PER_CLIENT:
            del self._streams[mine[0]]
        while len(self._streams) >= MAX_STREAMS:
            self._streams.popitem(last=False)
        value = secrets.token_bytes(16)
        self._streams[value] = Stream(client, operation, identifier, computation, now + SECONDS)
        return value

    def get(self, client: str, operation: Operation, value: bytes, now: int) -> Stream:
        """The stream with this Correlation Value.

        Raises:
            InvalidCorrelationValue: the client has no such stream of this operation.
        """
        self._expire(now)
        stream = self._streams.get(value)
        if stream is None or stream.client != client or stream.operation != operation:
            raise InvalidCorrelationValue("there is no such stream, or its time was over")
        stream.until = now + SECONDS
        self._streams.move_to_end(value)
        return stream

    def gather(self, stream: Stream, length: int) -> None:
        """Count a part that a stream is to keep.

        Raises:
            ServerLimitExceeded: the client's streams, or all of them, would keep too much.
        """
        if not stream.computation.gathers:
            return
        every = self._streams.values()
        mine = sum(one.gathered for one in every if one.client == stream.client)
        if mine + length > MAX_GATHERED_PER_CLIENT:
            raise ServerLimitExceeded("this client's streams would keep too much data")
        if sum(one.gathered for one in every) + length > MAX_GATHERED:
            raise ServerLimitExceeded("streams would keep too much data; try again")
        stream.gathered += length

    def close(self, value: bytes) -> None:
        """End a stream."""
        self._streams.pop(value, None)

    def _expire(self, now: int) -> None:
        while self._streams:
            oldest = next(iter(self._streams))
            if self._streams[oldest].until >= now:
                return
            del self._streams[oldest]
