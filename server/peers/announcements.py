"""Which servers are on a store, and where: each announces itself in the store.

    server/peer/INSTANCE   {"address": "host:port", "key": 64 digits, "measurement": 96 digits,
                            "time": seconds}

The record is sealed, so that who reads it knows that a server with the store's keys has written it,
and the back end does not know who is there. The key is the one with which the server attests itself
to its peers, at the address. A record ends some minutes after its server has last renewed it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from server.objects.own_records import OwnRecords
from server.setup import addresses
from storage import Put, Record, SealedStore

KIND: Final = b"peer"
LIFE_SECONDS: Final = 900
RENEW_SECONDS: Final = 300.0
"""Each renewal is a commit, which all servers follow."""
KEY_BYTES: Final = 32
MAX_ANNOUNCED: Final = 64
"""The newest; a group that is larger talks to these."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A server on the store.

    Attributes:
        instance: its number, 16 bytes.
        address: where its peers reach it, as `host:port`.
        key: SHA-256 of the SubjectPublicKeyInfo of its key for peers, in hexadecimal.
        measurement: of what it runs, in hexadecimal.
        time: when it last said so, seconds since 1970.
    """

    instance: bytes
    address: str
    key: str
    measurement: str
    time: int


class Announcements:
    """The servers that are on a store.

    Args:
        store: the store.
    """

    def __init__(self, store: SealedStore) -> None:
        self._records = OwnRecords(store, KIND)
        self._store = store

    async def announce(self, one: Announced) -> None:
        """Write that this server is there, or that it still is.

        Raises:
            storage.StorageError: it cannot be written.
        """
        members = asdict(one)
        del members["instance"]
        content = json.dumps(members).encode()

        def decide(record: Record | None) -> Put:
            version = 0 if record is None else record.version
            return self._records.put(one.instance, content, version, ends=one.time + LIFE_SECONDS)

        await self._records.change(one.instance, decide)

    async def withdraw(self, instance: bytes) -> None:
        """Write that a server is there no more.

        Raises:
            storage.StorageError: it cannot be written.
        """
        await self._records.remove(instance)

    async def of(self, instance: bytes) -> Announced | None:
        """What a server has announced; None: nothing that is known here.

        Raises:
            storage.StorageError: the store does not give it.
        """
        record = await self._records.read(instance)
        return None if record is None else _read(instance, record.meta)

    async def all(self, now: int) -> Sequence[Announced]:
        """The servers that are there now, this one as well.

        Args:
            now: seconds since 1970.

        Raises:
            storage.StorageError: the store does not give them.
        """
        query = self._records.query(now=now, limit=MAX_ANNOUNCED)
        keys = [self._records.key(name) for name in (await self._store.search(query)).names]
        found = [await self.of(key) for key in keys]
        return [one for one in found if one is not None]


def _read(instance: bytes, content: bytes) -> Announced | None:
    """What a record says; None where another release has written it in another way."""
    try:
        members = json.loads(content)
        one = Announced(
            instance,
            str(members["address"]),
            str(members["key"]),
            str(members["measurement"]),
            int(members["time"]),
        )
        addresses.place(one.address)
        return one if len(bytes.fromhex(one.key)) == KEY_BYTES else None
    except (ValueError, LookupError, TypeError):
        return None
