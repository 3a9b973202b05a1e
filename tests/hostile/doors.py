"""Attacks at the door: connections, handshakes, and bytes that come in odd ways."""

import socket
from typing import Final

import trio

from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.e2e.program import Remote
from tests.hostile.hostile import CONTINUE, LEFT, Hostile, batch

OPENED: Final = 40
PIPELINED: Final = 300


async def half_open(hostile: Hostile) -> None:
    """Connections without a handshake."""
    streams = [await trio.open_tcp_stream("127.0.0.1", hostile.port) for _ in range(OPENED)]
    for one in streams:
        await trio.aclose_forcefully(one)


async def handshakes(hostile: Hostile) -> None:
    """Handshakes, and nothing else."""

    async def act(ask: Remote) -> None:
        pass

    await hostile.each(act)


async def small_records(hostile: Hostile) -> None:
    """A long message, a byte in each TLS record."""

    async def act(ask: Remote) -> None:
        for _ in range(2_000):
            await ask.stream.send_all(b"\x42")

    await hostile.each(act)


async def garbage(hostile: Hostile) -> None:
    """Messages of very many items that are none."""
    request = structure(Tag.REQUEST_MESSAGE, *[Item(0x540001, ItemType.INTEGER, 1)] * 60_000)
    data = ttlv.encode(request)

    async def act(ask: Remote) -> None:
        await ask.stream.send_all(data)
        await ask.stream.receive_some(1)

    await hostile.each(act, 4)


async def half_closed(hostile: Hostile) -> None:
    """Batches of clients that stop sending at once."""

    async def act(ask: Remote) -> None:
        await ask.send(*batch(ask, Operation.LOCATE, maximum_items=1), **CONTINUE)
        ask.stream.transport_stream.socket.shutdown(socket.SHUT_WR)
        await ask.receive()

    await hostile.each(act)


async def slow_bodies(hostile: Hostile) -> None:
    """Requests at the HTTPS port whose body does not come."""
    head = b"POST /start HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegun"
    streams = []
    for _ in range(OPENED):
        try:
            streams.append(await hostile.connect_https())
            await streams[-1].send_all(head)
        except LEFT:
            continue
    for one in streams:
        await trio.aclose_forcefully(one)


async def pipelined(hostile: Hostile) -> None:
    """Very many requests at the HTTPS port whose answers are not read."""

    async def on_one() -> None:
        try:
            stream = await hostile.connect_https()
            with trio.move_on_after(1):
                await stream.send_all(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n" * PIPELINED)
            await trio.aclose_forcefully(stream)
        except LEFT:
            return

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(on_one)
