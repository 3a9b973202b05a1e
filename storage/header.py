"""The key header: slots that give the master key, and the wrapped roots of the data epochs.

Theory of operation:

    secret --Argon2id or extract, slot salt--> slot key --+-- "slot-check" -> kept in the slot
                                                          +-- "slot-wrap"  -> opens the master key
    master key (random, 32 bytes) --+-- "header-mac" -> authenticates the whole header
                                    +-- "root-wrap"  -> opens each epoch's root (random, 32 bytes)
                                    +-- "bond-wrap"  -> opens the bond of each recipient

Changing a password rewrites one slot; records are not touched. The check value is a function of
the slot key under HKDF-SHA-256, so it commits to it (XAES-256-GCM alone would not: one crafted
slot could open under many passwords). Both are derived under the label of the store's place as
well, where it has one: a store does not open under another label. The check also tells a wrong
secret from a damaged header: no check matches, or one does and the rest fails. Whoever can write
the header can also make it look as if the secret were wrong (put other slots in, with a fresh
checksum); they gain that refusal only.

    offset  bytes  what
    0       8      "SRSTORE" and format 1 or 2; 1 is written where 2 would say nothing more
    8       16     store identifier, random
    24      1      current data epoch
    25      1      s, number of slots, 1 to 8
    26      150 s  slots: number 1, kind 1, memory KiB 4, passes 4, lanes 4, salt 32, check 32,
                   wrapped master key 72 (nonce 24, ciphertext 32, tag 16)
            1      r, number of roots, 1 to 255
            73 r   roots: epoch 1, wrapped root 72
            8      format 2: number of the commit that began the current epoch; 0: the first one
            1      format 2: p, number of recipients, 0 to 32
            208 p  format 2: recipients (`storage.recipient`): public key 32, wrapped bond 72,
                   sealed master key 104, or zeros
            32     HMAC-SHA-256 of all above
            32     SHA-256 of all above: tells accident from anything else without a key

The sealed head holds the SHA-256 of the header in force, so an old header put back is noticed.
"""

import hashlib
import hmac
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from construct import (
    Bytes,
    Const,
    ConstructError,
    Int8ub,
    Int64ub,
    PrefixedArray,
    Struct,
    Terminated,
)

from storage.errors import Part, Reason, Tampered, WrongSecret
from storage.keyring import LABEL, ROOT_BYTES, Epoch, Keyring, expand
from storage.recipient import (
    BOND_BYTES,
    MAX_RECIPIENTS,
    PUBLIC_BYTES,
    SEALED_BYTES,
    Recipient,
    RecipientKey,
)
from storage.secret import Secret
from storage.slot import DIGEST_BYTES, MAX_SLOTS, SLOT, WRAPPED_BYTES, Slot, slot_of
from storage.xaes import XAES

MAX_EPOCH: Final = 255  # one byte in every blob
MAX_HEADER_BYTES: Final = 32 * 1024  # 8 slots, 255 roots and 32 recipients take 27 KiB

