"""XAES-256-GCM: AES-256-GCM with 24-byte nonces that may be drawn at random.

Theory of operation: half of the nonce picks a fresh AES-256-GCM key by the counter-mode KDF of
NIST SP 800-108r1 over CMAC (two AES blocks, since each CMAC input is one whole block), the other
half is that key's GCM nonce. Random nonces are then safe for 2**80 messages under one key (nonce
collision below 2**-32), so that several servers, or one machine restored from a snapshot, need not
agree on a counter. It resists neither a repeated nonce nor a key chosen by an attacker (it is not
key-committing); `header` adds the commitment where it matters.

Source: C2SP, "The XAES-256-GCM extended-nonce AEAD", https://c2sp.org/XAES-256-GCM.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16

# The CMAC inputs M1 and M2 but for the nonce: counter (2 bytes), label "X", separator zero.
_FIRST: Final = b"\x00\x01X\x00"
_SECOND: Final = b"\x00\x02X\x00"


class XAES:
    """The cipher under one key.

    Not for use by two threads at once: it keeps one AES context.
    """

    __slots__ = ("_encrypt_blocks", "_mask")

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        if len(key) != KEY_BYTES:
            raise ValueError("an XAES-256-GCM key has 32 bytes")
        # ECB is the bare block cipher here: its inputs are the KDF's, never data.
        context = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        self._encrypt_blocks = context.update
        subkey = int.from_bytes(context.update(bytes(16))) << 1
        if subkey >> 128:
            subkey ^= (1 << 128) | 0x87
        self._mask = subkey << 128 | subkey

    def derive(self, nonce: bytes) -> bytes:
        """The AES-256-GCM key, 32 bytes, for a nonce of 24 bytes."""
        half = nonce[:12]
        blocks = int.from_bytes(_FIRST + half + _SECOND + half) ^ self._mask
        return self._encrypt_blocks(blocks.to_bytes(32))

    def encrypt(self, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Ciphertext and 16-byte tag; the nonce of 24 bytes must never repeat under one key."""
        return AESGCM(self.derive(nonce)).encrypt(nonce[12:], plaintext, associated)

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """A fresh random nonce (24 bytes), the ciphertext, the tag (16 bytes)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.encrypt(nonce, plaintext, associated)

    def open(self, sealed: bytes, associated: bytes) -> bytes | None:
        """The plaintext that `seal` was given, or None: not sealed with this key and data."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            return None
        nonce = sealed[:NONCE_BYTES]
        try:
            return AESGCM(self.derive(nonce)).decrypt(nonce[12:], sealed[NONCE_BYTES:], associated)
        except InvalidTag:
            return None
