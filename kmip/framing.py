"""A byte stream cut into messages.

A message begins with its length, so the first 8 bytes decide whether the rest is read at all: what
is no message, or is longer than the limit, is refused before anything is kept.
"""

from collections.abc import Iterator
from typing import Final

from kmip.encodings.ttlv import HEADER_BYTES
from kmip.enums import ItemType
from kmip.errors import InvalidMessage
from kmip.tags import Tag

DEFAULT_LIMIT: Final = 1 << 20
"""Bytes of one message: Maximum Response Size values seen in clients are 8 KiB to 1 MiB."""


class Frames:
    """Collects received bytes and returns whole messages.

    Args:
        tag: the only tag a message may have: Request Message at a server.
        limit: the longest message in bytes, header included.
    """

    def __init__(self, tag: Tag = Tag.REQUEST_MESSAGE, limit: int = DEFAULT_LIMIT) -> None:
        self._start = (int(tag) << 8 | ItemType.STRUCTURE).to_bytes(4, "big")
        self._limit = limit
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a part of a message is waiting for its rest."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Take `data`; every message that is now whole.

        Raises:
            InvalidMessage: no message begins like this, or it is longer than the limit. The stream
                cannot be read any further.
        """
        self._buffer += data
        while (length := self._length()) is not None and len(self._buffer) >= length:
            message = bytes(self._buffer[:length])
            del self._buffer[:length]
            yield message

    def _length(self) -> int | None:
        """Bytes of the message that the buffer begins with, once they are known."""
        head = self._buffer[:HEADER_BYTES]
        if head[:4] != self._start[: len(head)]:
            raise InvalidMessage("this is not a KMIP message")
        if len(head) < HEADER_BYTES:
            return None
        body = int.from_bytes(head[4:], "big")
        if body % 8:
            raise InvalidMessage("a message's length is a multiple of 8")
        if HEADER_BYTES + body > self._limit:
            raise InvalidMessage(f"a message is at most {self._limit} bytes long")
        return HEADER_BYTES + body
