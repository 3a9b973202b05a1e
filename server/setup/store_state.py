"""The state of the store in the claims: legible to this server alone.

The anchor of a store counts its commits, and so tells how much a service is used. Anybody may ask
for evidence, so what is in the claims is the anchor sealed under a key that is kept in the store
itself, with a random nonce: two answers have nothing in common. A verifier keeps one and shows it
again, and the server says whether its store is a continuation of that state.

    written   nonce 12 | AES-256-GCM ciphertext of commit number 8 (big-endian) and mark 16 | tag 16
              associated data: "strongroom store state 1"

A store that is put back to before its key was made makes another one, to which the earlier states
are as foreign as those of another store. 96 random bits of nonce allow 2**32 answers with a chance
of 2**-33 that two are equal (NIST SP 800-38D section 8.3), which at one answer in a second takes a
century; two equal ones would tell a stranger the difference of two commit numbers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage import Anchor, Put, SealedStore, Terms

RECORD: Final = b"server/store state"
NONCE_BYTES: Final = 12
WRITTEN_BYTES: Final = NONCE_BYTES + 24 + 16

_KEY_BYTES: Final = 32
_LABEL: Final = b"strongroom store state 1"


@dataclass(frozen=True, slots=True)
class PrivateState:
    """The state of an open store, for `enclave.ratls.Attester`; see `of`.

    Attributes:
        store: the store.
        key: 32 bytes.
    """

    store: SealedStore
    key: bytes = field(repr=False)

    @classmethod
    async def of(cls, store: SealedStore) -> PrivateState:
        """The state of a store, which gets a key for it if it has none.

        Raises:
            storage.StorageError: the key cannot be read or written.
        """
        record = await store.read(RECORD)
        if record is not None:
            return cls(store, record.meta)
        key = os.urandom(_KEY_BYTES)
        await store.commit([Put(RECORD, 0, key, None, Terms())])
        return cls(store, key)

    def written(self) -> bytes:
        """The present state, 52 bytes, others each time."""
        anchor = self.store.anchor
        nonce = os.urandom(NONCE_BYTES)
        plaintext = anchor.number.to_bytes(8, "big") + anchor.mark
        return nonce + AESGCM(self.key).encrypt(nonce, plaintext, _LABEL)

    def alarm(self) -> str:
        """See `enclave.ratls.StoreState`; nothing of it tells what is in the store."""
        finding = self.store.finding
        return "" if finding is None else finding.reason.name.lower().replace("_", " ")

    def continues(self, seen: bytes) -> bool:
        """Whether `seen` was written here, and the store is as it was then or has gone on.

        Where the number is the same the history must be too; of an older number the history is no
        longer known to every store, and the number decides.
        """
        if len(seen) != WRITTEN_BYTES:
            return False
        nonce, sealed = seen[:NONCE_BYTES], seen[NONCE_BYTES:]
        try:
            plaintext = AESGCM(self.key).decrypt(nonce, sealed, _LABEL)
        except InvalidTag:
            return False
        before = Anchor(int.from_bytes(plaintext[:8], "big"), plaintext[8:])
        now = self.store.anchor
        return before.number < now.number or before == now
