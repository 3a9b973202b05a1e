"""Users and devices that identify themselves by a password in the KMIP header.

Theory of operation: one private file, `DIR/users.json`, holds for each name an Argon2id verifier
(a random salt and the derived key, RFC 9106's second recommended parameters), never a password. It
is not in the sealed store, because the commands that change it must work while a running server
holds the store; whoever can read it can try passwords at 0.1 s each, and no more. The server looks
at the file's time and size at each verification and reads it again when it changed, so a removed
user is refused from the next request on.

Clients send the password with every request, and Argon2id is slow by design. So `Users` remembers,
for each name, a keyed hash (key: 32 random bytes, in memory only) of the verifier and the password
that was right; a password it remembers costs a hash. Everything else costs a derivation in a
thread, of which few run at once (64 MiB each) and few may wait; and who fails too often at a name
waits for the minute to end (`server.sessions.lockout`). An unknown name costs the same derivation
as a wrong password and gets the same answer.

Source: KMIP 2.1 section 5 (Credential: Username and Password, Device); RFC 9106 section 4.
"""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import trio
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from kmip.errors import AuthenticationNotSuccessful
from server.sessions.lockout import FailedLogins
from server.sessions.thread_shares import run_abandonable
from server.setup import files
from server.setup.failure import Failure

MAX_NAME_CHARACTERS: Final = 255
MAX_PASSWORD_BYTES: Final = 1024
MAX_DERIVATIONS: Final = 2  # at once, 64 MiB each
MAX_WAITING: Final = 32  # about 2 s of derivations; who comes later is refused

REFUSED: Final = "the name or the password is not right"

log = logging.getLogger(__name__)


class Kind(StrEnum):
    """What a name belongs to: KMIP's two credentials with a name and a password."""

    USER = "user"
    DEVICE = "device"


@dataclass(frozen=True)
class Cost:
    """What a derivation costs; stored in each verifier, so it can change for new ones."""

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    def verifier(self, password: str) -> str:
        """A new verifier of `password`, in PHC string format."""
        kdf = Argon2id(
            salt=secrets.token_bytes(16),
            length=32,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return kdf.derive_phc_encoded(encoded(password))


def encoded(password: str) -> bytes:
    """The bytes that are derived from: UTF-8 of NFC, so that every keyboard gives the same."""
    return unicodedata.normalize("NFC", password).encode()


Verifiers = dict[Kind, dict[str, str]]


def add(
    path: Path,
    kind: Kind,
    name: str,
    password: str,
    *,
    replace: bool = False,
    cost: Cost = Cost(),
) -> None:
    """Let `name` in with `password`.

    Args:
        path: the users' file; made if absent.
        kind: a user, or a device (then `name` is its serial number).
        name: 1 to 255 printable characters.
        password: 1 to 1024 bytes in UTF-8.
        replace: change the password of one that exists.
        cost: of the derivation.

    Raises:
        Failure: the name or the password cannot be taken, or the file not be written.
    """
    check_name(kind, name)
    if not 0 < len(encoded(password)) <= MAX_PASSWORD_BYTES:
        raise Failure(f"A password has 1 to {MAX_PASSWORD_BYTES} bytes.")
    with _changed(path) as verifiers:
        if name in verifiers[kind] and not replace:
            raise Failure(f"The {kind} {name!r} exists; --replace changes the password.")
        verifiers[kind][name] = cost.verifier(password)


def check_name(kind: Kind, name: str) -> None:
    """Let pass what can be a name.

    Raises:
        Failure: it is empty, too long, or has a character that cannot be seen.
    """
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise Failure(f"A {kind}'s name has 1 to {MAX_NAME_CHARACTERS} printable characters.")


def remove(path: Path, kind: Kind, name: str) -> None:
    """Do not let `name` in any more.

    Raises:
        Failure: there is none of that name, or the file cannot be written.
    """
    with _changed(path) as verifiers:
        if verifiers[kind].pop(name, None) is None:
            raise Failure(f"There is no {kind} {name!r}.")


def read(path: Path) -> Verifiers:
    """The verifiers in the file; none of it is there.

    Raises:
        Failure: the file cannot be read or is damaged.
    """
    if not files.is_there(path):
        return {kind: {} for kind in Kind}
    content = files.read(path, "The users' file")
    try:
        document = json.loads(content)
        return {kind: _table(document[kind]) for kind in Kind}
    except (ValueError, KeyError, TypeError):
        raise Failure(f"The users' file {path} is damaged.") from None


def _table(table: object) -> dict[str, str]:
    if not isinstance(table, dict):
        raise TypeError
    return {str(name): str(verifier) for name, verifier in table.items()}


@contextmanager
def _changed(path: Path) -> Iterator[Verifiers]:
    """The verifiers, written back afterwards; two commands at once do not undo each other."""
    files.make_directory(path.parent)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, files.PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        verifiers = read(path)
        yield verifiers
        files.replace(path, json.dumps(verifiers, indent=1, sort_keys=True).encode() + b"\n")
    finally:
        os.close(descriptor)


class Users:
    """The users' file as the server sees it: who gave the right password?

    Args:
        path: the users' file, which may be absent, appear and change.
        clock: seconds that never go back.
        cost: of the derivation that an unknown name costs.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = trio.current_time,
        cost: Cost = Cost(),
    ) -> None:
        self._path = path
        self._clock = clock
        self._cost = cost
        self._stamp: tuple[int, int, int] | None = None
        self._verifiers: Mapping[Kind, Mapping[str, str]] = {kind: {} for kind in Kind}
        self._is_readable = True
        self._nobody = ""
        self._key = secrets.token_bytes(32)
        self._proved: dict[tuple[Kind, str], bytes] = {}
        self._failed_logins = FailedLogins()
        self._limiter: trio.CapacityLimiter | None = None

    def is_empty(self) -> bool:
        """Whether no name is kept here, so that credentials may be passed over.

        A file that cannot be read is not empty: then every credential is refused.
        """
        self._refresh()
        return self._is_readable and not any(self._verifiers.values())

    async def verify(
        self, name: str, password: str, kind: Kind = Kind.USER, client: str = ""
    ) -> str:
        """`name`, once `password` proved to be its password.

        Args:
            name: the user's name, or the device's serial number.
            password: what the client sent.
            kind: what the name belongs to.
            client: whom the client certificate names; "" without one.

        Raises:
            AuthenticationNotSuccessful: unknown name, wrong password, too many failures or too
                many at once; it does not say which.
        """
        self._refresh()
        verifier = self._verifiers[kind].get(name)
        whom = f"{kind}:{name}"
        if self._failed_logins.is_locked_out(client, whom, self._clock()):
            raise AuthenticationNotSuccessful(REFUSED)
        if verifier and hmac.compare_digest(
            self._proved.get((kind, name), b""), self._mark(verifier, password)
        ):
            return name
        if not await self._derive(verifier, password):
            if verifier and self._failed_logins.count(client, whom, self._clock()):
                log.warning("%r failed too often to identify as %s %r", client, kind, name)
            raise AuthenticationNotSuccessful(REFUSED)
        self._failed_logins.forget(client, whom)
        if verifier:
            self._proved[kind, name] = self._mark(verifier, password)
        return name

    def _refresh(self) -> None:
        stamp = self._look()
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
        self._failed_logins.clear()

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _mark(self, verifier: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{verifier}\0{password}".encode(), hashlib.sha256)

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
