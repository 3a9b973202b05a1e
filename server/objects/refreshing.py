"""What other servers have committed, asked for so that nobody who leaves breaks the question off.

All who wait at one moment share one question to the store (`storage.replica`). Were it cancelled
with the one who asks it, the others would have to ask it again; so whoever leaves waits for the
answer.
"""

from __future__ import annotations

from collections.abc import Iterable

import trio

from storage import SealedStore


async def refresh(store: SealedStore, reading: Iterable[bytes] = ()) -> None:
    """Know of every commit that was durable when this was called.

    Args:
        store: the store.
        reading: names of records that will be read, which come with the answer.

    Raises:
        storage.StorageError: as `SealedStore.refresh`.
    """
    with trio.CancelScope(shield=True):
        await store.refresh(reading)
