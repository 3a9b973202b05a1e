"""Users and devices with passwords that are kept in the store, for all servers on it.

A record for each: its name, and an Argon2id verifier as the users' file has it, never a password.
It is named by the hash of what names that look alike have in common, so that of two such names one
is taken, also where two servers are asked for them at once. `strongroom user` writes these records
where several servers share a store, and the operator at a provisioned server
(`server.operator_routes`). A user who is added is let in by the next message at any server, and one
who is removed by none.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from server.access import password_file, user_names
from server.access.password_file import USUAL, Cost, Kind
from server.access.user_names import MAX_NAME_CHARACTERS
from server.objects.own_records import OwnRecords
from server.setup.failure import Failure
from storage import Put, Record, Remove, SealedStore

KIND: Final = b"user"
MAX_USERS: Final = 10_000
"""In the store, half a kilobyte of memory each at every server; a crowd of more comes by
certificates."""


class KeptUsers:
    """The users in a store.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: SealedStore) -> None:
        self._records = OwnRecords(store, KIND)

    async def is_empty(self) -> bool:
        """Whether there is none."""
        return not await self._records.count()

    async def verifier(self, kind: Kind, name: str) -> str | None:
        """The verifier of a user's password, in PHC string format; None: no such user.

        Raises:
            storage.StorageError: the store does not give it.
        """
        if len(name) > MAX_NAME_CHARACTERS:  # nobody has such a name, and looking at it takes long
            return None
        key = _key(kind, name)
        record = await self._records.read(key) if self._records.is_there(key) else None
        if record is None:
            return None
        kept = json.loads(record.meta)
        return str(kept["verifier"]) if kept["name"] == name else None

    async def add(self, kind: Kind, name: str, verifier: str, *, replace: bool = False) -> None:
        """Let a user in by a password.

        Args:
            kind: a user, or a device (then `name` is its serial number).
            name: as `server.access.user_names` lets pass, or one that exists.
            verifier: of the password.
            replace: change the password of one that exists.

        Raises:
            Failure: the name cannot be taken, or there are too many.
            storage.StorageError: it cannot be kept.
        """
        await self.check_name(kind, name)
        count = await self._records.count()

        def decide(record: Record | None) -> Put:
            other = None if record is None else json.loads(record.meta)["name"]
            if other is None and count >= MAX_USERS:
                raise Failure(f"The store has {count} users already.")
            if other is not None and other != name:
                raise Failure(f"{name!a} looks like the name of the {kind} {other!a}.")
            if other is not None and not replace:
                raise Failure(f"The {kind} {name!r} exists; --replace changes the password.")
            content = json.dumps({"name": name, "verifier": verifier}).encode()
            expected = 0 if record is None else record.version
            return self._records.put(_key(kind, name), content, expected, whose=kind)

        await self._records.change(_key(kind, name), decide)

    async def check_name(self, kind: Kind, name: str) -> None:
        """Let pass what can be a name, before a password is asked for.

        Raises:
            Failure: it cannot, or looks like another.
        """
        user_names.check(kind, name)
        record = await self._records.read(_key(kind, name))
        other = None if record is None else json.loads(record.meta)["name"]
        if other is not None:
            user_names.check(kind, name, [other])

    async def remove(self, kind: Kind, name: str) -> None:
        """Do not let a user in any more.

        Raises:
            Failure: there is none of that name.
            storage.StorageError: that cannot be kept.
        """

        def decide(record: Record | None) -> Remove:
            if record is None or json.loads(record.meta)["name"] != name:
                raise Failure(f"There is no {kind} {name!r}.")
            return Remove(record.name, record.version)

        await self._records.change(_key(kind, name), decide)

    async def names(self, kind: Kind) -> list[str]:
        """The names of all users or devices, sorted.

        Raises:
            storage.StorageError: the store does not give them.
        """
        return sorted(
            str(json.loads(record.meta)["name"]) for record in await self._records.all(kind)
        )


def verifier_of(password: str, cost: Cost = USUAL) -> str:
    """A new verifier of a password; takes some 0.1 s.

    Raises:
        Failure: it cannot be a password.
    """
    password_file.check_password(password)
    return cost.verifier(password)


def _key(kind: Kind, name: str) -> bytes:
    text = f"{kind}:{user_names.skeleton(name)}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
