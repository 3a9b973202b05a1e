"""From what a back end has to the resident table, or to a new store.

The header is opened by the secret, the head by the header's keys, and the head proves the header;
`storage.load` then fills the table, from the saved index or from all records. Where another server
makes the store, or changes its header, at the same time, it is looked at again.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from storage.backend import Backend, Commit
from storage.copy_mark import check_finished
from storage.errors import Missing, Part, Reason, StorageError, Tampered, Unavailable
from storage.header import Header, Unlocked
from storage.ledger import Anchor, State
from storage.load import restore
from storage.scheduling import in_thread
from storage.secret import Secret
from storage.table import Table

SecretFor = Callable[[bool], Secret]
"""Gives the secret of a store; called with whether the store is new."""


async def open_table(
    backend: Backend, secret: Secret | SecretFor, *, create: bool, anchor: Anchor | None
) -> tuple[Table, bool]:
    """The table of the store in a back end, and whether the store was made.

    Args:
        backend: open.
        secret: as for `storage.store.open_store`, as is the rest.
        create: make a new store where there is none.
        anchor: the least state to accept.

    Raises:
        Missing, WrongSecret, Tampered, Unavailable: as `storage.store.open_store`.
    """
    is_new = False
    try:
        for _ in range(_OPEN_ATTEMPTS):
            header, head = await backend.load()
            is_empty = header is None and head is None
            if is_empty and anchor is not None:
                raise Tampered(Part.STORE, Reason.ROLLED_BACK)
            check_finished(header, head)
            if is_empty and not create:
                raise Missing("there is no store here")
            if is_empty and (await backend.scan(b""))[0]:
                if await backend.load() != (None, None):
                    continue  # another server has made the store, and a record, meanwhile
                raise Tampered(Part.HEAD, Reason.DROPPED)
            if callable(secret):
                secret = secret(is_empty)
            if is_empty:
                is_new = await _create(backend, secret)
                continue
            if header is None:
                raise Tampered(Part.HEADER, Reason.DROPPED)
            if head is None:
                raise Tampered(Part.HEAD, Reason.DROPPED)
            unlocked = await unlocked_by(Header.parse(header), secret, backend.label)
            keyring = unlocked.keyring()
            state = State.open(keyring, head)
            if state.header != unlocked.header.digest:
                raise Tampered(Part.HEADER, Reason.REPLAYED)
            table = Table(unlocked, keyring, state, head)
            if await restore(backend, table, anchor):
                return table, is_new
    finally:
        del secret  # an error refers to the variables of all functions that it has passed
    raise Unavailable("the key header keeps changing while the store is opened")


_OPEN_ATTEMPTS: Final = 5


async def unlocked_by(header: Header, secret: Secret, label: bytes) -> Unlocked:
    """The header opened with the secret; an error does not refer to that.

    Raises:
        WrongSecret, Tampered: as `Unlocked.open`.
    """
    try:
        return await in_thread(Unlocked.open, header, secret, label)
    except StorageError as error:
        raise error.with_traceback(None) from None
    finally:
        del secret


async def _create(backend: Backend, secret: Secret) -> bool:
    """Make an empty store; False where somebody else made one meanwhile, which is fine."""
    unlocked = await in_thread(Unlocked.make, secret, backend.label)
    del secret  # an error refers to the variables of all functions that it has passed
    header = unlocked.build()
    keyring = unlocked.keyring()
    state = State(0, keyring.now.chain, 0, 0, 0, 1, hashlib.sha256(header).digest())
    commit = Commit(0, None, state.seal(keyring), b"", 1, {}, {}, header)
    return await backend.commit(commit) is None
