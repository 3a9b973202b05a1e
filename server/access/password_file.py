"""The file of users and devices that identify themselves by a password in the KMIP header.

Theory of operation: one private file, `DIR/users.json`, holds for each name an Argon2id verifier
(a random salt and the derived key, RFC 9106's second recommended parameters), never a password.
The commands that change it work while a running server holds the store. It is for a server that
has its store for itself; where several share one, users are in the store
(`server.access.kept_users`).

Source: KMIP 2.1 section 5 (Credential: Username and Password, Device); RFC 9106 section 4.
"""

import fcntl
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from server.access import user_names
from server.setup import files
from server.setup.failure import Failure

MAX_PASSWORD_BYTES: Final = 1024
MAX_FILE_BYTES: Final = 16 << 20
"""Of the users' file, some 100 000 names: it is read while others wait."""
MAX_MEMORY_KIB: Final = 1 << 20
MAX_ITERATIONS: Final = 64
MAX_LANES: Final = 64
"""Of a verifier in the file: one that costs more would keep a thread and the memory of all."""


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


USUAL: Final = Cost()
"""What new verifiers cost."""


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
    cost: Cost = USUAL,
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
    check_password(password)
    with _changed(path) as verifiers:
        if name not in verifiers[kind]:
            user_names.check(kind, name, verifiers[kind])
        elif not replace:
            raise Failure(f"The {kind} {name!r} exists; --replace changes the password.")
        verifiers[kind][name] = cost.verifier(password)


def check_password(password: str) -> None:
    """Let pass what can be a password.

    Raises:
        Failure: it cannot.
    """
    if not 0 < len(encoded(password)) <= MAX_PASSWORD_BYTES:
        raise Failure(f"A password has 1 to {MAX_PASSWORD_BYTES} bytes.")


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
    if not all(map(can_be_paid, table.values())):
        raise ValueError
    return {str(name): str(verifier) for name, verifier in table.items()}


def can_be_paid(verifier: str) -> bool:
    """Whether a text begins as a verifier does, and costs no more than a server pays.

    Raises:
        TypeError: it is no text.
    """
    cost = _COST.match(verifier)
    if cost is None:
        return False
    memory, iterations, lanes = map(int, cost.groups())
    return memory <= MAX_MEMORY_KIB and iterations <= MAX_ITERATIONS and lanes <= MAX_LANES


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
