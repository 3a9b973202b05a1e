"""Guesses of passwords, counted by all servers on one store together.

Theory: a client that has failed too often at a name is refused for that name until the minute is
over, even with the right password: otherwise each guess would still be judged. Others are not
refused (`server.sessions.lockout`). So that a guesser gains nothing by going from server to server,
or by asking all at once, a guess is counted before it is judged, in a record of the store that all
servers compare and set; a right password removes the record. At one server the guesses of one
client at one name wait for each other.

A password that was right before at this server is no guess: it is judged without a write, and
nothing is counted unless it is right no more.

Writing is bounded, lest a stranger fills a disk: by the guesses that a pair of client and name has,
by a number for each client (`BURST`, `PER_SECOND`), and by the records that there may be. A guess
that is not written, for these reasons or because the store takes no changes, is judged only where
it is the first of its minute at this server: so nobody is locked out by a full disk, or by others'
guesses, who knows the password; and a guesser has one guess for each server instead of ten in all.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import struct
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from kmip.errors import AuthenticationNotSuccessful
from server.objects.own_records import OwnRecords, Turns
from server.sessions.lockout import FAILURE_WINDOW_SECONDS, MAX_FAILURES, FailedLogins, pair
from server.sessions.rate_limits import RateLimiter
from storage import Put, Record, SealedStore, StorageError

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

KIND: Final = b"guesses"
BURST: Final = 100
"""Guesses of one client, at whatever names, that are written at once."""
PER_SECOND: Final = 0.5
"""Then one each two seconds: a record has some hundred bytes, and stays for eleven minutes."""
MAX_RECORDS: Final = 10_000
"""Pairs of client and name that have guesses in the store, those counted whose minute is over and
that are not removed yet: of some twenty clients that never stop."""

MAX_NAME: Final = 128
"""Characters of a name in the log."""
REFUSED: Final = "the name or the password is not right"

_KEPT: Final = struct.Struct(">dH")
"""When the first guess of the minute came, seconds since 1970, and how many there were."""


class Guesses:
    """The guesses of a minute.

    Args:
        store: where they are counted.
        clock: seconds since 1970.
    """

    def __init__(self, store: SealedStore, clock: Callable[[], float]) -> None:
        self._records = OwnRecords(store, KIND)
        self._clock = clock
        self._here = FailedLogins()
        self._writes = RateLimiter(BURST, PER_SECOND)
        self._turns = Turns()
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}

    async def judge(
        self,
        client: str,
        name: str,
        password: str,
        verify: Callable[[], Awaitable[T | None]],
        basis: str = "",
    ) -> T:
        """What `verify` gives, once the password has proved right.

        Args:
            client: whom the client certificate names; "" without one.
            name: what the password is for; whether there is such a name makes no difference.
            password: what the client sent.
            verify: gives something for a right password, and None for a wrong one.
            basis: guesses are counted anew where this is another: a mark of what is guessed at.

        Raises:
            AuthenticationNotSuccessful: it is wrong, or the client has failed too often at the
                name; it does not say which.
            storage.StorageError: the store does not say how many guesses there were.
        """
        key = pair(client, f"{len(basis)}:{basis}{name}")
        text = f"{name}\0{password}".encode(errors="surrogatepass")
        mark = hmac.digest(self._key, text, "sha256")
        await self._check(key)
        if not self._is_right(name, mark):
            async with self._turns.of(key):
                if not self._is_right(name, mark):  # another message may have proved it meanwhile
                    return await self._guess(client, name, key, mark, verify)
        found = await verify()
        if found is not None:
            await self._forget(key)
            return found
        self._right.pop(name, None)
        async with self._turns.of(key):
            return await self._guess(client, name, key, mark, verify)

    def _is_right(self, name: str, mark: bytes) -> bool:
        """Whether this password was right for the name before."""
        return hmac.compare_digest(self._right.get(name, b""), mark)

    async def _guess(
        self,
        client: str,
        name: str,
        key: bytes,
        mark: bytes,
        verify: Callable[[], Awaitable[T | None]],
    ) -> T:
        """Judge a password once it is counted."""
        await self._check(key)
        was_last = await self._begin(client, key)
        found = await verify()
        if found is None:
            if was_last:
                log.warning("%r failed too often to identify as %s", client, name[:MAX_NAME])
            raise AuthenticationNotSuccessful(REFUSED)
        self._right[name] = mark
        await self._forget(key)
        return found

    async def _check(self, key: bytes) -> None:
        """Refuse where there were too many guesses, here or anywhere."""
        now = self._clock()
        if (
            self._here.failures(key, now) >= MAX_FAILURES
            or _count(await self._records.read(key), now) >= MAX_FAILURES
        ):
            raise AuthenticationNotSuccessful(REFUSED)

    async def _begin(self, client: str, key: bytes) -> bool:
        """Count a guess before it is judged; whether it is the last one of the minute.

        Raises:
            AuthenticationNotSuccessful: there were too many.
        """
        now = self._clock()
        count = await self._write(client, key, now)
        before = self._here.failures(key, now)
        if count is None and before:
            raise AuthenticationNotSuccessful(REFUSED)
        self._here.add(key, now)
        return max(before + 1, count or 0) >= MAX_FAILURES

    async def _write(self, client: str, key: bytes, now: float) -> int | None:
        """Count a guess in the store; how many there were with it, or None: it is not written."""
        count = 0

        def decide(record: Record | None) -> Put:
            nonlocal count
            count = _count(record, now) + 1
            if count > MAX_FAILURES:
                raise AuthenticationNotSuccessful(REFUSED)
            since = _KEPT.unpack(record.meta)[0] if record is not None and count > 1 else now
            ends = int(since + FAILURE_WINDOW_SECONDS) + 1
            expected = record.version if record is not None else 0
            return self._records.put(key, _KEPT.pack(since, count), expected, ends=ends)

        if not self._writes.take(client, now):
            return None
        if await self._records.count() >= MAX_RECORDS:
            return None
        try:
            await self._records.change(key, decide)
        except StorageError as error:
            log.warning("a guess could not be counted for all servers: %s", error)
            return None
        return count

    async def _forget(self, key: bytes) -> None:
        """Forget the guesses before a right password."""
        self._here.drop(key)
        if self._records.is_there(key):
            try:
                await self._records.remove(key)
            except StorageError as error:
                log.info("guesses before a right password stay counted: %s", error)


def _count(record: Record | None, now: float) -> int:
    """Guesses of the present minute; a clock that is behind another server's begins none anew."""
    if record is None:
        return 0
    since, count = _KEPT.unpack(record.meta)
    return int(count) if abs(now - since) < FAILURE_WINDOW_SECONDS else 0
