"""This server's copy of the store's state, kept in step with the back end.

Theory of operation: the resident table moves from one commit to the next, either because the back
end has taken a commit of ours, or because its log tells of commits of others. The two cannot get
in each other's way: whatever comes second finds the table's number already there and does nothing,
and nothing awaits between looking and moving.

A tail is compared with the state the table had *before* it was asked for: a head older than that,
another chain at the same number, or a log that does not lead from the one to the other, is proof
that the back end has gone back or tells two histories. The store then serves nothing any more.

When a commit fails with an unknown outcome, the log is asked for the very entry that was sent: it
is there, or the commit did not happen (and cannot any more once another has, because the head it
expects is gone).
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

import trio

from storage.backend import Backend, Commit, Tail
from storage.errors import Conflict, Part, Reason, Tampered, Unavailable, WrongSecret
from storage.group_commit import Work
from storage.header import Header, Unlocked
from storage.keyring import Keyring
from storage.ledger import State, open_entries
from storage.load import restore
from storage.table import Draft, Table

# Log entries kept. Alone, the log only proves itself; together, it is how others catch up, and
# whoever falls behind it reads the whole store again.
_KEPT_ALONE: Final = 16
_KEPT_SHARED: Final = 4096
_KEPT_BYTES: Final = 64 << 20  # of sealed entries, whichever is less
_MAX_PAUSE_MS: Final = 64  # before a commit that lost its race is tried again

Written = Callable[[Draft, Commit], None]


class Replica:
    """The table, and what moves it.

    Args:
        backend: the common truth.
        table: restored from it.
        written: is told of every commit this server made.

    Attributes:
        table: the resident table; another object after the store had to be read anew.
    """

    def __init__(self, backend: Backend, table: Table, written: Written) -> None:
        self.table = table
        self._backend = backend
        self._written = written
        self._log_sizes: list[int] = []
        self._doubt = False
        self._broken: Tampered | None = None
        self._asking = trio.Lock()
        self._begun = 0
        self._done = 0

    def check_whole(self) -> None:
        """Raise `Tampered` again if the back end was found to tell another history."""
        if self._broken is not None:
            raise Tampered(self._broken.part, self._broken.reason)

    async def refresh(self) -> None:
        """Know of every commit that was durable when this was called."""
        self.check_whole()
        if self._backend.exclusive and not self._doubt:
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        arrived = self._begun
        async with self._asking:
            if self._done > arrived:  # somebody asked after we came: his answer is ours
                return
            self._begun += 1
            begun = self._begun
            await self.catch_up()
            self._done = begun

    async def catch_up(self) -> None:
        """Read the log after the table's state, and take over what it tells."""
        since = self.table.state
        await self._follow(await self._backend.tail(since.number), since)
        self._doubt = False

    async def make(self, works: Sequence[Work]) -> None:
        """Commit works together; each is told its outcome, unless this raises.

        Raises:
            Unavailable: the back end failed; it happened or not.
            Tampered: the back end tells another history.
        """
        fresh = self._backend.exclusive
        lost = 0
        while works:
            self.check_whole()
            if self._doubt:
                await self.catch_up()
            draft = Draft(self.table)
            drafted, refused = _stage(draft, works)
            if refused and not fresh:
                await self.catch_up()  # the refusal may only mean that we are behind
                fresh = True
                continue
            for work, error in refused:
                work.fail(error)
            if not drafted:
                return
            if await self._apply(draft):
                for work in drafted:
                    work.succeed()
                return
            works, fresh = drafted, True
            lost += 1
            await trio.sleep(secrets.randbelow(min(_MAX_PAUSE_MS, 1 << lost)) / 1000)

    async def _apply(self, draft: Draft) -> bool:
        """Whether the back end took the draft; if not, the table knows now what was missed."""
        table, since = draft.table, draft.table.state
        commit, state = draft.commit(self._oldest(since))
        try:
            missed = await self._backend.commit(commit)
        except Unavailable:
            self._doubt = True
            found = await self._backend.tail(since.number)
            await self._follow(found, since)
            self._doubt = False
            if (commit.number, commit.entry) in found.entries:
                return True
            raise
        if missed is not None:
            await self._follow(missed, since)
            return False
        if self.table is table and table.state is since:
            self._log_sizes.append(len(commit.entry))
            table.apply(draft, state, commit.head)
            self._written(draft, commit)
        return True

    def _oldest(self, state: State) -> int:
        """The oldest log entry to keep with the commit after `state`."""
        sizes = self._log_sizes
        kept = _KEPT_ALONE if self._backend.exclusive else _KEPT_SHARED
        del sizes[: max(0, len(sizes) - kept + 1)]
        oldest = state.number + 2 - kept
        if sum(sizes) > _KEPT_BYTES:
            while sizes and sum(sizes) > _KEPT_BYTES:
                del sizes[0]
            oldest = state.number + 1 - len(sizes)
        return max(state.oldest, oldest)

    async def _follow(self, tail: Tail, since: State) -> None:
        """Take over what a tail tells that was read when the table was at `since` or later."""
        try:
            await self._take_over(tail, since)
        except Tampered as error:
            self._broken = error
            raise

    async def _take_over(self, tail: Tail, since: State) -> None:
        if tail.head == self.table.head:
            return
        unlocked, keyring = self.table.unlocked, self.table.keyring
        if tail.head[1:2] and tail.head[1] not in keyring.epochs:
            unlocked, keyring = await self._reload_header()
        newest = State.open(keyring, tail.head)
        if newest.number < since.number:
            raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
        if newest.number == since.number and newest.chain != since.chain:
            raise Tampered(Part.HEAD, Reason.FORKED)
        if newest.header != unlocked.header.digest:
            unlocked, keyring = await self._reload_header()
        table = self.table  # it may have moved on while the header was read
        if newest.number <= table.state.number:
            return
        if newest.header != unlocked.header.digest:
            raise Unavailable("the key header is being changed by another server")
        if newest.oldest > table.state.number + 1:
            await self._rebuild(unlocked, keyring, newest, tail.head)
        else:
            self._replay(unlocked, newest, tail)

    def _replay(self, unlocked: Unlocked, newest: State, tail: Tail) -> None:
        table = self.table
        draft = Draft(table)
        if unlocked is not table.unlocked:
            draft.use(unlocked)
        sealed = [pair for pair in tail.entries if pair[0] > table.state.number]
        entries = open_entries(draft.keyring, sealed)
        numbers = (table.state.number + 1, newest.number)
        if not entries or (entries[0].number, entries[-1].number) != numbers:
            raise Tampered(Part.LOG, Reason.DROPPED)
        if entries[0].before != table.state.chain or entries[-1].after != newest.chain:
            raise Tampered(Part.LOG, Reason.FORKED)
        for entry in entries:
            draft.replay(entry.changes)
        if (draft.digest, draft.count) != (newest.digest, newest.count):
            raise Tampered(Part.LOG, Reason.FORKED)
        self._log_sizes.extend(len(blob) for _, blob in sealed)
        table.apply(draft, newest, tail.head)

    async def _reload_header(self) -> tuple[Unlocked, Keyring]:
        """The header another server has written, if it is still under the master key we know."""
        data, _ = await self._backend.load()
        if data is None:
            raise Tampered(Part.HEADER, Reason.DROPPED)
        known = self.table.unlocked
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
        if table.state.number > self.table.state.number:
            self.table = table
            self._log_sizes.clear()


def _stage(draft: Draft, works: Sequence[Work]) -> tuple[list[Work], list[tuple[Work, Conflict]]]:
    """Draft the works one after the other: those drafted, and those refused with why."""
    drafted: list[Work] = []
    refused: list[tuple[Work, Conflict]] = []
    for work in works:
        try:
            work.stage(draft)
            drafted.append(work)
        except Conflict as error:
            refused.append((work, error))
    return drafted, refused
