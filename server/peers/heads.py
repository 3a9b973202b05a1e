"""Servers on one store tell each other the state that they see, around the back end.

A back end can show two servers two histories, or an older one to a server, as long as they meet
nowhere else. Here they meet: every few seconds, over connections on which both have attested
themselves, of which the back end is no part.

    {"state": "number:mark"}  ─▶      each side compares the other's state with what it knows
                              ◀─  {"state": "number:mark"}

What a server tells was durable before it told it. So who is behind asks the back end, and must be
shown that very state, or a continuation of it: of the same number another mark is a **fork**, and a
lower number twice in a row a **rollback** (once may be a primary that has just been replaced). Then
this server takes no more changes, and says so: in the log, in the audit log, and in its claims,
where `strongroom verify` shows it. It does not decide who of the two is right. An operator does:
docs/operations.md.

Each connects to all others. Where it finds them is in the sealed store, and the key that they must
have; besides they must be what `expectations` says. Who is connected to may not find the other in
its store. Then that one is of another store, such as a copy, or the back end hides its
announcement: its word counts for nothing here, and this server's state is told all the same, by
which the other finds out.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import trio

from enclave.client import Expectation
from enclave.errors import Refused
from enclave.mutual import MutualConnection, Party, connect
from server.peers import kept_policy
from server.peers.announcements import RENEW_SECONDS, Announced, Announcements
from server.peers.expectations import Expectations
from server.peers.hand_over import Messages
from server.peers.port import EXPECTED_ERRORS, said
from server.requests import audit
from server.setup import addresses
from storage import Anchor, Reason, SealedStore, StorageError, Tampered

log: Final = logging.getLogger(__name__)

SECONDS: Final = 5.0
"""Between two exchanges with a peer."""
IDLE_SECONDS: Final = 60.0
"""After which a peer that says nothing is let go; it comes back."""
MAX_FOLLOWED: Final = 32
"""Peers that this server connects to at once; each costs a small message in each exchange."""
MAX_MESSAGE_BYTES: Final = 256
LAST_PAUSE: Final = 60.0
"""Between two attempts to reach a peer."""
LIFE_SECONDS: Final = 3600.0
"""Of a connection: both sides attest themselves anew each hour."""
LAST_WRITE_SECONDS: Final = 1.0
"""At a stop, to write that this server is there no more."""

_TEXT: Final = {
    Reason.FORKED: "its back end shows the two servers different histories",
    Reason.ROLLED_BACK: "the back end shows an older state than that server has seen",
}


@dataclass(slots=True)
class Comparison:
    """Compares what a peer tells with what this server's back end shows.

    Attributes:
        store: this server's view.
        clock: gives the time, seconds since 1970.
    """

    store: SealedStore
    clock: Callable[[], float]
    _behind: set[bytes] = field(default_factory=set, init=False)

    async def compare(self, peer: bytes, state: Anchor) -> Reason | None:
        """What a peer's state shows; the alarm is raised where it shows something.

        Args:
            peer: its number.
            state: what it has told.

        Returns:
            None: it shows nothing, or not yet.

        Raises:
            storage.Unavailable: the back end does not answer.
        """
        is_new = self.store.finding is None
        try:
            if self.store.has_been(state) is None and state.number > self.store.anchor.number:
                await self.store.refresh()
            reason, why = self._judged(peer, state), ""
        except Tampered as error:
            reason, why = error.reason, str(error)
        if reason is not None and is_new:
            self._alarm(peer, state, reason, why or _TEXT[reason])
        return reason

    def _judged(self, peer: bytes, state: Anchor) -> Reason | None:
        known = self.store.has_been(state)
        is_behind = known is None and state.number > self.store.anchor.number
        if not is_behind:
            self._behind.discard(peer)
            return Reason.FORKED if known is False else None
        if peer in self._behind:
            return Reason.ROLLED_BACK
        self._behind.add(peer)
        log.warning(
            "peers: server %s has seen commit %d of the store, and the back end shows %d here",
            peer.hex(), state.number, self.store.anchor.number,
        )  # fmt: skip
        return None

    def _alarm(self, peer: bytes, state: Anchor, reason: Reason, why: str) -> None:
        """Stop changes, and say why."""
        self.store.stop(reason)
        sentence = (
            f"ALARM: {why}. Server {peer.hex()} has seen {state}, and this one "
            f"{self.store.anchor}. No change is taken any more."
        )
        log.critical("peers: %s", sentence)
        who = f"server {peer.hex()}"
        line = audit.event(self.clock(), who, "evidence", "Compare States", reason=sentence)
        audit.write([line])


@dataclass
class Heads:
    """Meets the other servers on the store.

    Attributes:
        own: what this server announces of itself.
        store: the store.
        clock: gives the time, seconds since 1970.
        party: this side of the connections.
        expectations: what peers must be.
        seconds: between two exchanges, and two looks for peers.
    """

    own: Announced
    store: SealedStore
    clock: Callable[[], float]
    party: Party
    expectations: Expectations
    seconds: float = SECONDS
    comparison: Comparison = field(init=False)
    announcements: Announcements = field(init=False)
    _followed: set[bytes] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.comparison = Comparison(self.store, self.clock)
        self.announcements = Announcements(self.store)

    async def keep(self) -> None:
        """Announce this server and meet the others, until this is cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_announced)
                while True:
                    await self._look(nursery)
                    await trio.sleep(_about(self.seconds))
        finally:
            with trio.move_on_after(LAST_WRITE_SECONDS, shield=True):
                await self._withdraw()

    async def _keep_announced(self) -> None:
        pause = self.seconds
        while True:
            try:
                await self.announcements.announce(replace(self.own, time=int(self.clock())))
                pause = RENEW_SECONDS
            except StorageError as error:
                log.warning("peers: this server is not announced: %s", error)
                pause = min(2 * pause, RENEW_SECONDS)
            await trio.sleep(pause)

    async def _withdraw(self) -> None:
        try:
            await self.announcements.withdraw(self.own.instance)
        except StorageError as error:
            log.info("peers: this server stays announced for some minutes: %s", error)

    async def _look(self, nursery: trio.Nursery) -> None:
        """Begin to follow those that are not followed yet."""
        try:
            await self.store.refresh()
            found = await self.announcements.all(int(self.clock()))
        except StorageError as error:
            log.info("peers: no look at who is there: %s", error)
            return
        for peer in found:
            is_new = peer.instance not in {self.own.instance, *self._followed}
            if is_new and len(self._followed) < MAX_FOLLOWED:
                self._followed.add(peer.instance)
                nursery.start_soon(self._follow, peer)

    async def _follow(self, peer: Announced) -> None:
        """Meet one peer again and again, until it is not announced any more."""
        pause, last = self.seconds, ""
        try:
            while (announced := await self._announced(peer)) is not None:
                try:
                    if await self._met(announced):
                        pause, last = self.seconds, ""
                except EXPECTED_ERRORS as error:
                    if said(error) != last:
                        last = said(error)
                        log.warning(
                            "peers: no exchange with server %s at %s: %s",
                            peer.instance.hex(), announced.address, last,
                        )  # fmt: skip
                await trio.sleep(_about(pause))
                pause = min(2 * pause, LAST_PAUSE)
        finally:
            self._followed.discard(peer.instance)

    async def _announced(self, peer: Announced) -> Announced | None:
        """What the peer announces now; None: nothing any more."""
        try:
            await self.store.refresh()
            found = await self.announcements.all(int(self.clock()))
        except StorageError:
            return peer  # the back end is away, and the peer may be there
        return next((each for each in found if each.instance == peer.instance), None)

    async def _met(self, peer: Announced) -> bool:
        """Exchange states over one connection, for as long as it lasts.

        Returns:
            Whether there was one exchange at least.
        """
        expectation = await self.expected()
        host, port = addresses.place(peer.address)
        pinned = replace(expectation, pin=bytes.fromhex(peer.key))
        until = trio.current_time() + LIFE_SECONDS
        async with await connect(host, port, self.party, pinned) as connection:
            log.info("peers: exchanging states with %s at %s", peer.instance.hex(), peer.address)
            while trio.current_time() < until:
                with trio.fail_after(IDLE_SECONDS):
                    await connection.send(self._state())
                    state = _state_in(await connection.receive(MAX_MESSAGE_BYTES))
                await self.comparison.compare(peer.instance, state)
                await trio.sleep(_about(self.seconds))
        return True

    async def expected(self) -> Expectation:
        """What a peer must be now."""
        return await self.expectations.peer(await kept_policy.read(self.store))

    async def serve(self, connection: MutualConnection, address: str) -> None:
        """Answer a peer that has connected and attested itself."""
        instance = connection.claims.instance
        is_known = await self._is_announced(instance, connection.attested.pin)
        if is_known:
            log.info("peers: exchanging states with %s from %s", instance.hex(), address)
        else:
            log.warning(
                "peers: server %s from %s is not announced in the store that is shown here: it is "
                "on another one, a copy, or the back end hides it", instance.hex(), address,
            )  # fmt: skip
        await self.answer(connection, instance, is_known=is_known)

    async def answer(self, connection: Messages, peer: bytes, *, is_known: bool) -> None:
        """Answer each state by this server's own, until the peer leaves.

        Args:
            connection: to the peer.
            peer: its number.
            is_known: whether its word counts.
        """
        until = trio.current_time() + LIFE_SECONDS
        while trio.current_time() < until:
            with trio.fail_after(IDLE_SECONDS):
                state = _state_in(await connection.receive(MAX_MESSAGE_BYTES))
                await connection.send(self._state())
            if is_known:
                await self.comparison.compare(peer, state)

    async def _is_announced(self, instance: bytes, key: bytes) -> bool:
        """Whether a peer has announced this very key in the store."""
        await self.store.refresh()
        announced = await self.announcements.of(instance)
        return announced is not None and announced.key == key.hex()

    def _state(self) -> bytes:
        return json.dumps({"state": str(self.store.anchor)}).encode()


def _state_in(message: bytes) -> Anchor:
    """The state in a message.

    Raises:
        Refused: there is none.
    """
    try:
        return Anchor.parse(json.loads(message)["state"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Refused(("it tells no state of a store",)) from None


def _about(seconds: float) -> float:
    """So many seconds, a quarter more or less, so that servers do not all act at once."""
    return seconds * (0.75 + secrets.randbelow(512) / 1024)
