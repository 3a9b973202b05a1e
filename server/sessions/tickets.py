"""Tickets: what Login and Delegated Login give out, and what a request by a ticket may do.

Theory: a ticket is 32 random bytes, of which the server keeps the SHA-256 hash, in memory only: who
reads the memory finds no ticket, and a restart ends them all. Whoever shows it is the client that
it was given to, for as long as its lease runs, for as many messages (Request Count) and operations
(Usage Limits) as it is good for, and within its rights.

A right names operations, objects and object groups, and restricts nothing by what it leaves out
(2.1 section 7.34). A request must be within one right as a whole: operation and every object that
it touches. So each batch item begins with the rights that cover its operation (`begin`), loses
those that do not reach an object (`touch`), and uses one of those that are left (`spend`), whether
or not it succeeds: once it has reached an object, something was performed. A right that names
objects covers only operations that name what they work on; making and finding objects is not among
them. A right to a group reaches what is in the group when it is used, also what Re-key adds to it.

Source: KMIP 2.1 sections 6.1.12, 6.1.30, 6.1.31, 7.21 to 7.39 and 9.11.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from kmip.enums import Operation
from kmip.enums import Operation as Op
from kmip.errors import InvalidTicket, NotAuthorised, ServerLimitExceeded, UsageLimitExceeded
from server.objects.managed_object import ManagedObject
from server.sessions.identification import Identification
from server.sessions.rights import NAMING, TOUCHING_NOTHING, Rights

TICKET_BYTES: Final = 32
"""Random bytes of a ticket: as hard to guess as a key."""
TICKET_MEMORY: Final = 512
"""Bytes of memory of a ticket beside its rights."""
MAX_TICKETS: Final = 10_000
"""In all, of half a kilobyte without rights; further ones are refused, lest one client ends
another's."""
MAX_MEMORY: Final = 32 << 20
"""Bytes of all tickets with their rights: more than three for each ticket without any."""
MAX_TICKETS_PER_CLIENT: Final = 100
"""A client's oldest ticket makes room for its newest."""
MAX_MEMORY_PER_CLIENT: Final = 2 << 20
"""Bytes of a client's tickets with their rights: six with a right for each of some 1000 objects."""
LEASE_SECONDS: Final = 3600
"""The lease of a ticket whose client asks for none: as that of an object."""
MAX_LEASE_SECONDS: Final = 86_400
"""The longest lease; a longer one is cut, and the client logs in again the next day."""

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

NO_TICKET: Final = "there is no such ticket, or its lease has ended"


@dataclass(slots=True)
class Issued:
    """A ticket that is out.

    Attributes:
        client: the name of the client that it stands for.
        until: the end of its lease, seconds since 1970.
        requests: messages it is still good for; None: any number.
        left: operations it is still good for; None: any number.
        rights: its rights, one of which an operation must be within; None: all rights.
        identification: what its client was identified by when it was given out; the ticket is good
            while that is.
        since: when it was given out, seconds since 1970.
        is_over: whether it has been ended, also for the message that shows it.
        displaced: the tickets that made room for it.
        handle: stands for the ticket where its streams are counted; hash of its value, hexadecimal.
    """

    client: str
    until: int
    requests: int | None = None
    left: int | None = None
    rights: Rights | None = None
    identification: Identification | None = field(default=None, repr=False)
    since: int = 0
    is_over: bool = False
    displaced: tuple[Ended, ...] = field(default=(), repr=False)
    handle: str = field(default="", repr=False)

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes, at most."""
        known_by = self.identification
        return (
            TICKET_MEMORY
            + (self.rights.memory if self.rights is not None else 0)
            + (known_by.memory if known_by is not None else 0)
        )


@dataclass(slots=True)
class Ended:
    """A ticket that was ended, in case that is undone.

    Attributes:
        key: the hash of its value.
        issued: the ticket.
    """

    key: bytes
    issued: Issued


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
        has_reached: whether the operation has reached an object, or was performed without one: it
            counts then, whatever comes of it.
    """

    issued: Issued
    has_reached: bool = False
    _within: int = 0
    _operation: Operation = Operation.QUERY
    _is_spent: bool = False
    _spent: list[Spent] = field(default_factory=list)

    def check_open(self, now: int) -> None:
        """Refuse a ticket that has ended since the message came.

        Args:
            now: seconds since 1970.

        Raises:
            InvalidTicket: its lease is over, or a Logout, perhaps of this message, has ended it.
        """
        if self.issued.is_over or self.issued.until <= now:
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

    def begin(self, operation: Operation) -> None:
        """Begin an operation; the one before has ended.

        Raises:
            NotAuthorised: no right covers it.
            UsageLimitExceeded: the rights to it are used up.
        """
        self._is_spent = self.has_reached = False
        self._operation = operation
        if not self.covers(operation):
            raise NotAuthorised(f"the ticket gives no right to {operation.title}")
        rights = self.issued.rights
        self._within = rights.usable(rights.covering(operation)) if rights is not None else 0
        if self.issued.left == 0 or (rights is not None and not self._within):
            raise UsageLimitExceeded("the ticket's Usage Limits are reached")

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
        rights = self.issued.rights
        return self.issued.left is not None or (rights is not None and rights.are_counted)

    def spend(self, *, failed: bool = False) -> None:
        """Count the operation, once.

        Args:
            failed: whether it failed.

        Raises:
            UsageLimitExceeded: others have used the ticket up meanwhile.
        """
        if self._is_spent:
            return
        rights, used = self.issued.rights, None
        try:
            used = rights.to_spend(self._within) if rights is not None else None
        except LookupError:
            raise UsageLimitExceeded("the ticket's Usage Limits are reached") from None
        if self.issued.left == 0:
            raise UsageLimitExceeded("the ticket's Usage Limits are reached")
        if rights is not None and used is not None:
            rights.spend(used)
        if self.issued.left is not None:
            self.issued.left -= 1
        self._is_spent = True
        self._spent.append(Spent(self._operation, used, failed))

    def give_back(self, *, undone: bool) -> None:
        """Take back what this message has counted, because nothing of it was done.

        Args:
            undone: its items were undone and answered so; what failed, and what tells something by
                having succeeded (not in `UNDOABLE`), stays counted. Else all are performed anew.
        """
        kept = []
        for spent in self._spent:
            if undone and (spent.failed or spent.operation not in UNDOABLE):
                kept.append(spent)
                continue
            if spent.right is not None and self.issued.rights is not None:
                self.issued.rights.spend(spent.right, -1)
            if self.issued.left is not None:
                self.issued.left += 1
        self._spent = kept


