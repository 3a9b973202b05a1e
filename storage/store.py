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

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from storage.backend import Backend, Commit, Kind, Tail
from storage.commits import Committer, Work, size, stage
from storage.errors import (
    Conflict,
    Missing,
    Part,
    Reason,
    StorageError,
    Tampered,
    Unavailable,
    WrongSecret,
)
from storage.header import MAX_SLOTS, Header, Slot, Unlocked
from storage.index import Row
from storage.keyring import Keyring, Sealed, tag
from storage.ledger import Anchor, State, open_entries
from storage.query import Found, Query, matches
from storage.record import Change, Content, Record, Terms, decode_body
from storage.restore import restore
from storage.secret import Secret
from storage.table import Draft, Table

# Log entries kept. Alone, the log only proves itself; together, it is how others catch up, and
# whoever falls behind it reads the whole store again.
_KEPT_ALONE: Final = 16
_KEPT_SHARED: Final = 4096
_KEPT_BYTES: Final = 64 << 20  # of sealed entries, whichever is less

CACHE_BYTES: Final = 32 << 20  # of meta parts kept opened in memory


@asynccontextmanager
async def open_store(
    backend: Backend,
    secret: Secret,
    *,
    create: bool = False,
    anchor: Anchor | None = None,
    cache_bytes: int = CACHE_BYTES,
) -> AsyncIterator["SealedStore"]:
    """The store in a back end, for the length of an `async with` block.

    Args:
        backend: not yet open; is closed when the block ends, or when opening fails.
        secret: opens one of the key slots; or, for a new store, will.
        create: make a new store where there is none.
        anchor: the least state to accept, as `SealedStore.anchor` once gave it.
        cache_bytes: of opened meta parts to keep in memory.

    Raises:
        Missing: there is no store, and `create` is False.
        InUse: the back end is exclusive and somebody holds it.
        WrongSecret: no key slot opens.
        Tampered: what is there is not what was written there, or is older than `anchor`.
        Unavailable: the back end does not answer.
    """
    failure: BaseException | None = None
    try:
        await backend.open()
        table = await _open(backend, secret, create, anchor)
        store = SealedStore(backend, table, cache_bytes)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store._committer.run)  # noqa: SLF001
            try:
                yield store
            except BaseException as error:  # noqa: BLE001 - raised again outside the nursery,
                failure = error  #  which would wrap it in a group
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await backend.aclose()
    if failure is not None:
        raise failure


async def _open(backend: Backend, secret: Secret, create: bool, anchor: Anchor | None) -> Table:
    for _ in range(_OPEN_ATTEMPTS):
        header, head = await backend.load()
        if header is None and head is None:
            if anchor is not None:
                raise Tampered(Part.STORE, Reason.ROLLED_BACK)
            if not create:
                raise Missing("there is no store here")
            await _create(backend, secret)
            continue
        if header is None:
            raise Tampered(Part.HEADER, Reason.DROPPED)
        if head is None:
            raise Tampered(Part.HEAD, Reason.DROPPED)
        unlocked = await trio.to_thread.run_sync(Unlocked.open, Header.parse(header), secret)
        keyring = unlocked.keyring()
        state = State.open(keyring, head)
        if state.header != unlocked.header.digest:
            raise Tampered(Part.HEADER, Reason.REPLAYED)
        table = Table(unlocked, keyring, state, head)
        await restore(backend, table, anchor)
        if table.state.header == unlocked.header.digest:
            return table
    raise Unavailable("the key header keeps changing while the store is opened")


_OPEN_ATTEMPTS: Final = 5


async def _create(backend: Backend, secret: Secret) -> None:
    """Make an empty store; somebody else making one meanwhile is fine."""
    if (await backend.scan(b""))[0]:
        raise Tampered(Part.HEAD, Reason.DROPPED)
    unlocked = await trio.to_thread.run_sync(Unlocked.make, secret)
    header = unlocked.build()
    keyring = unlocked.keyring()
    state = State(0, keyring.now.chain, 0, 0, 0, 1, hashlib.sha256(header).digest())
    await backend.commit(Commit(0, None, state.seal(keyring), b"", 1, {}, {}, header))


@dataclass(frozen=True, slots=True)
class _Cached:
    tag: bytes
    record: Record
    bytes: int


