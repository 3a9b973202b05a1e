"""Takes what an unprovisioned server needs from another one that has it, until it is up.

The givers are asked in their order, round after round, with a pause that grows. Nothing is lost by
a giver that is away, refuses or breaks off: the next round asks again, and the operator can
provision the server at any time. What happens is in the log, where a failure that repeats is told
once.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import Final

import trio

from enclave.client import Expectation
from enclave.mutual import Party, connect
from server.bootstrap.routes import Bootstrap
from server.peers import hand_over
from server.peers.expectations import Expectations
from server.peers.port import EXPECTED_ERRORS, said
from server.setup import addresses
from server.setup.config import Config

log: Final = logging.getLogger(__name__)

FIRST_PAUSE: Final = 2.0
LAST_PAUSE: Final = 60.0
"""Seconds between two rounds: a giver that restarts is back within some seconds, and one that is
not there for an hour is not worth more."""
_GIVE_SECONDS: Final = 30.0
"""For the hand-over itself, once both sides are accepted."""


@dataclass
class Taking:
    """Asks the givers.

    Attributes:
        config: names them.
        party: this side of the connections.
        expectations: what a giver must be.
        bootstrap: starts the service.
        first_pause: seconds, after the first round.
    """

    config: Config
    party: Party
    expectations: Expectations
    bootstrap: Bootstrap
    first_pause: float = FIRST_PAUSE
    _last: dict[str, str] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Ask until the service is up."""
        pause = self.first_pause
        while not self.bootstrap.done.is_set():
            for giver in self.config.handover_from:
                if not self.bootstrap.is_operator_at_work and await self._took(giver):
                    return
            await trio.sleep(pause * (0.75 + secrets.randbelow(512) / 1024))
            pause = min(2 * pause, LAST_PAUSE)

    async def _took(self, giver: str) -> bool:
        """Whether the service is up with what a giver handed over."""
        try:
            expectation = await self.expectations.giver()
            return await self._take(giver, expectation)
        except EXPECTED_ERRORS as error:
            self._tell(giver, said(error))
            return False

    async def _take(self, giver: str, expectation: Expectation) -> bool:
        host, port = addresses.place(giver)
        async with await connect(host, port, self.party, expectation) as connection:
            with trio.fail_after(_GIVE_SECONDS):
                provisioning = await hand_over.take(connection, self.party.now)
            who = connection.claims.instance.hex()
        log.warning("hand-over: server %s at %s has handed its provisioning over", who, giver)
        return await self.bootstrap.hand_over(provisioning, giver)

    def _tell(self, giver: str, why: str) -> None:
        if self._last.get(giver) != why:
            self._last[giver] = why
            log.warning("hand-over: nothing from %s: %s", giver, why)