class Tickets:
    """All tickets that are out."""

    def __init__(self) -> None:
        self._issued: dict[bytes, Issued] = {}

    def __len__(self) -> int:
        """How many are out, those counted whose lease has ended since the last was given out."""
        return len(self._issued)

    def issue(self, issued: Issued, now: int) -> bytes:
        """Give out a ticket; its value.

        Raises:
            ServerLimitExceeded: too many are out.
        """
        self._issued = {key: one for key, one in self._issued.items() if one.until > now}
        ending = self._making_room(issued)
        going = sum(self._issued[key].memory for key in ending)
        every = issued.memory - going + sum(one.memory for one in self._issued.values())
        if len(self._issued) - len(ending) >= MAX_TICKETS or every > MAX_MEMORY:
            raise ServerLimitExceeded("too many tickets are out; try again later")
        value = secrets.token_bytes(TICKET_BYTES)
        issued.displaced = tuple(map(self._end, ending))
        issued.handle = _key(value).hex()
        self._issued[_key(value)] = issued
        return value

    def _making_room(self, issued: Issued) -> list[bytes]:
        """The client's oldest tickets that are to end, so that this one has a place."""
        mine = {key: one for key, one in self._issued.items() if one.client == issued.client}
        taken = issued.memory + sum(one.memory for one in mine.values())
        ending: list[bytes] = []
        for key, one in mine.items():
            left = len(mine) - len(ending)
            if left < MAX_TICKETS_PER_CLIENT and taken <= MAX_MEMORY_PER_CLIENT:
                break
            taken -= one.memory
            ending.append(key)
        return ending

    def find(self, value: bytes, now: int) -> Issued:
        """A ticket that is out.

        Raises:
            InvalidTicket: there is no such ticket, or not any more.
        """
        issued = self._issued.get(_key(value))
        if issued is None or issued.until <= now:
            raise InvalidTicket(NO_TICKET)
        return issued

    def use(self, value: bytes, now: int) -> Permission:
        """Count a message that shows a ticket; what it may do.

        Raises:
            InvalidTicket: there is no such ticket, or not any more.
            UsageLimitExceeded: its Request Count is reached.
        """
        issued = self.find(value, now)
        if issued.requests is not None:
            if not issued.requests:
                raise UsageLimitExceeded("the ticket's Request Count is reached")
            issued.requests -= 1
        return Permission(issued)

    def end(self, value: bytes, client: str) -> Ended:
        """End a ticket of this client's; what `restore` takes.

        Raises:
            InvalidTicket: the client has no such ticket.
        """
        issued = self._issued.get(_key(value))
        if issued is None or issued.client != client:
            raise InvalidTicket(NO_TICKET)
        return self._end(_key(value))

    def drop(self, value: bytes) -> None:
        """End a ticket, whosever it is, if it is out."""
        if _key(value) in self._issued:
            self._end(_key(value))

    def withdraw(self, value: bytes) -> None:
        """Undo the giving out of a ticket; those that made room for it are out again."""
        issued = self._issued.get(_key(value))
        displaced = issued.displaced if issued is not None else ()
        self.drop(value)
        for ended in reversed(displaced):
            self.restore(ended)

    def restore(self, ended: Ended) -> None:
        """Undo the end of a ticket."""
        ended.issued.is_over = False
        self._issued = {ended.key: ended.issued} | self._issued

    def _end(self, key: bytes) -> Ended:
        issued = self._issued.pop(key)
        issued.is_over = True
        issued.displaced = ()  # lest each ticket keeps all before it in memory
        return Ended(key, issued)


def _key(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def until(seconds: int | None, now: int, *, absolute: bool = False) -> int:
    """When a lease that a client asks for ends, seconds since 1970.

    Args:
        seconds: the lease, or its end if `absolute`; None or 0: as the server likes.
        now: seconds since 1970.
        absolute: whether `seconds` is a time.
    """
    if not seconds:
        return now + LEASE_SECONDS
    return min(seconds if absolute else now + seconds, now + MAX_LEASE_SECONDS)