class SealedStore:
    """Named records with versions, found by terms. Made by `open_store`.

    Methods may be called by any number of tasks of the one trio loop the store was opened in.
    """

    def __init__(self, backend: Backend, table: Table, cache_bytes: int) -> None:
        self._backend = backend
        self._table = table
        self._committer = Committer(self)
        self._cache: OrderedDict[bytes, _Cached] = OrderedDict()
        self._cache_bytes = 0
        self._cache_limit = cache_bytes
        self._log_sizes: list[int] = []
        self._doubt = False
        self._broken: Tampered | None = None
        self._refresh = trio.Lock()
        self._refreshes_begun = 0
        self._refreshes_done = 0

    def __repr__(self) -> str:
        return f"<SealedStore at commit {self._table.state.number}, {self.count} records>"

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._table.rows)

    @property
    def anchor(self) -> Anchor:
        """The state this server has seen; keep it elsewhere and give it to `open_store`."""
        return self._table.state.anchor

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

    async def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none; they are durable when this returns.

        A caller that is cancelled does not learn whether they were made.

        Args:
            changes: each to another record.

        Raises:
            Conflict: a record is not at its expected version; nothing was done.
            Unavailable: the back end failed; all was done or nothing.
            ValueError: a limit of `Put` is passed, or two changes are to the same record.
        """
        for change in changes:
            change.check()
        if len({change.name for change in changes}) != len(changes):
            raise ValueError("a commit changes each record once at most")
        self._check_whole()
        if changes:
            await self._committer.submit(Work(stage(tuple(changes)), sum(map(size, changes))))
        else:
            await trio.lowlevel.checkpoint()

    async def read(self, name: bytes) -> Record | None:
        """The meta part of a record, or None.

        Raises:
            Tampered: what the back end gives is not the version that is due.
            Unavailable: the back end does not answer.
        """
        row = self._table.rows.get(name)
        cached = self._cache.get(name)
        if row is not None and cached is not None and cached.tag == row.tag:
            self._cache.move_to_end(name)
            await trio.lowlevel.checkpoint_if_cancelled()
            return cached.record
        content = await self._content(name)
        return None if content is None else _record(content)

    async def _content(self, name: bytes) -> Content | None:
        fetched = await self._fetch(name, Kind.META)
        if fetched is None:
            return None
        row, plaintext = fetched
        content = Content.decode(plaintext)
        self._remember(row, content)
        return content

    async def read_body(self, name: bytes, version: int) -> bytes | None:
        """The body of a record at exactly this version, or None when it has none.

        Raises:
            Conflict: the record is not at that version, or no more when the body was there.
            Tampered: what the back end gives is not the body of that version.
            Unavailable: the back end does not answer.
        """
        if self.version(name) != version:
            raise Conflict(name)
        fetched = await self._fetch(name, Kind.BODY)
        if self.version(name) != version:
            raise Conflict(name)
        return None if fetched is None else decode_body(fetched[1])

    async def search(self, query: Query) -> Found:
        """The records that meet a query; answered from memory, as of the last commit known."""
        self._check_whole()
        await trio.lowlevel.checkpoint_if_cancelled()
        names, total = self._table.index.search(query)
        return Found(names, total)

    @staticmethod
    def matches(query: Query, terms: Terms) -> bool:
        """Whether `search` would find a record with these terms."""
        return matches(query, terms)

    async def refresh(self) -> None:
        """Know of every commit that was durable when this was called.

        Costs nothing where the back end is exclusive; else one request, shared by all who wait.

        Raises:
            Tampered: the back end has gone back, or tells another history.
            Unavailable: it does not answer.
        """
        self._check_whole()
        if self._backend.exclusive and not self._doubt:
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        arrived = self._refreshes_begun
        async with self._refresh:
            if self._refreshes_done > arrived:
                return
            self._refreshes_begun += 1
            begun = self._refreshes_begun
            await self._catch_up()
            self._refreshes_done = begun

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

    async def _change_header(self, change: Callable[[Unlocked], Unlocked]) -> None:
        """Commit a changed header; `change` may stretch a secret, so it runs in a thread."""
        while True:
            self._check_whole()
            base = self._table.unlocked
            changed = await trio.to_thread.run_sync(change, base)
            try:
                await self._committer.submit(Work(partial(_use, base, changed), 0))
            except Conflict:
                continue  # another change of the header was first
            return

    async def make(self, works: Sequence[Work]) -> None:
        """Commit works together (for the committer).

        Raises:
            Unavailable: the back end failed; so did all works not told otherwise.
            Tampered: the back end tells another history; the store serves no more.
        """
        fresh = self._backend.exclusive
        while works:
            self._check_whole()
            if self._doubt:
                await self._catch_up()
            base, draft = self._table, Draft(self._table)
            drafted, refused = _stage(draft, works)
            if refused and not fresh:
                await self._catch_up()  # the refusal may only mean that we are behind
                fresh = True
                continue
            for work, error in refused:
                work.fail(error)
            if not drafted:
                return
            if await self._apply(base, draft):
                for work in drafted:
                    work.succeed()
                return
            works, fresh = drafted, True

    async def _apply(self, base: Table, draft: Draft) -> bool:
        """Whether the back end took the draft; if not, the table knows now what was missed."""
        since = base.state
        commit, state = draft.commit(self._oldest(since))
        try:
            missed = await self._backend.commit(commit)
        except Unavailable:
            self._doubt = True
            missed = await self._backend.tail(since.number)
            taken = (commit.number, commit.entry) in missed.entries
            await self._follow(missed, since)
            self._doubt = False
            if taken:
                return True
            raise
        if missed is not None:
            await self._follow(missed, since)
            return False
        if self._table is base and base.state is since:
            self._log_sizes.append(len(commit.entry))
            base.apply(draft, state, commit.head)
            for row, content in draft.contents():
                self._remember(row, content)
        return True

    def _oldest(self, state: State) -> int:
        """The oldest log entry to keep with the next commit."""
        sizes = self._log_sizes
        kept = _KEPT_ALONE if self._backend.exclusive else _KEPT_SHARED
        del sizes[: max(0, len(sizes) - kept + 1)]
        total = sum(sizes) if sum(sizes) > _KEPT_BYTES else 0
        while total > _KEPT_BYTES:
            total -= sizes.pop(0)
        oldest = state.number + 2 - kept
        if len(sizes) < kept - 1 and total:
            oldest = state.number + 1 - len(sizes)
        return max(state.oldest, oldest)

    async def _catch_up(self) -> None:
        since = self._table.state
        await self._follow(await self._backend.tail(since.number), since)
        self._doubt = False

    async def _follow(self, tail: Tail, since: State) -> None:
        """Take over what a tail tells, which was read when the table was at `since` or later."""
        try:
            await self._take_over(tail, since)
        except Tampered as error:
            self._broken = error
            raise

    async def _take_over(self, tail: Tail, since: State) -> None:
        table = self._table
        if tail.head == table.head:
            return
        unlocked, keyring = await self._keys_of(tail.head)
        newest = State.open(keyring, tail.head)
        if newest.number < since.number:
            raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
        if newest.number == since.number and newest.chain != since.chain:
            raise Tampered(Part.HEAD, Reason.FORKED)
        table = self._table  # it may have moved on while the header was read
        if newest.number <= table.state.number:
            return
        if newest.header != unlocked.header.digest:
            unlocked, keyring = await self._reload_header()
            if newest.header != unlocked.header.digest:
                raise Unavailable("the key header is being changed by another server")
        entries = [pair for pair in tail.entries if pair[0] > table.state.number]
        if newest.oldest > table.state.number + 1:
            await self._rebuild(unlocked, keyring, newest, tail.head)
            return
        self._replay(unlocked, newest, tail.head, entries)

    def _replay(
        self, unlocked: Unlocked, newest: State, head: bytes, sealed: Sequence[tuple[int, bytes]]
    ) -> None:
        table = self._table
        draft = Draft(table)
        if unlocked is not table.unlocked:
            draft.use(unlocked)
        entries = open_entries(draft.keyring, sealed)
        if not entries or entries[0].number != table.state.number + 1:
            raise Tampered(Part.LOG, Reason.DROPPED)
        if entries[-1].number != newest.number:
            raise Tampered(Part.LOG, Reason.DROPPED)
        if entries[0].before != table.state.chain or entries[-1].after != newest.chain:
            raise Tampered(Part.LOG, Reason.FORKED)
        for entry in entries:
            draft.replay(entry.changes)
        if (draft.digest, draft.count) != (newest.digest, newest.count):
            raise Tampered(Part.LOG, Reason.FORKED)
        self._log_sizes.extend(len(blob) for _, blob in sealed)
        table.apply(draft, newest, head)

    async def _keys_of(self, head: bytes) -> tuple[Unlocked, Keyring]:
        """The keys that open a head; from the back end's header where we lack its epoch."""
        table = self._table
        if len(head) > 1 and head[1] not in table.keyring.epochs:
            return await self._reload_header()
        return table.unlocked, table.keyring

    async def _reload_header(self) -> tuple[Unlocked, Keyring]:
        data, _ = await self._backend.load()
        if data is None:
            raise Tampered(Part.HEADER, Reason.DROPPED)
        known = self._table.unlocked
        try:
            unlocked = Unlocked.check(Header.parse(data), known.master, known.slot)
        except Tampered as error:
            if error.reason is Reason.DAMAGED:
                raise
            raise WrongSecret("another server has rotated the keys: open the store again") from None
        return unlocked, unlocked.keyring()

    async def _rebuild(
        self, unlocked: Unlocked, keyring: Keyring, newest: State, head: bytes
    ) -> None:
        """Read the whole store again: the log no longer reaches back to what we know."""
        table = Table(unlocked, keyring, newest, head)
        await restore(self._backend, table, None)
        if table.state.number > self._table.state.number:
            self._table = table
            self._log_sizes.clear()

    async def _fetch(self, name: bytes, kind: Kind) -> tuple[Row, bytes] | None:
        """The row of a record and the plaintext of its blob; None where there is none."""
        while True:
            self._check_whole()
            row, keyring = self._table.rows.get(name), self._table.keyring
            epoch, due, sealed = _blob(row, kind)
            if row is None or not epoch:
                await trio.lowlevel.checkpoint()
                return None
            handle = keyring.epochs[epoch].handle(name)
            (blob,) = await self._backend.get(kind, [handle])
            if blob is not None and tag(blob) == due:
                plaintext = keyring.open(sealed, handle, blob)
                if plaintext is None:
                    raise Tampered(_PARTS[kind], Reason.EDITED)
                return row, plaintext
            await self._committer.settled()
            await self.refresh()
            now = self._table.rows.get(name)
            if _blob(now, kind)[1] == due:
                raise Tampered(_PARTS[kind], self._difference(kind, handle, blob))

    def _difference(self, kind: Kind, handle: bytes, blob: bytes | None) -> Reason:
        """How a blob came to be where another was due."""
        if blob is None:
            return Reason.DROPPED
        sealed = Sealed.META if kind is Kind.META else Sealed.BODY
        if self._table.keyring.open(sealed, handle, blob) is not None:
            return Reason.REPLAYED
        other = tag(blob)
        if any(_blob(row, kind)[1] == other for row in self._table.rows.values()):
            return Reason.SWAPPED
        return Reason.EDITED

    def _remember(self, row: Row, content: Content) -> None:
        """Keep an opened meta part, and forget the longest unused beyond the limit."""
        held = self._cache.pop(row.name, None)
        if held is not None:
            self._cache_bytes -= held.bytes
        cost = 1024 + 2 * len(content.meta)  # terms and object headers included, about
        self._cache[row.name] = _Cached(row.tag, _record(content), cost)
        self._cache_bytes += cost
        while self._cache_bytes > self._cache_limit:
            self._cache_bytes -= self._cache.popitem(last=False)[1].bytes

    def _check_whole(self) -> None:
        if self._broken is not None:
            raise Tampered(self._broken.part, self._broken.reason)


_PARTS: Final = {Kind.META: Part.RECORD, Kind.BODY: Part.BODY}


def _blob(row: Row | None, kind: Kind) -> tuple[int, bytes, Sealed]:
    """Epoch, tag and kind of seal of a row's meta or body blob; epoch 0: there is none."""
    if kind is Kind.META:
        return (0, b"", Sealed.META) if row is None else (row.epoch, row.tag, Sealed.META)
    return (0, b"", Sealed.BODY) if row is None else (row.body_epoch, row.body_tag, Sealed.BODY)


def _record(content: Content) -> Record:
    return Record(content.name, content.version, content.meta, content.terms)


def _stage(
    draft: Draft, works: Sequence[Work]
) -> tuple[list[Work], list[tuple[Work, StorageError]]]:
    """Draft the works one after the other: those drafted, and those refused with why."""
    drafted: list[Work] = []
    refused: list[tuple[Work, StorageError]] = []
    for work in works:
        try:
            work.stage(draft)
            drafted.append(work)
        except Conflict as error:
            refused.append((work, error))
    return drafted, refused


def _use(base: Unlocked, changed: Unlocked, draft: Draft) -> None:
    if draft.unlocked.header.digest != base.header.digest:
        raise Conflict(b"")
    draft.use(changed)
