"""The port at which a provisioned server's peers reach it.

Whoever connects is judged before anything is said to them (`enclave.mutual`), by the role that
their certificate claims: a taker by the operator's policy, a peer by `expectations`. Strangers get
as far as two handshakes, a few times from one address.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from enclave.claims import KeyOrigin, Role
from enclave.client import Expectation
from enclave.errors import EnclaveError, Refused
from enclave.keys import OwnKey
from enclave.mutual import MutualConnection, Party, accept, peer_context
from enclave.tee import Tee
from server.attestation import attester
from server.sessions.rate_limits import RateLimiter
from server.setup import addresses
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.handshake import Stream
from storage import StorageError

log: Final = logging.getLogger(__name__)

MAX_CONNECTIONS: Final = 64
"""At once: several for each server of a large group."""
BURST: Final = 8
"""Connections from one address at once, behind which several servers may be."""
PER_SECOND: Final = 0.5

EXPECTED_ERRORS: Final = (
    EnclaveError,
    Failure,
    StorageError,
    OSError,
    UnicodeError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio.TooSlowError,
)
"""What ends a connection with a peer, and nothing else; UnicodeError is of a name that is none."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What is said to peers that claim one role.

    Attributes:
        expected: what they must be.
        serve: callback(connection, address), once they are.
    """

    expected: Callable[[], Awaitable[Expectation]]
    serve: Callable[[MutualConnection, str], Awaitable[None]]


@dataclass(slots=True)
class PeerPort:
    """Serves the connections of peers.

    Attributes:
        party: this side.
        answering: by the role that the other side claims.
        shutdown: ends all connections.
    """

    party: Party
    answering: Mapping[Role, Answering]
    shutdown: Shutdown
    _rate_limiter: RateLimiter = field(
        default_factory=lambda: RateLimiter(BURST, PER_SECOND), repr=False
    )

    async def session(self, stream: Stream, peer: Peer) -> None:
        """One connection, after its first handshake."""
        if not self._rate_limiter.take(peer.network, trio.current_time()):
            log.info("peers: too many connections from %s; one is closed", peer.address)
            return
        with self.shutdown.at_most(math.inf):
            try:
                connection = await accept(stream, self.party, self._expected)
            except EXPECTED_ERRORS as error:
                log.warning("peers: %s is not accepted: %s", peer.address, said(error))
                return
            async with connection:
                try:
                    await self.answering[connection.claims.role].serve(connection, peer.address)
                except EXPECTED_ERRORS as error:
                    log.info("peers: the connection of %s ends: %s", peer.address, said(error))

    async def _expected(self, role: Role) -> Expectation:
        if role not in self.answering:
            raise Refused((f"nothing is said here to a server whose key is for {role}",))
        return await self.answering[role].expected()


async def make_party(
    config: Config,
    tee: Tee,
    role: Role,
    instance: bytes,
    now: Callable[[], datetime],
    nursery: trio.Nursery,
) -> Party:
    """This side of connections with peers, under a key of its own that lives as long as it does.

    Args:
        config: the settings.
        tee: the chip.
        role: what the key is for.
        instance: the server's number.
        now: the clock, with a time zone.
        nursery: keeps its certificate fresh.

    Raises:
        EnclaveError, Failure: see `server.attestation.attester.make_attester`.
    """
    key = OwnKey(ec.generate_private_key(ec.SECP256R1()), KeyOrigin.RANDOM)
    own = await attester.make_attester(config, tee, role, now, instance=instance, key=key)
    context = peer_context()
    names = (addresses.place(config.peer_address)[0],) if config.peer_address else ()
    await nursery.start(attester.keep_presented, own, context, names)
    return Party(own, context, now)


def said(error: BaseException) -> str:
    """What went wrong with a connection, for the log; nothing of it is secret."""
    if isinstance(error, trio.TooSlowError):
        return "it does not answer in time"
    if isinstance(error, trio.BrokenResourceError | trio.ClosedResourceError):
        return str(error) or "the connection broke"
    if not isinstance(error, OSError):
        return str(error)
    cause = error.__cause__  # trio tries each of a host's addresses
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return getattr(cause or error, "strerror", None) or str(error)
