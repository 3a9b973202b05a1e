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
as a wrong password, is counted as one, and gets the same answer.

Source: KMIP 2.1 section 5 (Credential: Username and Password, Device); RFC 9106 section 4.
"""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
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
from server.access import user_names
from server.sessions.lockout import FailedLogins
from server.sessions.thread_shares import run_abandonable
from server.setup import files
from server.setup.failure import Failure

MAX_PASSWORD_BYTES: Final = 1024
MAX_DERIVATIONS: Final = 2  # at once, 64 MiB each
MAX_WAITING: Final = 32  # about 2 s of derivations; who comes later is refused
MAX_FILE_BYTES: Final = 16 << 20
"""Of the users' file, some 100 000 names: it is read while others wait."""
MAX_MEMORY_KIB: Final = 1 << 20
MAX_ITERATIONS: Final = 64
MAX_LANES: Final = 64
"""Of a verifier in the file: one that costs more would keep a thread and the memory of all."""

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
        name: as `server.access.user_names` lets pass, or one that exists.
        password: 1 to 1024 bytes in UTF-8.
        replace: change the password of one that exists.
        cost: of the derivation.

    Raises:
        Failure: the name or the password cannot be taken, or the file not be written.
    """
    if not 0 < len(encoded(password)) <= MAX_PASSWORD_BYTES:
        raise Failure(f"A password has 1 to {MAX_PASSWORD_BYTES} bytes.")
    with _changed(path) as verifiers:
        if name not in verifiers[kind]:
            user_names.check(kind, name, verifiers[kind])
        elif not replace:
            raise Failure(f"The {kind} {name!r} exists; --replace changes the password.")
        verifiers[kind][name] = cost.verifier(password)


def check_name(path: Path, kind: Kind, name: str) -> None:
    """Let pass what can be a name, before a password is asked for.

    Args:
        path: the users' file.
        kind: what the name is to belong to.
        name: the name; one that is there already passes.

    Raises:
        Failure: it cannot be a new name (`server.access.user_names`).
    """
    known = read(path)[kind]
    if name not in known:
        user_names.check(kind, name, known)


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
    content = files.read(path, "The users' file", MAX_FILE_BYTES)
    try:
        document = json.loads(content)
        return {kind: _table(document[kind]) for kind in Kind}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Failure(f"The users' file {path} is damaged.") from None


def _table(table: object) -> dict[str, str]:
    """The verifiers of a table, each of a cost that can be paid.

    Raises:
        ValueError, TypeError: one is none, or costs too much.
    """
    if not isinstance(table, dict):
        raise TypeError
    for verifier in table.values():
        cost = _COST.match(verifier)
        if cost is None:
            raise ValueError
        memory, iterations, lanes = map(int, cost.groups())
        if memory > MAX_MEMORY_KIB or iterations > MAX_ITERATIONS or lanes > MAX_LANES:
            raise ValueError
    return {str(name): str(verifier) for name, verifier in table.items()}


_COST: Final = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),p=([0-9]{1,9})\$")
"""How a verifier begins (PHC string format)."""


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
        self.refuse_locked_out(name, kind, client)
        verifier = self._verifiers[kind].get(name)
        if not verifier or not hmac.compare_digest(
            self._proved.get((kind, name), b""), self._mark(verifier, password)
        ):
            await self._prove(name, verifier, password, kind, client)
        self.forget_failures(name, kind, client)
        return name

    async def _prove(
        self, name: str, verifier: str | None, password: str, kind: Kind, client: str
    ) -> None:
        """Derive the password's key, and remember a right one; raises what `verify` does."""
        if not await self._derive(verifier, password):
            if self._failed_logins.count(client, f"{kind}:{name}", self._clock()):
                log.warning("%r failed too often to identify as %s %r", client, kind, name[:128])
            raise AuthenticationNotSuccessful(REFUSED)
        if verifier:
            self._proved[kind, name] = self._mark(verifier, password)

    def refuse_locked_out(self, name: str, kind: Kind = Kind.USER, client: str = "") -> None:
        """Refuse a client that has failed too often at a name, whether or not there is the name.

        Arguments as `verify`. Users that are kept elsewhere are looked for after this, so that
        being refused takes the same time for every name.

        Raises:
            AuthenticationNotSuccessful: it has.
        """
        self._refresh()
        if self._failed_logins.is_locked_out(client, f"{kind}:{name}", self._clock()):
            raise AuthenticationNotSuccessful(REFUSED)

    def forget_failures(self, name: str, kind: Kind = Kind.USER, client: str = "") -> None:
        """Forget the failures of a client that has shown the right password; see `verify`."""
        self._failed_logins.forget(client, f"{kind}:{name}")

    def mark(self, name: str, kind: Kind) -> str:
        """What stays the same until the name is removed or its password replaced; "": no such name.

        It is the hash of the verifier, which is a hash with a random salt.
        """
        self._refresh()
        verifier = self._verifiers[kind].get(name)
        return hashlib.sha256(verifier.encode()).hexdigest() if verifier else ""

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
        self._failed_logins.clear()

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
