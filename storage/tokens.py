"""Tokens: what the resident index keeps in place of terms.

A token is 64 bits of BLAKE2b under a random key, which nobody outside ever sees. So the index
keeps no attribute values (but for the terms used last), all its entries have one size, and nobody
who chooses terms can aim for a collision. The index does not confirm its hits: a search for a term
meets a record that has another of the same token with a chance of 2**-64 for each term there is,
and any two of 10**8 terms share one with a chance of less than one in three thousand.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

TOKEN_BYTES: Final = 8
KEY_BYTES: Final = 32
_REMEMBERED: Final = 1 << 14  # terms of which the token is cached: a few MiB


class Tokens:
    """The function from terms to tokens.

    Args:
        key: 32 bytes; None: random ones.

    Attributes:
        key: the same.
        token: gives the token of a term, an integer of 64 bits.
    """

    __slots__ = ("_keyed", "key", "token")

    def __init__(self, key: bytes | None = None) -> None:
        self.key = os.urandom(KEY_BYTES) if key is None else key
        self._keyed = hashlib.blake2b(digest_size=TOKEN_BYTES, key=self.key)
        # Most terms are shared by many records: half of a cold start would be hashing them again.
        self.token: Callable[[bytes], int] = lru_cache(_REMEMBERED)(self.hash)

    def __repr__(self) -> str:
        return "Tokens(...)"

    def hash(self, data: bytes) -> int:
        """The token of something that is not asked for again: as `token`, but not remembered."""
        keyed = self._keyed.copy()
        keyed.update(data)
        return int.from_bytes(keyed.digest())

    def pack(self, terms: Iterable[bytes]) -> bytes:
        """The tokens of several terms, sorted and joined: equal sets give equal bytes."""
        return array("Q", sorted(map(self.token, terms))).tobytes()


def split(packed: bytes) -> Sequence[int]:
    """The tokens that `Tokens.pack` joined."""
    return memoryview(packed).cast("Q")
