"""Tickets: what Login and Delegated Login give out, kept where all servers on the store find them.

Theory: a ticket is 32 random bytes, of which the store has the SHA-256 hash as the name of a record
(`server.objects.own_records`): who reads the store finds no ticket. Whoever shows it is the client
that it was given to, at each server on the store and after a restart, for as long as its lease
runs, for as many messages (Request Count) and operations (Usage Limits) as it is good for, and
within its rights (`server.sessions.permission`).

A ticket is given out and ended within the transaction of the operation that does it, so that it is
undone with a batch that is undone. It is read with each message that shows it, from memory: what
does not change is kept arranged, and what changes is the small part of a record. A ticket that is
not counted is never written again. A use of one that is counted is a commit of its own, which is
refused where another server has counted meanwhile, and then made anew: so no use is spent twice,
and where the store takes no changes such a ticket is refused.

Source: KMIP 2.1 sections 6.1.12, 6.1.30, 6.1.31, 7.21 to 7.39 and 9.11.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from kmip.errors import InvalidTicket, ServerLimitExceeded, UsageLimitExceeded
from server.long_steps import LOOP_BYTES, stepped
from server.objects import own_records
from server.objects.own_records import MAX_ATTEMPTS, OwnRecords
from server.objects.transaction import Transaction
from server.sessions.issued import Issued, counts_of, decode, encode, limits_of
from server.sessions.rights import Grant
from storage import KEEP, Conflict, Put, Record, Remove, SealedStore, StorageError

log: Final = logging.getLogger(__name__)

KIND: Final = b"ticket"
TICKET_BYTES: Final = 32
"""Random bytes of a ticket: as hard to guess as a key."""
MAX_TICKETS: Final = 10_000
"""In all, of one kilobyte without rights; further ones are refused, lest one client ends
another's."""
MAX_KEPT: Final = 2 * MAX_TICKETS
"""The same with those whose lease has ended and that are not removed yet."""
MAX_TICKETS_PER_CLIENT: Final = 100
"""A client's oldest ticket makes room for its newest."""
MAX_BYTES: Final = 64 << 20
"""Of all tickets with their rights, in the store: six kilobytes each, a chain of certificates."""
MAX_BYTES_PER_CLIENT: Final = 2 << 20
"""Of a client's tickets with their rights: sixteen with a right for each of some 1000 objects."""
MAX_MEMORY: Final = 32 << 20
"""Bytes of tickets that are kept arranged; one used longest ago is read again when it is shown."""

NO_TICKET: Final = "there is no such ticket, or its lease has ended"


