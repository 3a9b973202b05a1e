"""What a hostile client does to a server, each as one round that is repeated.

A round uses connections of its own, and leaves nothing behind that the next one needs.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    DerivationMethod,
    HashingAlgorithm,
    ObjectType,
    Operation,
)
from kmip.masks import CryptographicUsageMask as Mask
from kmip.payloads.derivation import DerivationParameters
from kmip.versions import V2_1
from tests.e2e.program import Remote
from tests.server.samples import ACTIVE, aes, create

CONNECTIONS: Final = 8
BATCH: Final = 100
OBJECTS: Final = 100
ROUNDS: Final = 200_000

Round = Callable[["Hostile"], Awaitable[None]]


class Hostile:
    """A client with as many connections as it likes.

    Args:
        port: of the server, on this machine.
        context: shows its certificate.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = port
        self.context = context
        self.base = ""

    async def connect(self) -> Remote:
        tcp = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(tcp, self.context, server_hostname="localhost")
        await stream.do_handshake()
        return Remote(None, None, V2_1, stream=stream)

    async def prepare(self) -> None:
        """Make what the attacks use: a key to derive from, and objects to be located."""
        one = await self.connect()
        self.base = await create(one, ACTIVE, mask=Mask.DERIVE_KEY)
        item = one.item(
            Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(ACTIVE)
        )
        await one.message(*[item] * OBJECTS)
        await one.stream.aclose()

    async def each(self, act: Callable[[Remote], Awaitable[None]]) -> None:
        """Do the same on all connections at once, then close them."""

        async def on_one() -> None:
            one = await self.connect()
            try:
                await act(one)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            finally:
                await trio.aclose_forcefully(one.stream)

        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(on_one)


def batch(ask: Remote, operation: Operation, **fields: Any) -> list[Any]:
    return [ask.item(operation, **fields)] * BATCH


CONTINUE: Final = {"batch_error_continuation_option": BatchErrorContinuationOption.CONTINUE}


async def batches(hostile: Hostile) -> None:
    """Long batches over many connections."""

    async def act(ask: Remote) -> None:
        await ask.message(*batch(ask, Operation.LOCATE, maximum_items=1), **CONTINUE)

    await hostile.each(act)


async def left_batches(hostile: Hostile) -> None:
    """The same, and the client leaves at once."""

    async def act(ask: Remote) -> None:
        await ask.send(*batch(ask, Operation.LOCATE, maximum_items=1), **CONTINUE)

    await hostile.each(act)


async def full_responses(hostile: Hostile) -> None:
    """Batches whose response is full after a few items."""

    async def act(ask: Remote) -> None:
        await ask.message(*batch(ask, Operation.RNG_RETRIEVE, data_length=60_000), **CONTINUE)

    await hostile.each(act)


def derivation(ask: Remote, base: str) -> Any:
    parameters = DerivationParameters(
        cryptographic_parameters=CryptographicParameters(
            hashing_algorithm=HashingAlgorithm.SHA_256
        ),
        salt=b"12345678",
        iteration_count=ROUNDS,
    )
    return ask.item(
        Operation.DERIVE_KEY,
        object_type=ObjectType.SYMMETRIC_KEY,
        unique_identifier=(base,),
        derivation_method=DerivationMethod.PBKDF2,
        derivation_parameters=parameters,
        attributes=aes(),
    )


async def left_slow_work(hostile: Hostile) -> None:
    """Slow work, for which nobody waits."""

    async def act(ask: Remote) -> None:
        await ask.send(derivation(ask, hostile.base))

    await hostile.each(act)


async def slow_work(hostile: Hostile) -> None:
    """Slow work, for which the client waits."""

    async def act(ask: Remote) -> None:
        await ask.message(derivation(ask, hostile.base))

    await hostile.each(act)


async def unread_responses(hostile: Hostile) -> None:
    """Long responses that are not read."""

    async def act(ask: Remote) -> None:
        for _ in range(40):
            await ask.send(ask.item(Operation.RNG_RETRIEVE, data_length=65_536))
        await trio.sleep(0.5)

    await hostile.each(act)


async def long_texts(hostile: Hostile) -> None:
    """Identifiers that would fill log and audit."""

    async def act(ask: Remote) -> None:
        for _ in range(5):
            await ask.message(ask.item(Operation.GET, unique_identifier="\0" * 900_000))

    await hostile.each(act)


async def half_open(hostile: Hostile) -> None:
    """Connections without a handshake."""
    streams = [await trio.open_tcp_stream("127.0.0.1", hostile.port) for _ in range(40)]
    for one in streams:
        await trio.aclose_forcefully(one)


ATTACKS: Final[dict[str, Round]] = {
    "long batches over many connections": batches,
    "the same, and the client leaves at once": left_batches,
    "batches whose response is full": full_responses,
    "slow work": slow_work,
    "slow work, and the client leaves at once": left_slow_work,
    "long responses that are not read": unread_responses,
    "identifiers of 900 kB": long_texts,
    "connections without a handshake": half_open,
}
