"""The sealed store: records under authenticated encryption, found by a resident index.

Theory of operation: the back end (`backend`) holds sealed blobs and is trusted with nothing. This
process holds the keys, and a resident table (`table`) of every record's version, tags and terms.
Searches and versions are answered from memory. A read fetches one blob and compares its tag with
the table, so the back end can neither alter, swap, hide nor age a record. A commit is drafted
against the table, sealed, and applied by the back end only if its head is still the one the draft
started from; the table follows. Where several servers share a back end, each follows the others by
reading the log.

Not protected: when and which (pseudorandom) records are read and written, how many there are, and
their size classes. A back end that puts everything back to an older state as a whole is noticed by
a running server and by one given an anchor, and by no other.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from typing import Final

import trio

from storage.backend import Backend, Commit, Wanted
from storage.blobs import Blobs
from storage.copy import Copying
from storage.errors import (
    Conflict,
    Part,
    Reason,
    Rotated,
    RotationUnderway,
    StorageError,
    Tampered,
    WrongSecret,
)
from storage.follower import Follower
from storage.group_commit import Committer, Work, size, stage
from storage.header import Unlocked
from storage.ledger import Anchor
from storage.opening import SecretFor, open_table, unlocked_by
from storage.progress import Tell, tell_nobody
from storage.query import Found, Query, matches
from storage.reader import Reader
from storage.record import Change, Record, Terms
from storage.replica import Replica
from storage.rotate import Resealing, begin
from storage.saver import Saver
from storage.scheduling import in_thread
from storage.search import Search
from storage.secret import Secret
from storage.slot import MAX_SLOTS, Slot
from storage.sweep import Sweeper
from storage.table import Draft, Table
from storage.turns import turn
from storage.verify import Verification, verify

CACHE_BYTES: Final = 32 << 20  # of memory: opened meta parts, and sealed bodies
_PIECE: Final = 1 << 13  # rows the index looks at before other tasks have their turn: milliseconds

_Use = Callable[[Draft, Unlocked], None]


@asynccontextmanager
async def open_store(
    backend: Backend,
    secret: Secret | SecretFor,
    *,
    create: bool = False,
    anchor: Anchor | None = None,
    cache_bytes: int = CACHE_BYTES,
    follows: bool = False,
) -> AsyncIterator["SealedStore"]:
    """The store in a back end, for the length of an `async with` block.

    Args:
        backend: not yet open; is closed when the block ends, or when opening fails.
        secret: opens one of the key slots; or, for a new store, will. A function is called once
            the back end is open, with whether a new store is to be made, and gives the secret.
        create: make a new store where there is none.
        anchor: the least state to accept, as `SealedStore.anchor` once gave it.
        cache_bytes: of memory for meta parts (opened) and bodies (sealed) used last.
        follows: go on serving when another server rotates the keys, and go on with a rotation whose
            server has ended. For a server that stays; writes to the header of a shared store.

    Raises:
        Missing: there is no store, and `create` is False.
        InUse: the back end is exclusive and somebody holds it.
        WrongSecret: no key slot opens.
        Tampered: what is there is not what was written there, or is older than `anchor`.
        Unavailable: the back end does not answer.
    """
    failure: BaseException | None = None
    try:
        try:
            await backend.open(create=create)
            table, is_new = await open_table(backend, secret, create=create, anchor=anchor)
        finally:
            # It is not needed while the store is open; and an error, which somebody may keep,
            # refers to the variables of all functions that it has passed through.
            del secret
        store = SealedStore(backend, table, cache_bytes, is_new=is_new)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store._committer.run)  # noqa: SLF001 - of this class
            if follows:
                nursery.start_soon(store._follower.run)  # noqa: SLF001
            nursery.start_soon(store._keep_index)  # noqa: SLF001
            nursery.start_soon(store._sweep)  # noqa: SLF001
            try:
                yield store
            except BaseException as error:  # noqa: BLE001 - raised again outside the nursery,
                failure = error  #  which would wrap it in a group
            with trio.CancelScope(shield=True):
                await store._follower.leave()  # noqa: SLF001
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await backend.aclose()
    if failure is not None:
        raise failure


class SealedStore:
    """Named records with versions, found by terms. Made by `open_store`.

    Methods may be called by any number of tasks of the one trio loop the store was opened in.

    Attributes:
        is_new: whether opening it made it.
        commits: calls of `commit` that made changes, here and since it was opened.
        conflicts: those that others had overtaken.
    """

    def __init__(
        self, backend: Backend, table: Table, cache_bytes: int, *, is_new: bool = False
    ) -> None:
        self.is_new = is_new
        self.commits = 0
        self.conflicts = 0
        self._replica = Replica(backend, table, self._written, self._fetched)
        self._committer = Committer(self._replica)
        self._reader = Reader(backend, self._replica, self._settle, cache_bytes // 2)
        self._blobs = Blobs(backend, self._replica, self._settle)
        self._preparing = trio.Lock()
        self._resealing = trio.Lock()
        self._rotation = Resealing(self._blobs, self._committer.submit)
        self._follower = Follower(self._replica, self._change_recipients, self.reseal)
        self._saver = Saver(backend, self._replica)
        self._sweeper = Sweeper(backend, self._replica)
        self._left = trio.Event()
        self._grown = trio.Event()
        self._keeping_index = trio.Lock()
        self._look_whether_grown()

    def _written(self, draft: Draft, commit: Commit) -> None:
        self._reader.written(draft, commit)
        self._look_whether_grown()

    def _look_whether_grown(self) -> None:
        if self._table.index.is_full or self._saver.is_due:
            self._grown.set()
        if self._sweeper.is_due:
            self._left.set()

    async def _sweep(self) -> None:
        """Drop what attempts at commits have left, where any can, at first and now and then."""
        while True:
            await self._left.wait()
            self._left = trio.Event()
            try:
                await self._sweeper.sweep()
            except Tampered as error:
                self._replica.stop(error)
            except StorageError:
                pass  # it is tried again after some more commits

    async def _keep_index(self) -> None:
        """Move rows that were written recently to segments, and save these, whenever it is due."""
        while True:
            await self._grown.wait()
            self._grown = trio.Event()
            async with self._keeping_index:
                for _ in self._table.index.settle():
                    await turn()
                if self._saver.is_due:
                    await self._saver.save()

    async def save_index(self) -> None:
        """Save the index now, if there are enough records; it is saved by itself now and then.

        What fails is no error: it costs time at the next opening, and is tried again.
        """
        async with self._keeping_index:
            await self._saver.save()

    def _fetched(self, wanted: Wanted, blob: bytes | None) -> None:
        self._reader.fetched(wanted, blob)

    async def _settle(self) -> None:
        await self._committer.settled()
        await self._replica.refresh()

    @property
    def _table(self) -> Table:
        return self._replica.table

    def __repr__(self) -> str:
        return f"<SealedStore at commit {self._table.state.number}, {self.count} records>"

    @property
    def is_shared(self) -> bool:
        """Whether other servers may have the store open at the same time."""
        return not self._replica.is_exclusive

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._table.rows)

    @property
    def index_fault(self) -> str:
        """Why the saved index was of no use, so that all records were read; or empty.

        A missing one is none, as no store has one at first.
        """
        return self._table.index_fault

    @property
    def anchor(self) -> Anchor:
        """The state this server has seen; keep it elsewhere and give it to `open_store`."""
        return self._table.state.anchor

    def has_been(self, anchor: Anchor) -> bool | None:
        """Whether this store was in a state, as another server may have seen it.

        Returns:
            None: it is newer than what this server knows, or older than what it remembers.
        """
        return self._table.history.has(anchor)

    def stop(self, reason: Reason) -> None:
        """Take no more changes: another server has seen what this back end does not show."""
        self._replica.stop(Tampered(Part.HEAD, reason))

    @property
    def finding(self) -> Tampered | None:
        """What was found that stops changes; None: nothing was."""
        return self._replica.finding

    async def is_opened_by(self, secret: Secret) -> bool:
        """Whether a secret opens one of the key slots, as they are now."""
        known = self._table.unlocked
        try:
            await unlocked_by(known.header, secret, known.label)
        except WrongSecret:
            return False
        return True

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The key slots."""
        return self._table.unlocked.header.slots

    @property
    def slot(self) -> int:
        """Number of the key slot this store was opened with."""
        return self._table.unlocked.slot

    def version(self, name: bytes) -> int:
        """The version of a record; 0 when there is none."""
        row = self._table.rows.get(name)
        return 0 if row is None else row.version

    def has_body(self, name: bytes) -> bool:
        """Whether there is such a record and it has a body."""
        row = self._table.rows.get(name)
        return row is not None and row.body_epoch != 0

    async def commit(self, changes: Sequence[Change]) -> int:
        """Make all changes or none; they are durable when this returns.

        A caller that is cancelled does not learn whether they were made.

        Args:
            changes: each to another record.

        Returns:
            The version of all records that were put: the number of the commit. Without changes, 0.

        Raises:
            Conflict: a record is not at its expected version; nothing was done.
            Tampered: what is there is not what was written there, as this or an earlier call has
                found; nothing is acknowledged any more.
            Unavailable: the back end failed; all was done or nothing.
            ValueError: a limit of `Put` is passed, or two changes are to the same record.
        """
        for change in changes:
            change.check()
        if len({change.name for change in changes}) != len(changes):
            raise ValueError("a commit changes each record once at most")
        self._replica.check_writable()
        if changes:
            try:
                number = await self._committer.submit(
                    Work(stage(tuple(changes)), sum(map(size, changes)))
                )
            except Conflict:
                self.conflicts += 1
                raise
            self.commits += 1
            return number
        await trio.lowlevel.checkpoint()
        return 0

    async def read(self, name: bytes) -> Record | None:
        """The meta part of a record, or None.

        Raises:
            Tampered: what the back end gives is not the version that is due.
            Unavailable: the back end does not answer.
        """
        return await self._reader.record(name)

    async def read_body(self, name: bytes, version: int) -> bytes | None:
        """The body of a record at exactly this version, or None when it has none.

        Raises:
            Conflict: the record is not at that version, or no more when the body was there.
            Tampered: what the back end gives is not the body of that version.
            Unavailable: the back end does not answer.
        """
        if self.version(name) != version:
            raise Conflict(name)
        body = await self._reader.body(name)
        if self.version(name) != version:
            raise Conflict(name)
        return body

    async def search(self, query: Query) -> Found:
        """The records that meet a query; answered from memory, as of the last commit known."""
        self._replica.check_whole()
        await trio.lowlevel.checkpoint_if_cancelled()
        search = Search(self._table.index, query, lambda: self._serials(query.without))
        with closing(search.steps()) as steps:
            if not self._preparing.locked() and self._table.index.prepare(query, _PIECE):
                is_done = _step(steps)
            else:
                async with self._preparing:  # in turns: two who move a bound apart never end
                    while not self._table.index.prepare(query, _PIECE):
                        await trio.lowlevel.checkpoint()
                    is_done = _step(steps)
            while not is_done:
                await trio.lowlevel.checkpoint()
                is_done = _step(steps)
        return Found(search.names, search.total)

    def _serials(self, names: Iterable[bytes]) -> list[int]:
        """The serials of those records that there are."""
        rows = (self._table.rows.get(name) for name in names)
        return [row.serial for row in rows if row is not None]

    def serial(self, name: bytes) -> int:
        """The creation sequence number of a record, by which searches are ordered; 0: none."""
        row = self._table.rows.get(name)
        return 0 if row is None else row.serial

    @staticmethod
    def matches(query: Query, terms: Terms) -> bool:
        """Whether `search` would find a record with these terms."""
        return matches(query, terms)

    async def refresh(self, reading: Iterable[bytes] = ()) -> None:
        """Know of every commit that was durable when this was called.

        Costs nothing where the back end is exclusive; else one request, shared by all who wait.

        Args:
            reading: names of records that will be read, body and all. What is not in memory is
                fetched with the same request.

        Raises:
            Tampered: the back end has gone back, or tells another history.
            Unavailable: it does not answer.
        """
        wanted = tuple(self._reader.missing(reading)) if self.is_shared else ()
        await self._replica.refresh(wanted)
        self._look_whether_grown()

    async def add_slot(self, secret: Secret) -> int:
        """Let one more secret open the store; gives the number of its slot.

        Raises:
            ValueError: there are eight already.
        """
        added = 0

        def change(base: Unlocked) -> Unlocked:
            nonlocal added
            slots = base.header.slots
            if len(slots) >= MAX_SLOTS:
                raise ValueError("a store has at most eight key slots")
            added = min(set(range(1, MAX_SLOTS + 2)) - {slot.number for slot in slots})
            return base.with_slots((*slots, base.new_slot(added, secret)))

        await self._change_header(change)
        return added

    async def remove_slot(self, number: int) -> None:
        """Let the secret of a slot open the store no more.

        Whoever kept an old copy of the header can still open it with that secret: `rotate`.

        Raises:
            ValueError: there is no such slot, or no other.
        """

        def change(base: Unlocked) -> Unlocked:
            left = tuple(slot for slot in base.header.slots if slot.number != number)
            if len(left) == len(base.header.slots):
                raise ValueError("there is no such key slot")
            if not left:
                raise ValueError("the last key slot cannot be removed")
            return base.with_slots(left)

        await self._change_header(change)

    async def replace_slot(self, number: int, secret: Secret) -> None:
        """Let another secret open the store in place of a slot's: change a password.

        Raises:
            ValueError: there is no such slot.
        """

        def change(base: Unlocked) -> Unlocked:
            slots = base.header.slots
            if number not in {slot.number for slot in slots}:
                raise ValueError("there is no such key slot")
            new = base.new_slot(number, secret)
            return base.with_slots(tuple(new if slot.number == number else slot for slot in slots))

        await self._change_header(change)

    async def _change_header(
        self, change: Callable[[Unlocked], Unlocked], use: _Use = Draft.use
    ) -> None:
        """Commit a changed header; `change` may stretch a secret, so it runs in a thread.

        Raises:
            RotationUnderway: another server has rotated the keys meanwhile, so that what was to be
                changed is gone.
        """
        master = self._table.unlocked.master
        while True:
            base = self._table.unlocked
            if base.master != master:
                raise RotationUnderway
            changed = await in_thread(change, base)
            if await self._put_header(base, changed, use):
                return

    async def _change_recipients(self, change: Callable[[Unlocked], Unlocked]) -> None:
        """Commit other recipients, whatever else of the header has changed."""
        base = self._table.unlocked
        while not await self._put_header(base, change(base), Draft.use):
            base = self._table.unlocked

    async def _put_header(self, base: Unlocked, changed: Unlocked, use: _Use) -> bool:
        """Whether a header was committed; not where another change of it was first."""
        self._replica.check_writable()
        try:
            await self._committer.submit(Work(partial(_use, base, changed, use), 0))
        except Conflict:
            return False
        return True

    @property
    def is_rotating(self) -> bool:
        """Whether records may still be sealed under keys that are being given up."""
        return len(self._table.keyring.epochs) > 1

    async def rotate(
        self, secret: Secret, *, tell: Tell = tell_nobody, alone: bool = False
    ) -> None:
        """Seal everything under new keys, which only `secret` opens.

        Takes as long as the store is large; the store goes on serving meanwhile, and so do the
        servers that have it open and follow (`open_store`). If this ends early after its first
        commit, `reseal`, here or at another server, goes on.

        All key slots but the new one are gone: add them again.

        Args:
            secret: opens the store from now on; may be the present one.
            tell: is told how many records are done, of how many.
            alone: have no other server follow: each is refused with `Rotated` until it is opened
                anew. For an attacker who has had the old secret and could write to the back end,
                and so may have made themselves one that follows.

        Raises:
            RotationUnderway: another rotation is not finished, or was first; nothing was done.
            Tampered: a body does not open, and so cannot be sealed again; all else is.
            Unavailable: the back end failed.
        """

        def begun(base: Unlocked) -> Unlocked:
            others = {each.public for each in base.header.recipients} if alone else before
            return begin(base.with_recipient(key, others), secret)

        try:
            await self.refresh()
            # This server is one of those that follow, should the answer to the commit be lost.
            with self._follower.fresh_key() as (key, before):
                await self._change_header(begun, Draft.begin_epoch)
        except Rotated:
            raise RotationUnderway from None
        await self.reseal(tell)

    async def reseal(self, tell: Tell = tell_nobody) -> None:
        """Go on with a rotation that was interrupted, or wait for one that this server is at.

        Does nothing where there is none.

        Raises:
            Tampered, Unavailable: as `rotate`.
        """
        async with self._resealing:
            while self.is_rotating:
                with suppress(Conflict):  # another server has finished it meanwhile
                    await self._rotation.run(tell)

    async def verify(self, tell: Tell = tell_nobody) -> Verification:
        """Read every record and body, and compare them with what was written.

        Args:
            tell: is told how many records are done, of how many.

        Raises:
            Tampered: the back end tells another history.
            Unavailable: it does not answer.
        """
        return await verify(self._blobs, tell)

    async def copy_to(self, target: Backend, secret: Secret, tell: Tell = tell_nobody) -> None:
        """Make a copy of the store, or finish one; see `storage.copy` for what it is.

        Args:
            target: not yet open, and empty, or with an unfinished copy of this store. Is closed at
                the end.
            secret: opens this store, and then the copy.
            tell: is told how many records are done, of how many.

        Raises:
            Occupied: there is something else at the target.
            InUse, Damaged: as `Backend.open` of the target.
            Tampered: a record is not what was written there.
            Unavailable: one of the two back ends does not answer; copy again to go on.
        """
        await self.refresh()
        try:
            await target.open()
            await Copying(self._blobs, target, secret).run(tell)
        finally:
            del secret  # as in `open_store`
            with trio.CancelScope(shield=True):
                await target.aclose()


def _step(steps: Iterator[None]) -> bool:
    """Go one step further; whether it was the last one."""
    return next(steps, steps) is steps


def _use(base: Unlocked, changed: Unlocked, use: _Use, draft: Draft) -> Iterator[int]:
    if draft.unlocked.header.digest != base.header.digest:
        raise Conflict(b"")
    use(draft, changed)
    yield 1
