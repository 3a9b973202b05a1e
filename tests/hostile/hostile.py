"""A client that attacks: it has as many connections as it likes.

An attack is a function of one, and each call of it one round, which is repeated. A round uses
connections of its own, and leaves nothing behind that the next one needs.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from kmip.enums import BatchErrorContinuationOption, ObjectType, Operation
from kmip.masks import CryptographicUsageMask as Mask
from kmip.versions import V2_1
from tests.e2e.program import Remote
from tests.server.samples import ACTIVE, aes, create

CONNECTIONS: Final = 8
BATCH: Final = 100
OBJECTS: Final = 100
LEFT: Final = (trio.BrokenResourceError, trio.ClosedResourceError)

CONTINUE: Final = {"batch_error_continuation_option": BatchErrorContinuationOption.CONTINUE}
UNDO: Final = {"batch_error_continuation_option": BatchErrorContinuationOption.UNDO}

Round = Callable[["Hostile"], Awaitable[None]]


class Hostile:
    """One attacker.

    Args:
        port: of KMIP, on this machine.
        https: the port of the server's evidence.
        context: shows the attacker's certificate.
    """

    def __init__(self, port: int, https: int, context: ssl.SSLContext) -> None:
        self.port = port
        self.https = https
        self.context = context
        self.base = ""
        self.rounds = 0

    async def connect(self) -> Remote:
        tcp = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(tcp, self.context, server_hostname="localhost")
        await stream.do_handshake()
        return Remote(None, None, V2_1, stream=stream)

    async def connect_https(self) -> trio.SSLStream[trio.SocketStream]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        tcp = await trio.open_tcp_stream("127.0.0.1", self.https)
        stream = trio.SSLStream(tcp, context, server_hostname="localhost", https_compatible=True)
        await stream.do_handshake()
        return stream

    async def prepare(self) -> None:
        """Make what the attacks use: a key to derive from, and objects to be located."""
        one = await self.connect()
        self.base = await create(one, ACTIVE, mask=Mask.DERIVE_KEY | Mask.ENCRYPT)
        item = one.item(
            Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(ACTIVE)
        )
        await one.message(*[item] * OBJECTS)
        await one.stream.aclose()

    async def round(self, attack: Round) -> None:
        """One more round."""
        self.rounds += 1
        await attack(self)

    async def each(
        self, act: Callable[[Remote], Awaitable[None]], count: int = CONNECTIONS
    ) -> None:
        """Do the same on so many connections at once, then close them."""

        async def on_one() -> None:
            one = await self.connect()
            try:
                await act(one)
            except LEFT:
                pass
            finally:
                await trio.aclose_forcefully(one.stream)

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(on_one)


def batch(ask: Remote, operation: Operation, **fields: Any) -> list[Any]:
    """A batch of the same item."""
    return [ask.item(operation, **fields)] * BATCH
