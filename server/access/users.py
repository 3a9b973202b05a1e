"""Whether a password is a user's or a device's: those of the users' file, and those in the store.

Clients send the password with every request, and Argon2id is slow by design. So `Users` remembers,
for each name, a keyed hash (key: 32 random bytes, in memory only) of the verifier and the password
that was right; a password it remembers costs a hash. Everything else costs a derivation in a
thread, of which few run at once (64 MiB each) and few may wait. An unknown name costs the same
derivation as a wrong password, and gets the same answer. How often somebody may guess is a matter
of `server.sessions.guesses`.

The server looks at the file's time and size at each verification and reads it again when it
changed, and follows the store, so a removed user is refused from the next request on. A name that
is in both is the file's.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trio
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from server.access.kept_users import KeptUsers
from server.access.password_file import MAX_PASSWORD_BYTES, USUAL, Cost, Kind, encoded, read
from server.sessions.thread_shares import run_abandonable
from server.setup import files
from server.setup.failure import Failure
from storage import SealedStore

log: Final = logging.getLogger(__name__)

MAX_DERIVATIONS: Final = 2  # at once, 64 MiB each
MAX_WAITING: Final = 32  # about 2 s of derivations; who comes later is refused


class Users:
    """The users as the server sees them: who gave the right password?

    Args:
        path: the users' file, which may be absent, appear and change.
        cost: of the derivation that an unknown name costs.
    """

    def __init__(self, path: Path, cost: Cost = USUAL) -> None:
        self._path = path
        self._cost = cost
        self._kept: KeptUsers | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._verifiers: Mapping[Kind, Mapping[str, str]] = {kind: {} for kind in Kind}
        self._is_readable = True
        self._nobody = ""
        self._key = secrets.token_bytes(32)
        self._proved: dict[tuple[Kind, str], bytes] = {}
        self._limiter: trio.CapacityLimiter | None = None

    def look_into(self, store: SealedStore) -> None:
        """Take the users in a store as well."""
        self._kept = KeptUsers(store)

    async def is_empty(self) -> bool:
        """Whether no name is kept here, so that credentials may be passed over.

        A file that cannot be read is not empty: then every credential is refused.
        """
        self._refresh()
        if not self._is_readable or any(self._verifiers.values()):
            return False
        return self._kept is None or await self._kept.is_empty()

    async def verify(self, name: str, password: str, kind: Kind = Kind.USER) -> bool:
        """Whether a password is that of a name.

        Args:
            name: the user's name, or the device's serial number.
            password: what the client sent.
            kind: what the name belongs to.

        Raises:
            storage.StorageError: the store does not say whether there is such a name.
        """
        verifier = await self._verifier(name, kind)
        mark = self._mark(verifier or "", password)
        if verifier and hmac.compare_digest(self._proved.get((kind, name), b""), mark):
            return True
        if not await self._derive(verifier, password):
            return False
        self._proved[kind, name] = mark
        return True

    async def mark(self, name: str, kind: Kind) -> str:
        """What stays the same until the name is removed or its password replaced; "": no such name.

        It is the hash of the verifier, which is a hash with a random salt.

        Raises:
            storage.StorageError: the store does not say whether there is such a name.
        """
        verifier = await self._verifier(name, kind)
        return hashlib.sha256(verifier.encode()).hexdigest() if verifier else ""

    async def _verifier(self, name: str, kind: Kind) -> str | None:
        self._refresh()
        found = self._verifiers[kind].get(name)
        if found is None and self._kept is not None and self._is_readable:
            found = await self._kept.verifier(kind, name)
        return found

    def _refresh(self) -> None:
        stamp = files.stamp(self._path)
        if stamp == self._stamp:
            return
        self._is_readable = False
        self._verifiers = {kind: {} for kind in Kind}
        try:
            self._verifiers = read(self._path)
            self._is_readable = True
        except Failure as failure:
            log.error("%s nobody can identify by a password", failure)  # noqa: TRY400 - the operator's to mend
        self._stamp = stamp
        self._proved.clear()

    def _mark(self, verifier: str, password: str) -> bytes:
        text = f"{verifier}\0{password}".encode(errors="surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)

    async def _derive(self, verifier: str | None, password: str) -> bool:
        """Whether the verifier is the password's; without one, the same work for nothing."""
        if self._limiter is None:
            self._limiter = trio.CapacityLimiter(MAX_DERIVATIONS)
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            return False
        if len(encoded(password)) > MAX_PASSWORD_BYTES:
            return False
        return await run_abandonable(self._matches, verifier, password, limiter=self._limiter)

    def _matches(self, verifier: str | None, password: str) -> bool:
        self._nobody = self._nobody or self._cost.verifier(secrets.token_hex(16))
        try:
            Argon2id.verify_phc_encoded(encoded(password), verifier or self._nobody)
        except InvalidKey:
            return False
        return verifier is not None
