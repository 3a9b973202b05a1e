"""The port for peers, put together for one running server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import trio

from enclave.claims import Role
from enclave.client import Expectation
from enclave.errors import Refused
from enclave.mutual import MutualConnection, Party
from enclave.policy import appraise
from enclave.tee import Tee
from server.peers import kept_policy
from server.peers.announcements import Announced
from server.peers.expectations import Expectations, Vendors, vendors_of
from server.peers.hand_over import Giver
from server.peers.heads import Heads
from server.peers.port import MAX_CONNECTIONS, Answering, PeerPort, make_party
from server.requests import audit
from server.setup import addresses
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.state import Server
from server.transport.acceptor import Endpoint
from server.transport.listening import open_listeners

log: Final = logging.getLogger(__name__)

GIVE_SECONDS: Final = 30.0
"""For the hand-over itself, once both sides are accepted."""


@dataclass(frozen=True, slots=True)
class Takers:
    """What is done for servers that are to take this one's provisioning.

    Attributes:
        server: has the store, with the operator's policy.
        expectations: what they must be.
        giver: hands it over.
    """

    server: Server
    expectations: Expectations
    giver: Giver

    async def expected(self) -> Expectation:
        """What one must be, by the operator's policy as it is now."""
        store = self.server.store
        await store.refresh()
        return self.expectations.taker(await kept_policy.read(store))

    async def serve(self, connection: MutualConnection, address: str) -> None:
        """Hand over, with a line in the log and in the audit log for who was given what."""
        who = f"server {connection.claims.instance.hex()}"
        with trio.fail_after(GIVE_SECONDS):
            refused = await self.giver.give(
                connection, partial(self._check_again, connection, who, address)
            )
        if refused:
            log.warning("hand-over: %s at %s is given nothing: %s", who, address, refused)
            self._audit(who, address, refused)

    def _audit(self, who: str, address: str, refused: str = "") -> None:
        now = self.server.clock()
        line = audit.event(now, who, "evidence", "Hand-over", shown_by=address, reason=refused)
        audit.write([line])

    async def _check_again(self, connection: MutualConnection, who: str, address: str) -> None:
        """Let pass what the policy still accepts, and write that it is given everything now.

        Raises:
            Refused: it has been withdrawn since.
        """
        verified = connection.attested.appraised.verified
        expectation = await self.expected()
        if reasons := tuple(expectation.policy.claims.differences(connection.claims)):
            raise Refused(reasons)
        appraise(
            verified,
            expectation.policy,
            self.giver.now(),
            allow_insecure_simulated=expectation.allow_insecure_simulated,
        )
        measurement = verified.measurement.hex()
        log.warning("hand-over: %s at %s, measurement %s", who, address, measurement)
        self._audit(who, address)


@asynccontextmanager
async def opened(
    server: Server,
    tee: Tee | None,
    instance: bytes,
    provisioning: Provisioning | None,
    vendors: Callable[[], Vendors] | None,
    nursery: trio.Nursery,
) -> AsyncIterator[Endpoint]:
    """The endpoint of a server's peers, its sockets open for the length of an `async with` block.

    Args:
        server: what all requests share.
        tee: this machine's; None: it has none.
        instance: the server's number.
        provisioning: what another server may be given; None: nothing.
        vendors: gives what evidence is verified by; None: as the settings name it.
        nursery: keeps certificates fresh.

    Raises:
        Failure: there is no TEE, it cannot vouch for code, or the address cannot be had.
        enclave.errors.EnclaveError: the chip gives no evidence.
    """
    config = server.config
    if tee is None:
        raise Failure("peer_address is for a machine with a chip that attests.")

    def now() -> datetime:
        return datetime.fromtimestamp(server.clock(), UTC)

    expectations = Expectations(config, tee, now, vendors or partial(vendors_of, config))
    party = await make_party(config, tee, Role.PEER, instance, now, nursery)
    answering: dict[Role, Answering] = {}
    if provisioning is not None:
        takers = Takers(server, expectations, Giver(provisioning, server.store, now))
        answering[Role.TAKER] = Answering(takers.expected, takers.serve)
    own = await _announced(config.peer_address, party, tee, instance)
    heads = Heads(own, server.store, server.clock, party, expectations)
    answering[Role.PEER] = Answering(heads.expected, heads.serve)
    port = PeerPort(party, answering, server.shutdown)
    _, number = addresses.place(config.peer_address)
    host = config.https_host or config.kmip_host
    try:
        listeners = await open_listeners(host, number)
    except OSError as error:
        raise Failure(f"{host} port {number} cannot be had: {error.strerror}.") from None
    try:
        async with trio.open_nursery() as meeting:
            if server.store.is_shared:
                meeting.start_soon(heads.keep)
            yield Endpoint(listeners, party.context, port.session, max_connections=MAX_CONNECTIONS)
            meeting.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            for each in listeners:
                await each.aclose()


async def _announced(address: str, party: Party, tee: Tee, instance: bytes) -> Announced:
    """What this server announces of itself."""
    claims = party.attester.claims()
    measurement = (await tee.measurement()).hex()
    return Announced(instance, address, claims.public_key_sha256.hex(), measurement, 0)
