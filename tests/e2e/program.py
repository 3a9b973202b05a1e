"""The real server process, and clients of it over real TLS."""

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from kmip.encodings import ttlv
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import V2_1, ProtocolVersion
from tests.server.conftest import InProcessClient, with_ids

ROOT = Path(__file__).parents[2]


class Program:
    """A server process over a data directory, which has said where it listens."""

    def __init__(self, data: Path, *words: object) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "server", "serve", "--data", str(data)),
                    *("--kmip-port", "0", *map(str, words)),
                ],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout
        banner = self.process.stdout.readline()
        found = re.search(r"serves KMIP on .*:(\d+)", banner)
        if found is None:
            self.end(signal.SIGKILL)
            pytest.fail(f"it did not start: {self.log.read_text()}")
        self.port = int(found[1])

    def kill(self) -> None:
        """End it as a power failure does: it gets no chance to write anything."""
        self.process.kill()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def said(self) -> str:
        """All that it has written to its log."""
        return self.log.read_text()

    def tls(self, name: str = "client") -> ssl.SSLContext:
        """What a client of that name needs to connect."""
        tls = self.data / "tls"
        context = ssl.create_default_context(cafile=tls / "ca.pem")
        context.load_cert_chain(tls / f"{name}.pem", tls / f"{name}.key")
        return context

    async def socket(self) -> trio.SocketStream:
        """A bare TCP connection."""
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    @asynccontextmanager
    async def client(
        self, version: ProtocolVersion = V2_1, context: ssl.SSLContext | None = None
    ) -> AsyncIterator["Remote"]:
        """A client on a connection of its own."""
        stream = trio.SSLStream(
            await self.socket(), context or self.tls(), server_hostname="localhost"
        )
        try:
            await stream.do_handshake()
            yield Remote(None, None, version, stream=stream)
        finally:
            await trio.aclose_forcefully(stream)


@contextmanager
def running(data: Path, *words: object) -> Iterator[Program]:
    """A server process that ends with the block, whatever happens in it."""
    program = Program(data, *words)
    try:
        yield program
    finally:
        program.kill()
        program.process.communicate()


@dataclass
class Remote(InProcessClient):
    """As `InProcessClient`, over a TLS stream to a server that may be another process's."""

    server: Any
    stream: Any = field(default=None, repr=False)

    async def send(self, *items: RequestBatchItem, **header: Any) -> None:
        """Send a message of these items."""
        fields = {"batch_count": len(items)} | header
        items = with_ids(items)
        request = RequestMessage(
            request_header=RequestHeader(protocol_version=self.version, **fields),
            batch_item=items,
        )
        await self.stream.send_all(ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, self.version)))

    async def receive(self) -> ResponseMessage:
        """The next message.

        Raises:
            trio.BrokenResourceError: the server has gone before all of it was there.
        """
        data = b""
        while len(data) < 8 or len(data) < 8 + int.from_bytes(data[4:8], "big"):
            more = await self.stream.receive_some()
            if not more:
                raise trio.BrokenResourceError
            data += more
        return from_item(ttlv.decode(data), ResponseMessage, self.version)

    async def message(self, *items: RequestBatchItem, **header: Any) -> ResponseMessage:
        await self.send(*items, **header)
        return await self.receive()
