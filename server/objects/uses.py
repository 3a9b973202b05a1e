"""How often objects have been used: the counters of 3.0, which are written some time later.

Theory: a counter that is written with each use would make every Encrypt and Decrypt a change of the
store: it would wait for the disk, be in conflict with every other use of the key, and fail on the
day that the disk is full. So uses are counted in memory. Who asks for the attributes is given what
is written and what is not written yet; a task writes the latter every few minutes and at a graceful
stop, by ordinary commits, each of which adds to what is there. So several servers' counts add up.

What is lost with a process that is killed is what it had not written yet: a counter may say less
than was done, and never more. Where objects in use are more than can be noted before they are
written, further ones are not counted until then, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import trio

from kmip.attributes import Attributes
from kmip.enums import Operation
from kmip.errors import KMIPError
from kmip.tags import Tag
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from storage import Conflict, StorageError

log: Final = logging.getLogger(__name__)

COUNTERS: Final[Mapping[Operation, Tag]] = {
    Operation.ENCRYPT: Tag.ENCRYPT_COUNTER,
    Operation.DECRYPT: Tag.DECRYPT_COUNTER,
    Operation.SIGN: Tag.SIGN_COUNTER,
    Operation.SIGNATURE_VERIFY: Tag.SIGNATURE_VERIFY_COUNTER,
    Operation.CERTIFY: Tag.CERTIFY_COUNTER,
    Operation.RECERTIFY: Tag.CERTIFY_COUNTER,
}
"""Which attribute counts an operation, on the object that it names."""

MAX_NOTED: Final = 10_000
"""Objects whose uses are not written yet, some 3 MiB."""
WRITTEN_AT_ONCE: Final = 32
"""Objects in one commit: a millisecond or two, after which others have their turn."""
CONFLICTS: Final = 4
"""After which the rest is left for the next time."""
WRITE_SECONDS: Final = 300.0
"""What a killed process loses of the counts; and a key in steady use is written so often."""
GREATEST: Final = (1 << 63) - 1


@dataclass(slots=True)
class Uses:
    """Uses that are not written yet."""

    _noted: dict[str, dict[Tag, int]] = field(default_factory=dict)
    _is_full: bool = False
    _writing: trio.Lock = field(default_factory=trio.Lock)

    def __len__(self) -> int:
        return len(self._noted)

    def count(self, identifier: str, counter: Tag) -> None:
        """Count one use of an object."""
        counts = self._noted.get(identifier)
        if counts is None:
            if len(self._noted) >= MAX_NOTED:
                if not self._is_full:
                    log.warning("more objects are in use than can be noted; some are not counted")
                self._is_full = True
                return
            counts = self._noted[identifier] = {}
        counts[counter] = counts.get(counter, 0) + 1

    def complete(self, managed_object: ManagedObject, attributes: Attributes) -> None:
        """Add what is not written yet to an object's attributes, as a client is to see them."""
        counts = self._noted.get(managed_object.identifier)
        if counts and not managed_object.is_destroyed:
            _add(attributes, counts)

    async def write(self, objects: Transaction) -> bool:
        """Write some of them, in one commit.

        One task writes at a time: what two have taken would be written twice.

        Args:
            objects: a transaction of its own.

        Returns:
            Whether more are left that could be written now.

        Raises:
            storage.StorageError: they could not be written, and are still noted.
        """
        async with self._writing:
            await self._write(objects)
            return bool(self._noted)

    async def _write(self, objects: Transaction) -> None:
        taken = {key: dict(self._noted[key]) for key in islice(self._noted, WRITTEN_AT_ONCE)}
        for identifier, counts in taken.items():
            found = await objects.find(identifier)
            if found is not None and not found.is_destroyed:
                changed = found.copy()
                _add(changed.attributes, counts)
                objects.put(changed)
        try:
            await objects.commit()
        except KMIPError:  # an object that has grown to its limit
            log.debug("uses could not be written", exc_info=True)
            objects.forget()
        self._drop(taken)

    def _drop(self, written: dict[str, dict[Tag, int]]) -> None:
        """Forget what has been written; what was counted meanwhile stays."""
        for identifier, counts in written.items():
            noted = self._noted.pop(identifier)
            left = {key: count - counts.get(key, 0) for key, count in noted.items()}
            left = {key: count for key, count in left.items() if count}
            if left:
                self._noted[identifier] = left
        self._is_full = False


def _add(attributes: Attributes, counts: Mapping[Tag, int]) -> None:
    for counter, count in counts.items():
        attributes.set(counter, min(attributes.get(counter, 0) + count, GREATEST))


async def write_all(uses: Uses, begin: Callable[[], Transaction]) -> None:
    """Write what is noted now; what cannot be written stays noted.

    Args:
        uses: not written yet.
        begin: makes a transaction.
    """
    for _ in range(len(uses) // WRITTEN_AT_ONCE + 1 + CONFLICTS):
        try:
            with trio.CancelScope(shield=True):  # else nobody knows whether it was written
                objects = begin()
                await objects.store.refresh()
                more = await uses.write(objects)
        except Conflict:
            continue  # a client was first, or another server
        except StorageError as error:
            log.warning("the counts of uses are written later: %s", error)
            return
        if not more:
            return
        await trio.lowlevel.checkpoint()


async def keep_written(uses: Uses, begin: Callable[[], Transaction]) -> None:
    """Write what is noted every `WRITE_SECONDS`, until this is cancelled."""
    while True:
        await trio.sleep(WRITE_SECONDS)
        await write_all(uses, begin)
