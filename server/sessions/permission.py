"""What a message that shows a ticket may do, and which of it is counted.

Theory: a right names operations, objects and object groups, and restricts nothing by what it leaves
out (2.1 section 7.34). A request must be within one right as a whole: operation and every object
that it touches. So each batch item begins with the rights that cover its operation (`begin`), loses
those that do not reach an object (`touch`), and uses one of those that are left (`spend`), whether
or not it succeeds: once it has reached an object, something was performed. A right that names
objects covers only operations that name what they work on; making and finding objects is not among
them. A right to a group reaches what is in the group when it is used, also what Re-key adds to it.

A use is counted before what it gave is answered, for all servers on the store.

Source: KMIP 2.1 sections 6.1.12, 7.33 and 7.34.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import trio

from kmip.enums import Operation
from kmip.enums import Operation as Op
from kmip.errors import InvalidTicket, NotAuthorised, UsageLimitExceeded
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from server.sessions.issued import Issued
from server.sessions.rights import NAMING, TOUCHING_NOTHING
from server.sessions.tickets import NO_TICKET, Tickets
from storage import StorageError

log: Final = logging.getLogger(__name__)

UNDOABLE: Final = (
    TOUCHING_NOTHING
    | NAMING
    | {Op.CREATE, Op.CREATE_KEY_PAIR, Op.LOCATE, Op.CREATE_GROUP, Op.CREATE_USER}
) - {
    *(Op.ENCRYPT, Op.DECRYPT, Op.SIGN, Op.SIGNATURE_VERIFY, Op.MAC, Op.MAC_VERIFY),
    *(Op.CHECK, Op.HASH, Op.RNG_RETRIEVE),
}
"""Operations whose use of a ticket is given back where they are undone. The others have used a key
or a secret, and their mere success tells something of it: whether a padding was right is all that
an attacker needs."""

USED_UP: Final = "the ticket's Usage Limits are reached"


@dataclass(slots=True)
class Spent:
    """A use that was counted.

    Attributes:
        operation: that was performed.
        right: the number of the right that was used; None: one without a limit.
        failed: whether the operation failed after it had reached an object.
    """

    operation: Operation
    right: int | None
    failed: bool


@dataclass(slots=True)
class Permission:
    """What a message that shows a ticket may do.

    Attributes:
        issued: the ticket.
        tickets: where it is counted.
        has_reached: whether the operation has reached an object, or was performed without one: it
            counts then, whatever comes of it.
        called: what it is, in messages.
    """

    called: ClassVar[str] = "ticket"

    issued: Issued
    tickets: Tickets = field(repr=False)
    has_reached: bool = False
    _within: int = 0
    _operation: Operation = Operation.QUERY
    _is_spent: bool = False
    _spent: list[Spent] = field(default_factory=list)

    def check_open(self, objects: Transaction, now: int) -> None:
        """Refuse a ticket that has ended since the message came.

        Args:
            objects: what the message has changed.
            now: seconds since 1970.

        Raises:
            InvalidTicket: its lease is over, or a Logout, perhaps of this message, has ended it.
        """
        if self.issued.until <= now or not self.tickets.is_out(objects, self.issued):
            raise InvalidTicket(NO_TICKET)

    @property
    def is_narrow(self) -> bool:
        """Whether the operation is within rights to some objects only."""
        rights = self.issued.rights
        return rights is not None and rights.are_narrow(self._within)

    def covers(self, operation: Operation) -> bool:
        """Whether there is a right to the operation at all."""
        rights = self.issued.rights
        return rights is None or bool(rights.covering(operation))

    async def begin(self, operation: Operation) -> None:
        """Begin an operation; the one before has ended.

        Raises:
            InvalidTicket: the ticket has ended meanwhile.
            NotAuthorised: no right covers it.
            UsageLimitExceeded: the rights to it are used up.
        """
        self._is_spent = self.has_reached = False
        self._operation = operation
        if not self.covers(operation):
            raise NotAuthorised(f"the {self.called} gives no right to {operation.title}")
        if self.is_counted:
            await self.tickets.renew(self.issued)
        rights = self.issued.rights
        self._within = rights.usable(rights.covering(operation)) if rights is not None else 0
        if self.issued.left == 0 or (rights is not None and not self._within):
            raise UsageLimitExceeded(USED_UP)

    def touch(self, managed_object: ManagedObject) -> bool:
        """Whether the operation is within a right to this object as well."""
        if self.issued.rights is not None:
            within = self.issued.rights.reaching(self._within, managed_object)
            if not within:
                return False
            self._within = within
        self.has_reached = True
        return True

    @property
    def is_counted(self) -> bool:
        """Whether the ticket is good for so many operations and no more."""
        return self.issued.is_counted

    async def spend(self, objects: Transaction, *, failed: bool = False) -> None:
        """Count the operation, once.

        Args:
            objects: what the message has changed, which may be the ticket: it is changed here too.
            failed: whether it failed.

        Raises:
            InvalidTicket: the ticket has ended meanwhile.
            UsageLimitExceeded: others have used the ticket up meanwhile.
            storage.StorageError: it could not be counted.
        """
        if self._is_spent:
            return
        if self._is_limited:
            spent = Spent(self._operation, None, failed)
            objects.follow_note(*await self.tickets.change(self.issued, lambda: self._use(spent)))
            self._spent.append(spent)
        self._is_spent = True

    @property
    def _is_limited(self) -> bool:
        """Whether the operation uses something up."""
        rights = self.issued.rights
        return self.issued.left is not None or (
            rights is not None and rights.are_limited(self._within)
        )

    def _use(self, spent: Spent) -> None:
        """Take one use off the counts as they are now."""
        rights = self.issued.rights
        try:
            spent.right = rights.to_spend(self._within) if rights is not None else None
        except LookupError:
            raise UsageLimitExceeded(USED_UP) from None
        if self.issued.left == 0:
            raise UsageLimitExceeded(USED_UP)
        self._add(spent, -1)

    def _add(self, spent: Spent, uses: int) -> None:
        if spent.right is not None and self.issued.rights is not None:
            self.issued.rights.spend(spent.right, -uses)
        if self.issued.left is not None:
            self.issued.left += uses

    async def give_back(self, *, undone: bool) -> None:
        """Take back what this message has counted, because nothing of it was done.

        Where that cannot be kept, the uses stay counted.

        Args:
            undone: its items were undone and answered so; what failed, and what tells something by
                having succeeded (not in `UNDOABLE`), stays counted. Else all are performed anew.
        """
        kept = [
            spent
            for spent in self._spent
            if undone and (spent.failed or spent.operation not in UNDOABLE)
        ]
        back = [spent for spent in self._spent if not any(spent is one for one in kept)]
        self._spent = kept
        if not back:
            return
        try:
            with trio.CancelScope(shield=True):
                await self.tickets.change(self.issued, lambda: self._return(back))
        except InvalidTicket:
            log.debug("a ticket has ended before its uses were given back")
        except StorageError as error:
            log.warning("uses of a ticket stay counted: %s", error)

    def _return(self, spent: Sequence[Spent]) -> None:
        for each in spent:
            self._add(each, 1)
