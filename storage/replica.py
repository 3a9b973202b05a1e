"""This server's copy of the store's state, kept in step with the back end.

Theory of operation: the resident table moves from one commit to the next, either because the back
end has taken a commit of ours, or because its log tells of commits of others. The two cannot get
in each other's way: whatever comes second finds the table's number already there and does nothing,
and nothing awaits between looking and moving.

A log of many entries is taken over one by one, with turns for other tasks in between, after its
chain was found to lead from the table's state to the head's. In between the table is at a state
that the store once had; readers who asked for news (`refresh`) wait for the last one.

A commit of ours is drafted with turns in between too. Where the table has moved meanwhile, which
only other servers' commits do, the draft is begun again: the back end would refuse it.

A tail is compared with the state the table had *before* it was asked for: a head older than that,
another chain at the same number, or a log that does not lead from the one to the other, is proof
that the back end has gone back or tells two histories. The store then serves nothing any more.

A tail may come late: another request has moved the table past it, and a rotation may have ended
meanwhile, so that its head is under keys that were given up. It proves nothing then, either way,
and the back end is asked again, with the state that the table has now. Where the table has not
moved since it was asked, there is no such excuse.

Where something else does not open, the store takes no more changes: they would be acknowledged, and
lost with a store that nobody can open again. It goes on giving what does open, as each record is
proved by itself: whoever needs their key now is not helped by a server that has ended. A body is
the one part that the store opens without, so one that is spoiled fails alone.

When a commit fails with an unknown outcome, the log is asked for the very entry that was sent. If
it is there, the commit happened. If another entry has its number, it did not and cannot any more,
because the head it expects is gone: what it was made of is drafted anew, as after any lost race.
"""

from collections.abc import Callable, Sequence
from typing import Final

import trio

from storage.backend import Backend, Commit, Tail, Wanted
from storage.errors import (
    Conflict,
    Part,
    Reason,
    Rotated,
    StorageFull,
    Tampered,
    Unavailable,
    Unsuitable,
)
from storage.group_commit import Work
from storage.header import Header, Unlocked
from storage.keyring import Keyring
from storage.ledger import Entry, State, link, open_entries
from storage.load import restore
from storage.precedence import Precedence
from storage.recipient import RecipientKey
from storage.scheduling import in_thread
from storage.table import Draft, Table
from storage.turns import ROWS, Turns, work_of

# Log entries kept. Alone, the log only proves itself; together, it is how others catch up, and
# whoever falls behind it reads the whole store again.
_KEPT_ALONE: Final = 16
_KEPT_SHARED: Final = 4096
_KEPT_BYTES: Final = 64 << 20  # of sealed entries, whichever is less
_PAUSES_S: Final = (0.0, 0.02, 0.1)  # before the log is asked what became of a commit
_MAX_WANTED: Final = 64  # blobs fetched with one refresh; what is left out is fetched when read
_HEADER_ATTEMPTS: Final = 5  # at a log whose header another server has replaced meanwhile
NO_HEAD: Final = b""  # of a table in the midst of the log: no back end has this one

Written = Callable[[Draft, Commit], None]
Fetched = Callable[[Wanted, bytes | None], None]


