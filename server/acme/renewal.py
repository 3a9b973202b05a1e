"""When a certificate is asked for, and that a failure costs nothing but another try.

Theory: one task for the server's life. It first puts the kept certificate in place, if there is
one, and then sleeps until one is due: at once without any, at two thirds of its life (a little
before, by chance, so that not all servers ask on the same morning), or when the directory wants it
renewed (RFC 9773; asked a few times a day, where it is offered). Sleeps are short and look at the
clock again: a suspended machine does not miss its day.

An attempt tries the ways of showing the name in their order, and begins with the one that worked
last. Where all fail, the present certificate goes on serving. The next attempt comes after a pause
that doubles: from a minute where the directory was not reached, from twenty minutes where it said
no (Let's Encrypt counts five failed validations an hour), to six hours, and never sooner than the
directory wants. Whoever has mended what was wrong restarts the server, and it tries at once.

A success is bounded too, as directories count certificates. One that is due again as soon as it
comes (a clock that is ahead of the directory's, a life of minutes, a window for renewal that has
always passed) is not ordered again before twenty minutes; and where the next one is no better,
before twice as long, up to two thirds of what is left of its life or a day. The same holds for a
certificate that cannot be used.
"""

from __future__ import annotations

import logging
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from server.acme.client import Answering, Client
from server.acme.replies import ACMEError, Refused, Unusable
from server.acme.sealed_state import SealedState
from server.acme.session import Session
from server.transport import tls
from server.transport.https_client import Fetch

log: Final = logging.getLogger(__name__)

RENEW_AT: Final = 2 / 3
JITTER: Final = 1 / 50
"""Of a certificate's life: 43 hours of 90 days."""

UNREACHED_SECONDS: Final = 60.0
REFUSED_SECONDS: Final = 1200.0
MAX_PAUSE_SECONDS: Final = 6 * 3600.0
MAX_REST_SECONDS: Final = 24 * 3600.0
"""Between two certificates that were due as soon as they came, and have not expired by then."""
MAX_WISH_SECONDS: Final = 24 * 3600.0
"""The longest that a directory is obeyed; it may itself be wrong, and the certificate ends."""
MAX_SLEEP_SECONDS: Final = 3600.0
ASK_AGAIN_SECONDS: Final = 6 * 3600.0
"""How often for renewal information, as RFC 9773 section 4.3.2 advises."""
MIN_ASK_AGAIN_SECONDS: Final = 600.0

RATE_LIMITED: Final = "rateLimited"


def chance() -> float:
    """A number from 0 to 1, without the 1."""
    return secrets.randbits(32) / (1 << 32)


