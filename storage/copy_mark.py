"""What is in the place of a head while a copy of a store is not finished.

    offset  bytes  what
    0       7      "SRCOPY" and format 1
    7       16     identifier of the store that is being copied
    23      16     random, so that no two are equal

There is no key header with it, so nobody takes an unfinished copy for a store.
"""

import os
from typing import Final

from storage.errors import Unsuitable

_MAGIC: Final = b"SRCOPY\x01"
_STORE_BYTES: Final = 16
_NONCE_BYTES: Final = 16


def fresh_mark(store: bytes) -> bytes:
    """A mark for a copy of the store of this identifier, 16 bytes."""
    return _MAGIC + store + os.urandom(_NONCE_BYTES)


def is_mark(head: bytes | None, store: bytes | None = None) -> bool:
    """Whether this is a mark, for a copy of this store (None: of any)."""
    if head is None or not head.startswith(_MAGIC):
        return False
    length = len(_MAGIC) + _STORE_BYTES
    fits = len(head) == length + _NONCE_BYTES
    return fits and store in (None, head[len(_MAGIC) : length])


def check_finished(header: bytes | None, head: bytes | None) -> None:
    """Let pass what is no unfinished copy.

    Raises:
        Unsuitable: it is one.
    """
    if header is None and is_mark(head):
        raise Unsuitable("it is an unfinished copy: copy again to finish it, or remove it")
