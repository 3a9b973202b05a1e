"""Hand-over: an unprovisioned server takes its provisioning from one that has it.

    taker                                       giver
      │── mutually attested connection ────────────│  `enclave.mutual`, each by `expectations`
      │── {"take": 1, "time": seconds} ───────────▶│
      │◀─ {"provisioning": {…}} ───────────────────│  or {"refused": "why"}

What is handed over is what the operator gave: the store's place and secret, the clients'
authority, an identity that they brought, whether it may be sealed for a restart. What is a server's
alone stays: a certificate for its own key, the number of its restarts. The state of the store goes
along, as the least that the taker may accept, so that nobody shows it an older one; and the
giver's time, with which the taker compares its machine's clock as with an operator's.

The store that both use must be one that servers share. What the operator said since the start
(revocation lists, refused certificates, the policy itself) is in that store.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from server.setup.failure import Failure
from server.setup.provisioning import Provisioning
from server.setup.sealed_head import MAX_STEP
from storage import SealedStore

log: Final = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 1024
MAX_ANSWER_BYTES: Final = 4 << 20
"""A PKCS#12 and an authority's certificates have some thousand bytes; each may have a MiB."""
_VERSION: Final = 1


class Messages(Protocol):
    """The part of `enclave.mutual.MutualConnection` that is needed here."""

    async def send(self, message: bytes) -> None:
        """See there."""

    async def receive(self, most: int) -> bytes:
        """See there."""


Check = Callable[[], Awaitable[None]]
"""Raises `enclave.errors.Refused` where the taker is not accepted any more."""


@dataclass(frozen=True, slots=True)
class Giver:
    """Hands over what this server was provisioned with.

    Attributes:
        provisioning: what the operator gave. It stays in memory for as long as the server runs.
        store: the store that it opens.
        now: the clock, with a time zone.
    """

    provisioning: Provisioning = field(repr=False)
    store: SealedStore = field(repr=False)
    now: Callable[[], datetime]

    async def give(self, connection: Messages, check: Check) -> str:
        """Answer one request, on a connection whose other side is accepted as a taker.

        Args:
            connection: to the taker.
            check: is called at the last moment, since the policy may have been withdrawn. When it
                returns, the taker may get everything.

        Returns:
            Why nothing was handed over; empty: it was.

        Raises:
            Refused: by `check`.
            InvalidEvidence: the request is longer than any.
            storage.StorageError: the store does not answer.
            trio.BrokenResourceError: the taker has gone.
        """
        refused = await self._refused(await connection.receive(MAX_REQUEST_BYTES))
        if refused:
            await connection.send(json.dumps({"refused": refused}).encode())
            return refused
        await self.store.refresh()
        await check()
        handed = _for_another(self.provisioning, self.store, self.now())
        await connection.send(b'{"provisioning": ' + handed.encode() + b"}")
        return ""

    async def _refused(self, request: bytes) -> str:
        """Why a request is refused; empty: it is not."""
        request_members = _members(request)
        if request_members.get("take") != _VERSION:
            return "another release asks in another way"
        if not self.store.is_shared:
            return "the store serves one server only"
        secret = self.provisioning.secret
        if secret is None or not await self.store.is_opened_by(secret):
            return "the store's secret has changed since this server was provisioned"
        return _clocks_differ(self.now(), request_members.get("time"))


def _for_another(provisioning: Provisioning, store: SealedStore, now: datetime) -> Provisioning:
    """What another server is given of it."""
    return replace(
        provisioning,
        certificate="",
        certificate_rules=b"",
        policy="",
        configuration="",
        number=0,
        lineage="",
        anchor=str(store.anchor),
        time=int(now.timestamp()),
    )


async def take(connection: Messages, now: Callable[[], datetime]) -> Provisioning:
    """What a giver hands over, on a connection whose other side is accepted as one.

    Args:
        connection: to the giver.
        now: the clock, with a time zone.

    Raises:
        Failure: it hands nothing over, or what it sends cannot be used.
        InvalidEvidence: the answer is longer than any.
        trio.BrokenResourceError: the giver has gone.
    """
    request = {"take": _VERSION, "time": int(now().timestamp())}
    await connection.send(json.dumps(request).encode())
    answer = _members(await connection.receive(MAX_ANSWER_BYTES))
    if "refused" in answer:
        raise Failure(f"It hands nothing over: {str(answer['refused'])[:200]!r}.")
    try:
        provisioning = Provisioning.of_members(answer["provisioning"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Failure("What it hands over is not of this release.") from None
    if different := _clocks_differ(now(), provisioning.time):
        raise Failure(f"It hands over in vain: {different}.")
    return provisioning


def _clocks_differ(now: datetime, seconds: Any) -> str:
    """That the two machines' clocks are too far apart; empty: they are not."""
    try:
        other = datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return "the time is missing"
    if abs(now - other) <= MAX_STEP:
        return ""
    return f"the clocks are {abs(now - other).total_seconds():.0f} s apart"


def _members(message: bytes) -> dict[str, Any]:
    """A JSON object; empty where the message is none."""
    try:
        members = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}
