"""What must hold of any input: nothing but an answer comes of it, whatever it is.

Each function is given bytes, and raises `Wrong` or whatever the code under test raised. An input
that is refused as the specification says is right.

    reading     what decodes is written again as the same item, in this encoding and in the others;
                as TTLV as the same bytes; the compiled way reads nothing else than the generic one
    answering   there is an answer, it is a response message, and the server logged no error, as it
                does of every fault of its own
    HTTP        whole responses come back, and no error was logged
"""

from __future__ import annotations

import logging
import re
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trio
import trio.testing

from kmip.compiled.requests import read_request
from kmip.encodings import ttlv
from kmip.encodings.ckms.exchange import Exchange
from kmip.encodings.codec import CODECS, Codec
from kmip.errors import InvalidMessage, KMIPError
from kmip.items import Item
from kmip.messages import ResponseMessage, version_of
from kmip.structures import from_item
from kmip.versions import V1_0, V3_0
from server.access.client import Client
from server.requests.answer import answer
from server.setup.shutdown import Shutdown
from server.state import Server
from server.transport.acceptor import Peer
from server.transport.http import HTTPConnection, Limits
from server.transport.kmip_https import KMIPOverHTTPS
from tests.kmip.compiled.test_requests import generically

CLIENT = Client("alice")
PEER = Peer("192.0.2.1", CLIENT, b"certificate")
PATIENCE = Limits(idle_seconds=60, read_seconds=60, write_seconds=60)
CONTROLS = {chr(code) for code in (*range(32), 0xFFFE, 0xFFFF)}
"""What XML cannot hold, or changes."""

SHARE = 4
"""One input in so many is written in the other encodings too, which takes longer than an answer."""
STATUS_LINE = re.compile(rb"HTTP/1\.1 \d{3}")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Wrong(Exception):
    """Something does not hold of an input."""


class Errors(logging.Handler):
    """The errors that were logged: each is a fault of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.found.append(record)


@contextmanager
def no_errors() -> Iterator[None]:
    """Whatever the server logs as an error in the block is raised from it."""
    handler = Errors()
    logging.getLogger("server").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("server").removeHandler(handler)
    for record in handler.found:
        cause = record.exc_info[1] if record.exc_info else None
        raise Wrong(record.getMessage()) from cause


def examine_reading(codec: Codec, data: bytes) -> None:
    """What decodes is written again as it was read."""
    try:
        item = codec.decode(data)
    except InvalidMessage:
        return
    if codec.media_type == ttlv.MESSAGE.media_type:
        if codec.encode(item) != data:
            raise Wrong("it is written otherwise than it was read")
        _examine_compiled(data)
    if crc32(data) % SHARE:
        return
    for name, other in CODECS.items():
        if name == "XML" and _has_controls(item):
            continue
        for version in (V1_0, V3_0):
            written = other.encode(item, version)
            if len(written) > other.max_bytes:
                continue
            if other.decode(written) != item:
                raise Wrong(f"it is another item in {name}")


def _has_controls(item: Item) -> bool:
    if item.children:
        return any(map(_has_controls, item.children))
    return isinstance(item.value, str) and not CONTROLS.isdisjoint(item.value)


def _examine_compiled(data: bytes) -> None:
    found = read_request(data)
    if found is not None and (found.message, found.version) != generically(data):
        raise Wrong("the compiled way reads something else")


async def examine_answer(server: Server, codec: Codec, data: bytes) -> None:
    """There is an answer, and nothing failed inside."""
    with no_errors():
        examine_reading(codec, data)
        reply = await answer(server, data, CLIENT, codec)
    item = codec.decode(reply)
    from_item(item, ResponseMessage, version_of(item))


async def examine_ckms(server: Server, data: bytes) -> None:
    """What Cosmian's clients post is answered."""
    exchange = Exchange(int(server.clock()))
    with no_errors():
        with suppress(KMIPError):
            exchange.decode(data)
        exchange = Exchange(int(server.clock()))
        await answer(server, data, CLIENT, exchange)


async def examine_http(server: Server, data: bytes) -> None:
    """A connection on which just these bytes come ends in whole responses, or in none."""
    mine, theirs = trio.testing.memory_stream_pair()
    routes = KMIPOverHTTPS(server).routes
    received = bytearray()

    async def send() -> None:
        await mine.send_all(data)
        await mine.send_eof()

    async def receive() -> None:
        async for part in mine:
            received.extend(part)

    with no_errors():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            nursery.start_soon(receive)
            await HTTPConnection(theirs, PEER, routes, PATIENCE, Shutdown()).serve()
            await theirs.aclose()
    _examine_responses(bytes(received))
    if any(server.turns.in_use(CLIENT.name)):
        raise Wrong("a message that was answered is still counted")


def _examine_responses(received: bytes) -> None:
    """Bytes that came back are whole responses of HTTP, one after the other."""
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        if not end or not STATUS_LINE.match(head):
            raise Wrong("what comes back is no response")
        length = LENGTH.search(head)
        if length is None or STATUS_LINE.match(received):  # it tells to go on, or answers a HEAD
            continue
        if received and len(received) < int(length[1]):
            raise Wrong("a response is not whole")
        received = received[int(length[1]) :]
