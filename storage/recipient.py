"""The servers that a rotation gives the new master key to, so that they go on serving.

Theory of operation: a server that has a shared store open may put a public key of its own into the
key header; the private half is in its memory alone. A rotation seals the new master key for each
(ephemeral X25519, then XAES-256-GCM), so those servers follow, and nobody else: whoever has the old
secret, the old master key and every copy of the database, older and newer, does not have a private
key of any of them. A new master key sealed under the old one would not be worth drawing.

Public keys and the header are in the hands of the back end, which could seal a master key of its
own making for a server. So each recipient has a *bond*, a random key that it chose, kept in the
header wrapped under the master key; what seals a master key is derived from the bond as well. Only
who had the master key can give the next one. A server that has followed takes another key pair and
another bond at once: those that were wrapped under the master key which was given up end with it.

    extract(bond, X25519(ephemeral, public)) -> "recipient" -> seals the master key (32 bytes)
    bound to: the store, both public keys

    sealed: ephemeral public key 32 | nonce 24 | ciphertext 32 | tag 16; zeros: none yet

Source: X25519: RFC 7748. The construction is that of RFC 9180 in its mode with a pre-shared key
(section 5.1.2), with the primitives of this package.
"""

import os
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from storage.errors import Part, Reason, Tampered
from storage.keyring import LABEL, ROOT_BYTES, expand, extract
from storage.xaes import NONCE_BYTES, TAG_BYTES, XAES

MAX_RECIPIENTS: Final = 32  # more servers than share a store; those that were killed drop out
PUBLIC_BYTES: Final = 32
BOND_BYTES: Final = NONCE_BYTES + ROOT_BYTES + TAG_BYTES
SEALED_BYTES: Final = PUBLIC_BYTES + NONCE_BYTES + ROOT_BYTES + TAG_BYTES
NONE_YET: Final = bytes(SEALED_BYTES)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One server, as the key header has it.

    Attributes:
        public: its public key, 32 bytes.
        bond: wrapped under the master key, 72 bytes.
        sealed: the master key, sealed for it by the last rotation, 104 bytes; zeros: there was
            none since it came.
    """

    public: bytes
    bond: bytes = field(repr=False)
    sealed: bytes = field(repr=False)

    def after(self, store: bytes, old: bytes, new: bytes) -> "Recipient":
        """The same after `new` has taken the place of the master key `old`, and is sealed for it.

        Raises:
            Tampered: its bond does not open.
        """
        associated = _of_bond(store, self.public)
        bond = XAES(expand(old, b"bond-wrap")).open(self.bond, associated)
        if bond is None:
            raise Tampered(Part.HEADER, Reason.EDITED)
        try:
            sealed = _seal(self.public, bond, store, new)
        except ValueError:  # no public key of anybody's: whoever put it there gets nothing
            sealed = NONE_YET
        wrapped = XAES(expand(new, b"bond-wrap")).seal(bond, associated)
        return replace(self, bond=wrapped, sealed=sealed)


class RecipientKey:
    """The private half of a recipient: in this process's memory, and nowhere else.

    Attributes:
        public: 32 bytes.
    """

    __slots__ = ("_bond", "_private", "public")

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self._bond = os.urandom(ROOT_BYTES)
        self.public = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "RecipientKey(...)"

    def recipient(self, store: bytes, master: bytes) -> Recipient:
        """As the header has it, under the master key in force."""
        wrap = XAES(expand(master, b"bond-wrap"))
        bond = wrap.seal(self._bond, _of_bond(store, self.public))
        return Recipient(self.public, bond, NONE_YET)

    def open(self, recipient: Recipient, store: bytes) -> bytes | None:
        """The master key that was sealed for it, or None where there is none that opens."""
        ephemeral, sealed = recipient.sealed[:PUBLIC_BYTES], recipient.sealed[PUBLIC_BYTES:]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        except ValueError:  # also where none was sealed yet
            return None
        associated = _of_master(store, self.public, ephemeral)
        return _cipher(self._bond, shared).open(sealed, associated)


def _seal(public: bytes, bond: bytes, store: bytes, master: bytes) -> bytes:
    """The master key sealed for a public key.

    Raises:
        ValueError: the public key is of low order.
    """
    private = X25519PrivateKey.generate()
    ephemeral = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    associated = _of_master(store, public, ephemeral)
    return ephemeral + _cipher(bond, shared).seal(master, associated)


def _cipher(bond: bytes, shared: bytes) -> XAES:
    return XAES(expand(extract(bond, shared), b"recipient"))


def _of_bond(store: bytes, public: bytes) -> bytes:
    return LABEL + b"bond/" + store + public


def _of_master(store: bytes, public: bytes, ephemeral: bytes) -> bytes:
    return LABEL + b"recipient/" + store + public + ephemeral