class Replica:
    """The table, and what moves it.

    Args:
        backend: the common truth.
        table: restored from it.
        written: is told of every commit this server made.
        fetched: is told of each blob that came with a refresh.

    Attributes:
        table: the resident table; another object after the store had to be read anew.
        kept_from: the commit that the index was saved at, after which log entries are kept if the
            log's limits allow it; or None.
        recipient_keys: by which this server gets the master keys of rotations, by public key.
    """

    def __init__(self, backend: Backend, table: Table, written: Written, fetched: Fetched) -> None:
        self.table = table
        self.recipient_keys: dict[bytes, RecipientKey] = {}
        self._backend = backend
        self._written, self._fetched = written, fetched
        self._wanted: dict[Wanted, None] = {}
        self._precedence = Precedence(self._ask, backend.cede)
        self.kept_from: int | None = None
        self._log_sizes: list[int] = []
        self._doubt = False
        self._broken: Tampered | None = None
        self._stopped: Tampered | None = None
        self._asking = trio.Lock()
        self._rebuilding = trio.Lock()
        self._begun = 0
        self._done = 0

    @property
    def is_exclusive(self) -> bool:
        """Whether nobody else can write."""
        return self._backend.exclusive

    def check_whole(self) -> None:
        """Raise `Tampered` again if the back end was found to tell another history."""
        if self._broken is not None:
            raise Tampered(self._broken.part, self._broken.reason)

    def check_writable(self) -> None:
        """Raise `Tampered` again if something was found that the store would not open with."""
        self.check_whole()
        if self._stopped is not None:
            again = Tampered(self._stopped.part, self._stopped.reason)
            again.args = self._stopped.args
            raise again

    @property
    def finding(self) -> Tampered | None:
        """What was found that stops changes, and perhaps all else; the first finding."""
        return self._stopped or self._broken

    def stop(self, found: Tampered) -> None:
        """Take no more changes, because of what was found; the first finding counts."""
        self._stopped = self._stopped or found

    async def refresh(self, wanted: Sequence[Wanted] = ()) -> None:
        """Know of every commit that was durable when this was called.

        Blobs that will be read afterwards are fetched in the same round trip, where there is one.

        Of those who wait for the lock, one asks for all. Only a request that was sent after a
        caller came tells it enough: one under way may have been answered before its commit. So
        each caller notes how many requests had begun, and is done when a later one has ended.
        """
        self.check_whole()
        if self._backend.exclusive and not self._doubt:
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        arrived = self._begun
        self._wanted.update(dict.fromkeys(wanted[: max(0, _MAX_WANTED - len(self._wanted))]))
        async with self._asking:
            if self._done > arrived:  # a refresh began after this call: reuse its result
                return
            self._begun += 1
            begun = self._begun
            together, self._wanted = tuple(self._wanted), {}
            await self.catch_up(together)
            self._done = begun

    async def catch_up(self, wanted: Sequence[Wanted] = ()) -> None:
        """Read the log after the table's state, and take over what it tells."""
        since = self.table.state
        tail = await self._backend.tail(since.number, wanted)
        await self._follow(tail, since)
        self._doubt = False
        for one, blob in zip(wanted, tail.blobs, strict=False):
            self._fetched(one, blob)

    async def make(self, works: Sequence[Work]) -> None:
        """Commit works together; each is told its outcome, unless this raises.

        Raises:
            Unavailable: the back end failed; it happened or not.
            Tampered: the back end tells another history, or is not what was opened.
        """
        try:
            await self._make(works)
        except Tampered as error:
            self.stop(error)
            raise

    async def _make(self, works: Sequence[Work]) -> None:
        fresh = self._backend.exclusive
        while works:
            self.check_writable()
            await self._precedence.wait()
            if self._doubt or self.table.head == NO_HEAD:
                await self.catch_up()
            draft = Draft(self.table)
            drafted, refused = await self._stage(draft, works)
            if not self._is_current(draft):
                continue
            if refused and not fresh:
                await self.catch_up()  # the refusal may only mean that we are behind
                fresh = True
                continue
            if not drafted or await self._apply(draft):
                for work in drafted:
                    work.succeed(draft.number)
                # Not before: what was drafted first may be why, and nobody knew it would be done.
                if refused:
                    self._precedence.refused()
                for work, error in refused:
                    work.fail(error)
                return
            fresh = True
            self._precedence.lost()

    async def _ask(self, again: bool) -> int:
        """Ask for precedence, and take over what others have committed; how many are ahead."""
        since = self.table.state
        position = await self._backend.precedence(since.number, again=again)
        await self._follow(position.tail, since)
        self._doubt = False
        return position.ahead

    @property
    def waits_for_refused(self) -> bool:
        """Whether somebody whose commit was refused may make another before others do."""
        return self._precedence.is_kept

    async def rest(self) -> None:
        """Let other servers commit: there is nothing more to be committed now."""
        await self._precedence.end()

    def _is_current(self, draft: Draft) -> bool:
        return self.table is draft.table and draft.is_current

    async def _stage(
        self, draft: Draft, works: Sequence[Work]
    ) -> tuple[list[Work], list[tuple[Work, Conflict]]]:
        """Draft the works one after the other: those drafted, and those refused with why."""
        drafted: list[Work] = []
        refused: list[tuple[Work, Conflict]] = []
        turns = Turns()
        for work in works:
            try:
                for done in work.stage(draft):
                    await turns.count(done)
                    if not self._is_current(draft):
                        return [], []
                drafted.append(work)
            except Conflict as error:
                refused.append((work, error))
        return drafted, refused

    async def _apply(self, draft: Draft) -> bool:
        """Whether the back end took the draft; if not, the table knows now what was missed."""
        table, since = draft.table, draft.base
        commit, state = await self._commit(draft)
        try:
            missed = await self._backend.commit(commit)
        except Unavailable as error:
            return await self._became(commit, since, error)
        if missed is not None:
            await self._follow(missed, since)
            if (commit.number, commit.entry) not in missed.entries:
                return False
            await self._backend.confirm()  # it was there already: applied, whatever was said
            return True
        # Otherwise a refresh that ran meanwhile has found this very commit in the log already.
        if self.table is table and table.state is since:
            self._log_sizes.append(len(commit.entry))
            await self._take(draft, state, commit.head)
            self._written(draft, commit)
        return True

    async def _became(self, commit: Commit, since: State, error: Unavailable) -> bool:
        """Whether a commit that was not answered is in the log; False: another has its number.

        The question is asked again where it is not answered either, or where nothing has happened
        at all: the back end may have the commit yet before it. The commit is never sent again.

        Raises:
            Unavailable: the one that was given, as it is in the log neither way; or another one, as
                the log could not be asked.
        """
        self._doubt = True
        is_refused = isinstance(error, StorageFull | Unsuitable)  # and so nothing is under way
        pauses = _PAUSES_S[:1] if is_refused else _PAUSES_S
        for pause in pauses:
            await trio.sleep(pause)
            try:
                found = await self._backend.tail(since.number)
                await self._follow(found, since)
                self._doubt = False
                there = dict(found.entries).get(commit.number)
                if there == commit.entry:
                    await self._backend.confirm()
                    return True
            except Unavailable as another:
                if pause == pauses[-1] or isinstance(another, Unsuitable):
                    raise
            else:
                if there is not None:
                    return False
        raise error

    async def _commit(self, draft: Draft) -> tuple[Commit, State]:
        """The draft as a commit. Where nobody else moves the table, long work is done in turns."""
        oldest = self._oldest(draft.base)
        if self._backend.exclusive and draft.is_long:
            return await in_thread(draft.commit, oldest)
        return draft.commit(oldest)

    async def _take(self, draft: Draft, state: State, head: bytes) -> None:
        """Have the table take over a draft that the back end has taken.

        Where nobody else moves the table, others have their turn in between: they see a part of
        the commit, as if they had asked for one record after the other.
        """
        turns = Turns(ROWS)
        for _ in draft.table.applying(draft, state, head):
            if self._backend.exclusive:
                await turns.count()

    def _oldest(self, state: State) -> int:
        """The oldest log entry to keep with the commit after `state`."""
        sizes = self._log_sizes  # of the entries up to `state.number`, as far as this server saw
        kept = _KEPT_ALONE if self._backend.exclusive else _KEPT_SHARED
        if self.kept_from is not None:
            kept = min(_KEPT_SHARED, max(kept, state.number + 1 - self.kept_from))
        del sizes[: max(0, len(sizes) - kept + 1)]  # one place is for the entry to come
        oldest = state.number + 2 - kept  # with it, the last one is `state.number + 1`
        if sum(sizes) > _KEPT_BYTES:
            while sizes and sum(sizes) > _KEPT_BYTES:
                del sizes[0]
            oldest = state.number + 1 - len(sizes)
        return max(state.oldest, oldest)

    async def _follow(self, tail: Tail, since: State) -> None:
        """Take over what a tail tells that was read when the table was at `since` or later."""
        try:
            for _ in range(_HEADER_ATTEMPTS):
                if await self._take_over(tail, since):
                    return
                since = self.table.state
                tail = await self._backend.tail(since.number)
        except Tampered as error:
            self._broken = error
            raise
        raise Unavailable("the key header keeps being changed by other servers")

    async def _take_over(self, tail: Tail, since: State) -> bool:
        """Whether it was; not where the tail is of another moment than the key header or table."""
        if tail.head == self.table.head:
            return True
        unlocked, keyring = self.table.unlocked, self.table.keyring
        # The second byte of every sealed blob is its epoch: one we do not know is a newer header's.
        if tail.head[1:2] and tail.head[1] not in keyring.epochs:
            known = unlocked.header.digest
            reloaded = await self._reload_header()
            if reloaded is None:
                return False
            unlocked, keyring = reloaded
            if tail.head[1] not in keyring.epochs and (
                unlocked.header.digest != known or self.table.state.number > since.number
            ):
                return False
        newest = State.open(keyring, tail.head)
        if newest.number < since.number:
            raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
        if newest.number == since.number and newest.chain != since.chain:
            raise Tampered(Part.HEAD, Reason.FORKED)
        if newest.number <= self.table.state.number:
            return True  # we know as much already; a tail that was under way may come late
        if newest.header != unlocked.header.digest:
            reloaded = await self._reload_header()
            if reloaded is None:
                return False
            unlocked, keyring = reloaded
        table = self.table  # it may have moved on while the header was read
        if newest.number <= table.state.number:
            return True
        if newest.header != unlocked.header.digest:
            return False
        if newest.oldest > table.state.number + 1:
            return await self._rebuild(unlocked, keyring, newest, tail.head)
        await self._replay(unlocked, keyring, newest, tail)
        return True

    async def _replay(
        self, unlocked: Unlocked, keyring: Keyring, newest: State, tail: Tail
    ) -> None:
        """Take over the log's entries one by one, which others may do at the same time."""
        table = self.table
        sealed = [pair for pair in tail.entries if pair[0] > table.state.number]
        await _check_chain(keyring, table.state, newest, sealed)
        turns = Turns()
        for (_, blob), entry in zip(sealed, open_entries(keyring, sealed), strict=True):
            await turns.count(work_of(len(blob)))
            rows = []
            for change in entry.changes:
                rows.append(table.logged(keyring, change))
                await turns.count()
            if self.table is not table:
                return  # the store was read anew meanwhile, which goes further than this log
            if entry.number != table.state.number + 1:
                continue  # somebody else has taken it over meanwhile
            draft = Draft(table)
            draft.replay(keyring, rows)
            if entry.number < newest.number:
                table.apply(draft, _between(draft, entry, newest), NO_HEAD)
            elif (draft.digest, draft.count) != (newest.digest, newest.count):
                raise Tampered(Part.LOG, Reason.FORKED)
            else:
                draft.unlocked, draft.keyring = unlocked, keyring
                table.apply(draft, newest, tail.head)
            self._log_sizes.append(len(blob))

    async def _reload_header(self) -> tuple[Unlocked, Keyring] | None:
        """The header another server has written.

        None where the table has another header than before it was asked for, and this one does not
        verify: it may have come late, from under a master key that was given up meanwhile.

        Raises:
            Rotated: it is under a master key that this server was not given.
            Tampered: there is none, or it does not verify.
        """
        before = self.table.unlocked
        data, _ = await self._backend.load()
        if data is None:
            raise Tampered(Part.HEADER, Reason.DROPPED)
        header, known = Header.parse(data), self.table.unlocked
        try:
            unlocked = Unlocked.check(header, known.master, known.slot, known.label)
        except Tampered:
            received = Unlocked.received(header, self.recipient_keys, known.label)
            if received is None and known is not before:
                return None
            if received is None:
                raise Rotated from None
            unlocked = received
        return unlocked, unlocked.keyring()

    async def _rebuild(
        self, unlocked: Unlocked, keyring: Keyring, newest: State, head: bytes
    ) -> bool:
        """Read the whole store again: the log no longer reaches back to what we know.

        False where the key header was replaced meanwhile.
        """
        async with self._rebuilding:
            if newest.number <= self.table.state.number:
                return True  # somebody else has done it while this waited
            table = Table(unlocked, keyring, newest, head)
            if not await restore(self._backend, table, None):
                return False
            if table.state.number > self.table.state.number:
                self.table = table
                self._log_sizes.clear()
            return True


async def _check_chain(
    keyring: Keyring, state: State, newest: State, sealed: Sequence[tuple[int, bytes]]
) -> None:
    """Refuse log entries that do not lead from one state to another, before any is taken over."""
    numbers = [number for number, _ in sealed]
    turns = Turns()
    if numbers == list(range(state.number + 1, newest.number + 1)):
        chain = state.chain
        for _, blob in sealed:
            chain = link(chain, blob)
            await turns.count(work_of(len(blob)))
        if chain == newest.chain:
            return
    for _ in open_entries(keyring, sealed):  # finds out what is wrong, if it is within an entry
        await turns.count()
    is_whole = numbers[:1] == [state.number + 1] and numbers[-1:] == [newest.number]
    raise Tampered(Part.LOG, Reason.FORKED if is_whole else Reason.DROPPED)


def _between(draft: Draft, entry: Entry, newest: State) -> State:
    """The state after a log entry that is not the newest.

    The log does not say what the next serial was; a commit on top of this state is refused by the
    back end whatever it says, since there is no head to go with it.
    """
    return State(
        number=entry.number,
        chain=entry.after,
        digest=draft.digest,
        count=draft.count,
        serial=draft.table.state.serial,
        oldest=newest.oldest,
        header=newest.header,
    )