@dataclass(slots=True)
class Renewal:
    """Keeps one name's certificate.

    Attributes:
        kept: what lasts from one start to the next.
        fetch: reaches the directory.
        answering: ways of showing the name, in the order in which they are tried.
        install: puts a certificate in place.
        now: the clock, with a time zone.
        email: whom the directory may write to; empty: nobody.
        key: what the first certificate is for; None: a key made then.
        chance: a number from 0 to 1, without the 1.
        rest: the least seconds from a certificate to the next order.
    """

    kept: SealedState
    fetch: Fetch
    answering: Sequence[Answering]
    install: Callable[[tls.Identity], None]
    now: Callable[[], datetime]
    email: str = ""
    key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    chance: Callable[[], float] = chance
    rest: float = REFUSED_SECONDS
    _came_at: float | None = field(default=None, init=False)
    _due_at_once: int = field(default=0, init=False)
    _client: Client | None = field(default=None, init=False)
    _identity: tls.Identity | None = field(default=None, init=False)
    _account_key: ec.EllipticCurvePrivateKey | None = field(default=None, init=False, repr=False)

    async def keep(
        self,
        ready: trio.Event | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep a certificate in place, for ever.

        Args:
            ready: is set when the service's port is open; None: it is.
            task_status: started once a certificate that was kept is in place.
        """
        self._identity = await self.kept.certificate()
        if self._identity is not None:
            self.install(self._identity)
        task_status.started()
        if ready is not None:
            await ready.wait()
        while True:
            await self._until_due()
            await self._rest()
            await self._try_until_renewed()

    async def renew(self) -> None:
        """Get a certificate, put it in place and keep it.

        Raises:
            ACMEError: there is none now; what was in place still is.
        """
        identity = self._identity
        if identity is not None and isinstance(identity.key, ec.EllipticCurvePrivateKey):
            key, replaces = identity.key, identity.certificate
        else:
            key, replaces = self.key or ec.generate_private_key(ec.SECP256R1()), None
        leaf, *chain = await self._certificate(key, replaces)
        self._came_at = trio.current_time()
        identity = tls.Identity(key, leaf, tuple(chain))
        try:
            tls.use_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), identity)
        except ssl.SSLError as error:
            raise Unusable(f"the certificate cannot be used: {error.reason}") from None
        self._identity = identity
        self.install(identity)
        log.info("a certificate for %s is in place until %s", self.kept.name, _end(self._identity))
        await self.kept.keep_certificate(self._identity)

    async def _certificate(
        self, key: ec.EllipticCurvePrivateKey, replaces: x509.Certificate | None
    ) -> tuple[x509.Certificate, ...]:
        """A new certificate, by the first way of showing the name that the directory accepts."""
        client = await self._directory()
        refused: list[Refused] = []
        for way in self.answering:
            try:
                chain = await client.certificate(self.kept.name, key, way, replaces)
            except Refused as error:
                refused.append(error)
                if error.kind == RATE_LIMITED:
                    break
            else:
                self.answering = [way, *(other for other in self.answering if other is not way)]
                return chain
        wait = max((error.retry_after for error in refused), default=0.0)
        raise Refused("; ".join(map(str, refused)), retry_after=wait)

    async def _try_until_renewed(self) -> None:
        failures = 0
        while True:
            try:
                return await self.renew()
            except ACMEError as error:
                pause = self._pause(error, failures)
                failures += 1
                self._client = None  # what it knows of the directory may be what was wrong
                until = (
                    ""
                    if self._identity is None
                    else f"; the present one ends {_end(self._identity)}"
                )
                log.warning("%s%s; next try in %d min", error, until, -(-pause // 60))
            except Exception:
                # A fault of ours must not end the server, which has a certificate that serves.
                pause = MAX_PAUSE_SECONDS
                log.exception("the certificate was not renewed")
            await trio.sleep(pause)

    async def _rest(self) -> None:
        """Sleep where the last certificate came a short while ago and is due all the same."""
        if self._came_at is None or self._identity is None:
            return
        rest = self._came_at + self._rest_seconds(self._identity) - trio.current_time()
        if rest <= 0:
            self._due_at_once = 0
            return
        self._due_at_once += 1
        log.warning(
            "the certificate for %s is due as soon as it came: is this clock right, and is its "
            "life not too short? Next order in %d min",
            self.kept.name,
            -(-rest // 60),
        )
        await trio.sleep(rest)

    def _rest_seconds(self, identity: tls.Identity) -> float:
        """The least time from the last certificate to the next order."""
        rest = min(self.rest * 2.0 ** min(self._due_at_once, 20), MAX_REST_SECONDS)
        left = (identity.certificate.not_valid_after_utc - self.now()).total_seconds()
        if left > 0:  # else it has expired by this clock, and the next one will have too
            rest = min(rest, max(self.rest, left * RENEW_AT))
        return rest

    async def _until_due(self) -> None:
        """Sleep until a certificate is to be asked for."""
        if self._identity is None:
            return
        luck = self.chance()
        due, ask_at = renewal_time(self._identity, luck), self.now()
        while True:
            if self.now() >= ask_at:
                due, again = await self._wanted(self._identity, luck, due)
                ask_at = self.now() + timedelta(seconds=again)
            if self.now() >= due:
                return
            wait = (min(due, ask_at) - self.now()).total_seconds()
            await trio.sleep(min(max(wait, 1.0), MAX_SLEEP_SECONDS))

    async def _wanted(
        self, identity: tls.Identity, luck: float, otherwise: datetime
    ) -> tuple[datetime, float]:
        """When to renew by what the directory says, and after how many seconds to ask again."""
        try:
            window = await (await self._directory()).renewal_window(identity.certificate)
        except ACMEError as error:
            log.info("%s", error)
            return otherwise, ASK_AGAIN_SECONDS
        if window is None:
            return renewal_time(identity, luck), ASK_AGAIN_SECONDS
        again = window.ask_again or ASK_AGAIN_SECONDS
        again = min(max(again, MIN_ASK_AGAIN_SECONDS), MAX_WISH_SECONDS)
        ends = identity.certificate.not_valid_after_utc
        if window.start >= ends:
            log.warning("the directory wants a renewal after the certificate's end; not followed")
            return otherwise, again
        return window.start + luck * (min(window.end, ends) - window.start), again

    async def _directory(self) -> Client:
        if self._account_key is None:
            self._account_key = await self.kept.account_key()
        if self._client is None:
            session = Session(self.kept.directory, self._account_key, self.fetch, self.now)
            self._client = Client(session, self.email)
        return self._client

    def _pause(self, error: ACMEError, failures: int) -> float:
        """Seconds until the next attempt."""
        decided = isinstance(error, Refused | Unusable)
        first = REFUSED_SECONDS if decided else UNREACHED_SECONDS
        pause = min(first * 2.0 ** min(failures, 20), MAX_PAUSE_SECONDS)
        return max(pause * (1 + self.chance() / 4), min(error.retry_after, MAX_WISH_SECONDS))


def renewal_time(identity: tls.Identity, luck: float) -> datetime:
    """When a certificate is to be renewed where nobody says otherwise.

    Args:
        identity: the certificate.
        luck: from 0 to 1: how much before two thirds of its life.
    """
    start, end = identity.certificate.not_valid_before_utc, identity.certificate.not_valid_after_utc
    return start + (RENEW_AT - luck * JITTER) * (end - start)


def _end(identity: tls.Identity) -> str:
    return f"{identity.certificate.not_valid_after_utc:%Y-%m-%d %H:%M UTC}"
