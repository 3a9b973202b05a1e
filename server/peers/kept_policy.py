"""The operator's policy of which servers may be given the same, kept in the store.

It comes at the bootstrap or at a running server, and holds for every server on the store from then
on: a record of the store is sealed, and covered by what notices an older store. Empty, or none:
nobody is given anything.
"""

from __future__ import annotations

from typing import Final

from storage import Conflict, Put, SealedStore, Terms

RECORD: Final = b"server/hand-over policy"
_ATTEMPTS: Final = 5
"""Operators who give one at the same moment at several servers; the last one counts."""


async def read(store: SealedStore) -> str:
    """The policy, TOML; empty where the operator has allowed nobody.

    Raises:
        storage.StorageError: the store does not give it.
    """
    version = store.version(RECORD)
    content = await store.read_body(RECORD, version) if version else None
    return (content or b"").decode()


async def write(store: SealedStore, policy: str) -> None:
    """Keep a policy in place of the one before; an empty one allows nobody.

    Raises:
        storage.StorageError: it cannot be kept.
    """
    for _ in range(_ATTEMPTS):
        if await _is_put(store, policy):
            return
    raise Conflict(RECORD)


async def _is_put(store: SealedStore, policy: str) -> bool:
    """Whether nobody else was first."""
    put = Put(RECORD, store.version(RECORD), b"", policy.encode(), Terms())
    try:
        await store.commit([put])
    except Conflict:
        return False
    return True
