"""Keys of one store, by data epoch, and what is sealed under them.

Theory of operation: every data epoch has a random root of 32 bytes, kept wrapped in the header.
From it come, by HKDF with one label each, all keys of that epoch; nothing else touches the root.

    seal-meta, seal-body, seal-log, seal-head, seal-segment, seal-manifest
                                                 XAES-256-GCM, one purpose each
    handle                                       HMAC-SHA-256: name -> where a record lies
    leaf                                         HMAC-SHA-256: (handle, tag) -> set digest
    chain                                        the chain's first value, at creation only

A sealed blob is

    offset  bytes  what
    0       1      format, 1
    1       1      epoch of the key
    2       24     nonce, random
    26      n      ciphertext
    26+n    16     tag

with associated data: label, kind (1 byte), epoch (1 byte), store identifier (16 bytes), place. The
place of a record is its handle, of a log entry its number (8 bytes), of a segment's piece the
segment's identifier (16 bytes) and its number (4 bytes), of head and manifest nothing, so a blob
opens only where it was written. That it is the *latest* blob of that place is not the seal's
business: the resident table knows the tag of each (`table`).

Source: HKDF: RFC 5869. Key-use limits: docs/keys.md.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from storage.backend import HANDLE_BYTES
from storage.xaes import NONCE_BYTES, TAG_BYTES, XAES

LABEL: Final = b"strongroom/store/1/"
FORMAT: Final = 1
ROOT_BYTES: Final = 32
OVERHEAD_BYTES: Final = 2 + NONCE_BYTES + TAG_BYTES
LEAF_MODULUS: Final = 1 << 256


class Sealed(IntEnum):
    """What a blob holds; part of its associated data, so one kind never opens as another."""

    META = 1
    BODY = 2
    LOG = 3
    HEAD = 4
    SEGMENT = 5
    MANIFEST = 6


def extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract with SHA-256: a pseudorandom key of 32 bytes."""
    return hmac.digest(salt, secret, "sha256")


def expand(key: bytes, label: bytes) -> bytes:
    """HKDF-Expand with SHA-256: the 32-byte key that `label` names under a pseudorandom key."""
    return HKDFExpand(algorithm=SHA256(), length=32, info=LABEL + label).derive(key)


class Epoch:
    """The keys derived from one root."""

    __slots__ = ("_associated", "_handle", "_leaf", "_prefix", "_seals", "chain")

    def __init__(self, number: int, root: bytes, store: bytes) -> None:
        """Derive all keys of epoch `number` (1..255) from its root (32 bytes)."""
        key = extract(store, root)
        self._prefix = bytes((FORMAT, number))
        self._seals = {
            kind: XAES(expand(key, b"seal-" + kind.name.lower().encode())) for kind in Sealed
        }
        self._associated = {kind: LABEL + bytes((kind, number)) + store for kind in Sealed}
        self._handle = expand(key, b"handle")
        self._leaf = expand(key, b"leaf")
        self.chain = expand(key, b"chain")

    def __repr__(self) -> str:
        return "Epoch(...)"

    def seal(self, kind: Sealed, place: bytes, plaintext: bytes) -> bytes:
        """The plaintext as a blob that opens only as `kind` at `place`."""
        return self._prefix + self._seals[kind].seal(plaintext, self._associated[kind] + place)

    def open(self, kind: Sealed, place: bytes, blob: bytes) -> bytes | None:
        """The plaintext of a blob of this epoch, or None when it does not open here."""
        return self._seals[kind].open(blob[2:], self._associated[kind] + place)

    def handle(self, name: bytes) -> bytes:
        """Where the record of this name lies: 16 bytes that tell nothing of the name."""
        return hmac.digest(self._handle, name, "sha256")[:HANDLE_BYTES]

    def leaf(self, handle: bytes, meta_tag: bytes) -> int:
        """What one live record adds to the set digest."""
        return int.from_bytes(hmac.digest(self._leaf, handle + meta_tag, "sha256"))


@dataclass(frozen=True, slots=True)
class Keyring:
    """All live epochs of one store.

    Attributes:
        store: the store's random identifier, 16 bytes.
        current: the epoch under which everything new is sealed.
        epochs: number to keys, the current one and those still being left behind.
    """

    store: bytes
    current: int
    epochs: Mapping[int, Epoch] = field(repr=False)

    def leaf(self, epoch: int, name: bytes, meta_tag: bytes) -> int:
        """What one live record adds to the set digest."""
        keys = self.epochs[epoch]
        return keys.leaf(keys.handle(name), meta_tag)

    @property
    def now(self) -> Epoch:
        """The keys of the current epoch."""
        return self.epochs[self.current]

    def open(self, kind: Sealed, place: bytes, blob: bytes) -> bytes | None:
        """The plaintext of a blob of any live epoch, or None when it does not open here."""
        if len(blob) < OVERHEAD_BYTES or blob[0] != FORMAT:
            return None
        epoch = self.epochs.get(blob[1])
        return None if epoch is None else epoch.open(kind, place, blob)