_ROOT: Final = Struct("epoch" / Int8ub, "wrapped" / Bytes(WRAPPED_BYTES))
_RECIPIENT: Final = Struct(
    "public" / Bytes(PUBLIC_BYTES), "bond" / Bytes(BOND_BYTES), "sealed" / Bytes(SEALED_BYTES)
)
_FIELDS: Final = (
    "store" / Bytes(16),
    "current" / Int8ub,
    "slots" / PrefixedArray(Int8ub, SLOT),
    "roots" / PrefixedArray(Int8ub, _ROOT),
)
_MAGIC: Final = b"SRSTORE"
_BODY: Final = Struct("magic" / Const(_MAGIC + b"\x01"), *_FIELDS)
_BODY_2: Final = Struct(
    "magic" / Const(_MAGIC + b"\x02"),
    *_FIELDS,
    "since" / Int64ub,
    "recipients" / PrefixedArray(Int8ub, _RECIPIENT),
)
_LAYOUTS: Final = {
    number: Struct("body" / body, "mac" / Bytes(DIGEST_BYTES), Terminated)
    for number, body in ((1, _BODY), (2, _BODY_2))
}


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it was read: laid out well, but not yet authenticated.

    Attributes:
        store: identifier of the store, 16 bytes.
        current: the epoch to seal under.
        slots: 1 to 8, each number once.
        roots: epoch (1..255) to wrapped root of 72 bytes.
        mac: 32 bytes.
        digest: SHA-256 of the header's bytes; what the sealed head vouches for.
        since: number of the commit that began the current epoch, after which no log entry has
            anything of an older one; 0: it is the first epoch, or was begun by format 1.
        recipients: the servers that a rotation seals the new master key for, the oldest first.
    """

    store: bytes
    current: int
    slots: tuple[Slot, ...]
    roots: Mapping[int, bytes] = field(repr=False)
    mac: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    since: int = 0
    recipients: tuple[Recipient, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "Header":
        """The header in these bytes.

        Raises:
            Tampered: damaged (layout or checksum), or asking for more work than is allowed.
        """
        authenticated, checksum = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
        if len(data) > MAX_HEADER_BYTES or hashlib.sha256(authenticated).digest() != checksum:
            raise Tampered(Part.HEADER, Reason.DAMAGED)
        try:
            layout = _LAYOUTS[authenticated[len(_MAGIC)]].parse(authenticated)
            slots = tuple(slot_of(values) for values in layout.body.slots)
        except (ConstructError, LookupError, ValueError) as error:
            raise Tampered(Part.HEADER, Reason.DAMAGED) from error
        roots = {root.epoch: root.wrapped for root in layout.body.roots}
        numbers = {slot.number for slot in slots}
        recipients = tuple(
            Recipient(each.public, each.bond, each.sealed)
            for each in layout.body.get("recipients", ())
        )
        if (
            not 1 <= len(slots) == len(numbers) <= MAX_SLOTS
            or len(roots) != len(layout.body.roots)
            or 0 in roots
            or layout.body.current not in roots
            or len(recipients) > MAX_RECIPIENTS
        ):
            raise Tampered(Part.HEADER, Reason.DAMAGED)
        body = layout.body
        digest = hashlib.sha256(data).digest()
        since = body.get("since", 0)
        return cls(body.store, body.current, slots, roots, layout.mac, digest, since, recipients)

    def body(self) -> bytes:
        """What the MAC covers."""
        roots = [{"epoch": epoch, "wrapped": root} for epoch, root in self.roots.items()]
        slots = [slot.values() for slot in self.slots]
        values = {"store": self.store, "current": self.current, "slots": slots, "roots": roots}
        if not self.since and not self.recipients:
            return _BODY.build(values)
        recipients = [
            {"public": each.public, "bond": each.bond, "sealed": each.sealed}
            for each in self.recipients
        ]
        return _BODY_2.build({**values, "since": self.since, "recipients": recipients})


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A header whose MAC was checked under its master key.

    Attributes:
        header: what was authenticated.
        master: 32 bytes.
        slot: number of the slot that was opened.
        label: of the store's place, see `storage.backend.Backend.label`.
    """

    header: Header
    master: bytes = field(repr=False)
    slot: int
    label: bytes = b""

    @classmethod
    def make(cls, secret: Secret, label: bytes = b"") -> "Unlocked":
        """A new store's header: one slot, one epoch. Stretches: call it in a thread."""
        store, master = os.urandom(16), os.urandom(ROOT_BYTES)
        header = Header(store, 1, (Slot.make(1, store, master, secret, label),), {}, b"", b"")
        return cls(header, master, 1, label).with_epoch(1)

    @classmethod
    def open(cls, header: Header, secret: Secret, label: bytes = b"") -> "Unlocked":
        """The header opened with `secret`. Stretches once per slot: call it in a thread.

        Raises:
            WrongSecret: no slot is this secret's.
            Tampered: one is, but what follows does not verify.
        """
        for slot in header.slots:
            master = slot.open(header.store, secret, label)
            if master is not None:
                return cls.check(header, master, slot.number, label)
        raise WrongSecret("no key slot of this store opens with the secret that was given")

    @classmethod
    def check(cls, header: Header, master: bytes, slot: int, label: bytes = b"") -> "Unlocked":
        """The header, once its MAC holds under a master key that is already known.

        Raises:
            Tampered: it does not.
        """
        unlocked = cls(header, master, slot, label)
        if not hmac.compare_digest(unlocked._mac(header.body()), header.mac):
            raise Tampered(Part.HEADER, Reason.EDITED)
        return unlocked

    @classmethod
    def received(
        cls, header: Header, keys: Mapping[bytes, RecipientKey], label: bytes = b""
    ) -> "Unlocked | None":
        """The header opened with the master key that a rotation sealed for this server, if any.

        Args:
            header: written by another server, which has changed the master key.
            keys: this server's, by public key.
            label: of the store's place.

        Raises:
            Tampered: there is one, but what follows does not verify.
        """
        for recipient in header.recipients:
            key = keys.get(recipient.public)
            master = None if key is None else key.open(recipient, header.store)
            if master is not None:
                return cls.check(header, master, header.slots[0].number, label)
        return None

    def keyring(self) -> Keyring:
        """The keys of all epochs in the header.

        Raises:
            Tampered: a root does not open.
        """
        header = self.header
        cipher = XAES(expand(self.master, b"root-wrap"))
        epochs: dict[int, Epoch] = {}
        for number, wrapped in header.roots.items():
            root = cipher.open(wrapped, self._root_associated(number))
            if root is None:
                raise Tampered(Part.HEADER, Reason.EDITED)
            epochs[number] = Epoch(number, root, header.store)
        return Keyring(header.store, header.current, epochs)

    def build(self) -> bytes:
        """The header's bytes."""
        body = self.header.body()
        authenticated = body + self._mac(body)
        return authenticated + hashlib.sha256(authenticated).digest()

    def with_slots(self, slots: tuple[Slot, ...]) -> "Unlocked":
        """The same keys behind other slots."""
        return self.remade(replace(self.header, slots=slots))

    def new_slot(self, number: int, secret: Secret) -> Slot:
        """A slot for this master key. Stretches: call it in a thread."""
        return Slot.make(number, self.header.store, self.master, secret, self.label)

    def with_epoch(self, number: int) -> "Unlocked":
        """The same with one more epoch, of a fresh root, which becomes the current one."""
        cipher = XAES(expand(self.master, b"root-wrap"))
        wrapped = cipher.seal(os.urandom(ROOT_BYTES), self._root_associated(number))
        roots = {**self.header.roots, number: wrapped}
        return self.remade(replace(self.header, current=number, roots=roots))

    def without_old_epochs(self) -> "Unlocked":
        """The same with the roots of all but the current epoch forgotten."""
        current = self.header.current
        roots = {current: self.header.roots[current]}
        return self.remade(replace(self.header, roots=roots))

    def begun(self, number: int) -> "Unlocked":
        """The same, in which the current epoch is said to begin with the commit of this number."""
        return self.remade(replace(self.header, since=number))

    def with_recipient(self, key: RecipientKey, in_place_of: Container[bytes] = ()) -> "Unlocked":
        """The same with one more recipient; the oldest goes where there are too many.

        Args:
            key: its private half.
            in_place_of: public keys of recipients that go.
        """
        left = self._recipients_but(in_place_of)[-(MAX_RECIPIENTS - 1) :]
        added = key.recipient(self.header.store, self.master)
        return self.remade(replace(self.header, recipients=(*left, added)))

    def without_recipients(self, public: Container[bytes]) -> "Unlocked":
        """The same without those of these public keys."""
        return self.remade(replace(self.header, recipients=self._recipients_but(public)))

    def _recipients_but(self, public: Container[bytes]) -> tuple[Recipient, ...]:
        return tuple(each for each in self.header.recipients if each.public not in public)

    def with_master(self, secret: Secret) -> "Unlocked":
        """The same roots under a fresh master key behind one slot, this secret's.

        The master key is also sealed for each recipient. Stretches: call it in a thread.
        """
        store, master = self.header.store, os.urandom(ROOT_BYTES)
        old, new = XAES(expand(self.master, b"root-wrap")), XAES(expand(master, b"root-wrap"))
        roots: dict[int, bytes] = {}
        for number, wrapped in self.header.roots.items():
            associated = self._root_associated(number)
            root = old.open(wrapped, associated)
            if root is None:
                raise Tampered(Part.HEADER, Reason.EDITED)
            roots[number] = new.seal(root, associated)
        slot = Slot.make(1, store, master, secret, self.label)
        recipients = tuple(
            each.after(store, self.master, master) for each in self.header.recipients
        )
        header = replace(self.header, slots=(slot,), roots=roots, recipients=recipients)
        return replace(self, master=master, slot=1).remade(header)

    def remade(self, header: Header) -> "Unlocked":
        """The same master key over a changed header, authenticated anew."""
        header = replace(header, mac=self._mac(header.body()))
        unlocked = replace(self, header=header)
        digest = hashlib.sha256(unlocked.build()).digest()
        return replace(self, header=replace(header, digest=digest))

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(expand(self.master, b"header-mac"), body, "sha256")

    def _root_associated(self, number: int) -> bytes:
        return LABEL + b"root/" + self.header.store + bytes((number,))