class Tickets:
    """All tickets that are out.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: SealedStore) -> None:
        self._store = store
        self._records = OwnRecords(store, KIND)
        self._opened: OrderedDict[bytes, Issued] = OrderedDict()
        self._memory = 0

    async def count(self, now: int) -> int:
        """How many are out whose lease has not ended by `now`, seconds since 1970."""
        return await self._records.count(now=now)

    # Giving out, and ending

    async def issue(
        self,
        objects: Transaction,
        issued: Issued,
        now: int,
        grants: Sequence[Grant] | None = None,
    ) -> bytes:
        """Give out a ticket once a transaction is committed; its value.

        Args:
            objects: the transaction; the client's oldest tickets may end with it, to make room.
            issued: the ticket.
            now: seconds since 1970.
            grants: its rights; None: all.

        Raises:
            ServerLimitExceeded: too many are out, or this one is too long.
        """
        value = secrets.token_bytes(TICKET_BYTES)
        body = await stepped(len(grants or ()) > LONG_RIGHTS, encode, issued, grants)
        limits = limits_of(grants or ())
        try:
            change = self._records.put(
                _key(value),
                counts_of(issued.requests, issued.left, limits),
                0,
                body=body,
                whose=issued.client,
                ends=issued.until,
            )
        except ValueError:
            raise ServerLimitExceeded("the rights of a ticket name too much") from None
        length = own_records.counted(len(body) + len(change.meta))
        ending, going = await self._making_room(objects, issued.client, length)
        live = set(await objects.note_names(self._records.query(issued.client, now=now)))
        count = await self._records.count(now=now) - len(live.intersection(ending))
        kept = await self._records.count() - len(ending)
        size = await self._records.size() + length - going
        if count >= MAX_TICKETS or kept >= MAX_KEPT or size > MAX_BYTES:
            raise ServerLimitExceeded("too many tickets are out; try again later")
        for name in ending:
            objects.remove_note(name)
        objects.put_note(change)
        return value

    async def _making_room(
        self, objects: Transaction, client: str, length: int
    ) -> tuple[list[bytes], int]:
        """The client's oldest tickets that are to end to make room, and their bytes.

        Those whose lease has ended count until they are removed: else short leases would make any
        number of records.
        """
        lengths: dict[bytes, int] = {}
        for each, query in self._records.queries_by_size(client):
            lengths |= dict.fromkeys(await objects.note_names(query), each)
        mine = await objects.note_names(self._records.query(client))
        taken = length + sum(lengths.get(name, 0) for name in mine)
        ending: list[bytes] = []
        going = 0
        for name in reversed(mine):
            left = len(mine) - len(ending)
            if left < MAX_TICKETS_PER_CLIENT and taken - going <= MAX_BYTES_PER_CLIENT:
                break
            going += lengths.get(name, 0)
            ending.append(name)
        return ending, going

    async def end(self, objects: Transaction, value: bytes, client: str) -> None:
        """End a ticket of this client's, once a transaction is committed.

        Raises:
            InvalidTicket: the client has no such ticket.
        """
        issued = await self._open(_key(value))
        if issued is None or issued.client != client or not self.is_out(objects, issued):
            raise InvalidTicket(NO_TICKET)
        objects.remove_note(self._records.name(issued.key))

    async def drop(self, issued: Issued) -> None:
        """End a ticket that is not good any more, at once and for all servers.

        Where that cannot be kept, who calls this refuses the ticket all the same.
        """
        try:
            await self._records.remove(issued.key)
        except StorageError as error:
            log.warning("a ticket that is over could not be removed: %s", error)

    async def end_all(self, client: str) -> int:
        """End the tickets that a client has been given up to now; how many.

        Raises:
            storage.StorageError: they could not be ended.
        """
        ended: list[Remove] = []

        async def decide() -> list[Remove]:
            names = (await self._store.search(self._records.query(client))).names
            ended[:] = [Remove(name, self._store.version(name)) for name in names]
            return ended

        await self._records.refresh()
        await self._records.commit_decided(decide)
        return len(ended)

    # Showing one

    async def find(self, value: bytes, now: int) -> Issued:
        """A ticket that is out.

        Raises:
            InvalidTicket: there is no such ticket, or not any more.
            storage.StorageError: the store does not give it.
        """
        return await self.find_kept(_key(value), now)

    async def find_kept(self, key: bytes, now: int) -> Issued:
        """As `find`, of the ticket whose record has this key."""
        issued = await self._open(key)
        if issued is None or issued.until <= now:
            raise InvalidTicket(NO_TICKET)
        return issued

    async def use(self, issued: Issued) -> None:
        """Count a message that shows a ticket.

        Raises:
            InvalidTicket: it has ended meanwhile.
            UsageLimitExceeded: its Request Count is reached.
            storage.StorageError: that could not be counted.
        """
        if issued.requests is None:
            return

        def use() -> None:
            if not issued.requests:
                raise UsageLimitExceeded("the ticket's Request Count is reached")
            issued.requests -= 1

        await self.change(issued, use)

    def is_out(self, objects: Transaction, issued: Issued) -> bool:
        """Whether a ticket has not been ended, by what is known now and by a transaction."""
        return objects.has_note(self._records.name(issued.key))

    async def renew(self, issued: Issued) -> None:
        """Know what is left of a ticket now.

        Raises:
            InvalidTicket: it has ended meanwhile.
        """
        record = await self._records.read(issued.key)
        if record is None:
            raise InvalidTicket(NO_TICKET)
        if record.version > issued.version:
            issued.take(record.meta, record.version)

    async def change(self, issued: Issued, step: Callable[[], None]) -> tuple[bytes, int, int]:
        """Change what is left of a ticket, for all servers.

        Args:
            issued: the ticket.
            step: changes its counts, or raises and changes nothing; it is called again where
                another server was first.

        Returns:
            The name of its record, and the versions before and after.

        Raises:
            InvalidTicket: it has ended meanwhile.
            storage.StorageError: the change could not be kept; it was made or not.
        """
        before = 0

        def decide(record: Record | None) -> Put:
            nonlocal before
            if record is None:
                raise InvalidTicket(NO_TICKET)
            before = record.version
            issued.take(record.meta, before)
            step()
            issued.version = 0  # until it is kept
            return self._records.put(
                issued.key,
                issued.counts(),
                before,
                body=KEEP,
                length=issued.length,
                whose=issued.client,
                ends=issued.until,
            )

        await self._records.change(issued.key, decide)
        name = self._records.name(issued.key)
        return name, before, self._store.version(name)

    async def _open(self, key: bytes) -> Issued | None:
        """The ticket whose record has this key, with what is left of it now."""
        for _ in range(MAX_ATTEMPTS):
            record = await self._records.read(key)
            issued = self._opened.get(key)
            if record is None:
                self._forget(key)
                return None
            if issued is None:
                issued = await self._decoded(key, record.version)
            else:
                self._opened.move_to_end(key)
            if issued is not None:
                if record.version > issued.version:
                    issued.take(record.meta, record.version)
                return issued
        raise Conflict(self._records.name(key))

    async def _decoded(self, key: bytes, version: int) -> Issued | None:
        """A ticket as its record says, kept for the next time; None: others have changed it."""
        try:
            body = await self._store.read_body(self._records.name(key), version)
        except Conflict:
            return None
        if body is None:
            return None
        issued = await stepped(len(body) > LOOP_BYTES // 4, decode, key, body)
        if key in self._opened:  # another message was first
            return self._opened[key]
        self._opened[key] = issued
        self._memory += issued.memory
        while self._memory > MAX_MEMORY and len(self._opened) > 1:
            self._forget(next(iter(self._opened)))
        return issued

    def _forget(self, key: bytes) -> None:
        issued = self._opened.pop(key, None)
        if issued is not None:
            self._memory -= issued.memory


LONG_RIGHTS: Final = 64
"""Rights that are written on the event loop, some 20 microseconds each."""


def _key(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
