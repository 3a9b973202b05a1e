"""Tokens: what the resident index keeps in place of terms.

A token is 16 bytes of BLAKE2b under a key drawn at start and never written anywhere. So the index
keeps no attribute values (but for the terms used last), all its entries have one size, and nobody
who chooses terms can aim for a collision. With 16 bytes a collision does not happen by chance
either (2**-81 for 10**7 terms), so the index need not confirm its hits.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

TOKEN_BYTES: Final = 16
_REMEMBERED: Final = 1 << 14  # terms of which the token is cached: a few MiB


class Tokens:
    """The function from terms to tokens, different in every process."""

    __slots__ = ("_keyed", "token")

    def __init__(self) -> None:
        self._keyed = hashlib.blake2b(digest_size=TOKEN_BYTES, key=os.urandom(32))
        # Most terms are shared by many records: half of a cold start would be hashing them again.
        self.token: Callable[[bytes], bytes] = lru_cache(_REMEMBERED)(self._token)

    def _token(self, term: bytes) -> bytes:
        """The 16-byte token of one term."""
        keyed = self._keyed.copy()
        keyed.update(term)
        return keyed.digest()

    def pack(self, terms: Iterable[bytes]) -> bytes:
        """The tokens of several terms, sorted and joined: equal sets give equal bytes."""
        return b"".join(sorted(map(self.token, terms)))


def split(packed: bytes) -> list[bytes]:
    """The tokens that `Tokens.pack` joined."""
    return [packed[at : at + TOKEN_BYTES] for at in range(0, len(packed), TOKEN_BYTES)]
