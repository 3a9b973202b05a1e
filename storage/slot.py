"""A key slot: one way to the master key, by a password or a key file.

    secret --Argon2id or extract, slot salt--> slot key --+-- "slot-check" -> kept in the slot
                                                          +-- "slot-wrap"  -> opens the master key

Where the slots are in the key header, and what the check value is for, is at the top of `header`.
"""

import hmac
import os
from dataclasses import dataclass, field, replace
from typing import Any, Final

from construct import Bytes, Int8ub, Int32ub, Struct

from storage.errors import Part, Reason, Tampered
from storage.keyring import LABEL, ROOT_BYTES, expand
from storage.secret import SALT_BYTES, Cost, Secret, SlotKind
from storage.xaes import NONCE_BYTES, TAG_BYTES, XAES

MAX_SLOTS: Final = 8  # each costs a wrong password one stretching
DIGEST_BYTES: Final = 32
WRAPPED_BYTES: Final = NONCE_BYTES + ROOT_BYTES + TAG_BYTES

SLOT: Final = Struct(
    "number" / Int8ub,
    "kind" / Int8ub,
    "memory_kib" / Int32ub,
    "iterations" / Int32ub,
    "lanes" / Int32ub,
    "salt" / Bytes(SALT_BYTES),
    "check" / Bytes(DIGEST_BYTES),
    "wrapped" / Bytes(WRAPPED_BYTES),
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One way to the master key.

    Attributes:
        number: 0 to 255; names the slot for as long as it exists.
        kind: what kind of secret opens it.
        cost: of stretching a password; zero throughout for a key file.
    """

    number: int
    kind: SlotKind
    cost: Cost
    salt: bytes = field(repr=False)
    check: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)

    @classmethod
    def make(
        cls, number: int, store: bytes, master: bytes, secret: Secret, label: bytes = b""
    ) -> "Slot":
        """A slot through which `secret` opens `master`; stretches: call it in a thread."""
        salt = os.urandom(SALT_BYTES)
        key = secret.stretch(salt, secret.cost)
        check = expand(key, b"slot-check" + label)
        bare = cls(number, secret.kind, secret.cost, salt, check, b"")
        wrapped = XAES(expand(key, b"slot-wrap" + label)).seal(master, bare.associated(store))
        return replace(bare, wrapped=wrapped)

    def associated(self, store: bytes) -> bytes:
        """What the wrapped key is bound to: everything else in the slot, and the store."""
        bare = replace(self, wrapped=bytes(WRAPPED_BYTES))
        return LABEL + b"slot/" + store + SLOT.build(bare.values())

    def open(self, store: bytes, secret: Secret, label: bytes = b"") -> bytes | None:
        """The master key, or None when the secret is not this slot's under this label.

        Raises:
            Tampered: the secret is right, but the wrapped key does not open.
        """
        if secret.kind is not self.kind:
            return None
        key = secret.stretch(self.salt, self.cost)
        if not hmac.compare_digest(expand(key, b"slot-check" + label), self.check):
            return None
        wrap = XAES(expand(key, b"slot-wrap" + label))
        master = wrap.open(self.wrapped, self.associated(store))
        if master is None:
            raise Tampered(Part.HEADER, Reason.EDITED)
        return master

    def values(self) -> dict[str, Any]:
        """As `SLOT` lays it out."""
        return {
            "number": self.number,
            "kind": self.kind,
            "memory_kib": self.cost.memory_kib,
            "iterations": self.cost.iterations,
            "lanes": self.cost.lanes,
            "salt": self.salt,
            "check": self.check,
            "wrapped": self.wrapped,
        }


def slot_of(values: Any) -> Slot:
    """The slot that `SLOT` has parsed.

    Raises:
        ValueError: it is of no kind that there is, or asks for more work than is allowed.
    """
    cost = Cost(values.memory_kib, values.iterations, values.lanes)
    kind = SlotKind(values.kind)
    if kind is SlotKind.PASSWORD and not cost.is_bounded:
        raise ValueError("a slot asks for more work than is allowed")
    return Slot(values.number, kind, cost, values.salt, values.check, values.wrapped)
