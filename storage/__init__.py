"""Strongroom: storage. A sealed store over a back end that is trusted with nothing.

    async with open_store(SQLiteBackend(path), Password("..."), create=True) as store:
        await store.commit([Put(b"name", 0, b"meta", b"key material", Terms(...))])
        found = await store.search(Query(all_of=(frozenset({b"term"}),)))

It sees bytes, and knows nothing of what they mean.
"""

from storage.backend import Backend, BlobName
from storage.durability import Durability
from storage.errors import (
    Conflict,
    Damaged,
    InUse,
    Missing,
    Occupied,
    Part,
    Reason,
    Rotated,
    RotationUnderway,
    StorageError,
    StorageFull,
    Tampered,
    Unavailable,
    Unsuitable,
    WrongSecret,
)
from storage.ledger import Anchor
from storage.memory import MemoryBackend, MemorySpace
from storage.query import Found, Query, Range, matches
from storage.record import KEEP, Body, Change, Put, Record, Remove, Terms
from storage.secret import Cost, KeyFile, Password, Secret
from storage.slot import Slot
from storage.sqlite import SQLiteBackend
from storage.status import Status, read_status
from storage.store import SealedStore, open_store
from storage.verify import Verification

__all__ = [
    "KEEP",
    "Anchor",
    "Backend",
    "BlobName",
    "Body",
    "Change",
    "Conflict",
    "Cost",
    "Damaged",
    "Durability",
    "Found",
    "InUse",
    "KeyFile",
    "MemoryBackend",
    "MemorySpace",
    "Missing",
    "Occupied",
    "Part",
    "Password",
    "Put",
    "Query",
    "Range",
    "Reason",
    "Record",
    "Remove",
    "Rotated",
    "RotationUnderway",
    "SQLiteBackend",
    "SealedStore",
    "Secret",
    "Slot",
    "Status",
    "StorageError",
    "StorageFull",
    "Tampered",
    "Terms",
    "Unavailable",
    "Unsuitable",
    "Verification",
    "WrongSecret",
    "matches",
    "open_store",
    "read_status",
]
