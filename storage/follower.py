"""A server that stays while others rotate: its place in the key header, and rotations left behind.

Theory of operation: where a store is shared, a server puts a recipient of its own (`recipient`)
into the header once it has opened the store, and takes it out when it closes it. From time to time
it looks whether the recipient is still there and is of the master key in force: if not, because a
rotation has come, or because too many others were added, it puts in another, with fresh keys. What
cannot be written now is tried again at the next look.

A rotation whose server has ended is finished by any other: one that sees a rotation make no
progress between two looks goes on with it. Several may, which does no harm (`rotate`).
"""

from collections.abc import Awaitable, Callable, Container, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from storage.errors import StorageError, Tampered
from storage.header import Unlocked
from storage.recipient import RecipientKey
from storage.replica import Replica
from storage.rotate import old
from storage.scheduling import pause_s

LOOK_SECONDS: Final = 5.0
"""Between two looks, and up to as much again, so that servers started together do not go in step.
A look costs nothing while no rotation is under way."""
LEAVING_SECONDS: Final = 0.5
"""How long a server that closes the store waits for its recipient to be taken out."""

ChangeHeader = Callable[[Callable[[Unlocked], Unlocked]], Awaitable[None]]


class Follower:
    """Keeps one server among those that follow rotations.

    Args:
        replica: this server's.
        change: commits a changed header.
        reseal: goes on with a rotation.
    """

    def __init__(
        self, replica: Replica, change: ChangeHeader, reseal: Callable[[], Awaitable[None]]
    ) -> None:
        self._replica = replica
        self._change = change
        self._reseal = reseal
        self._joined: tuple[bytes, bytes] | None = None  # public key, master key it came under
        self._left: int | None = None  # records still to be sealed again, at the last look
        self._given_up = False
        self._running = trio.CancelScope()

    async def run(self) -> None:
        """Look, until this server leaves."""
        with self._running:
            while True:
                try:
                    await self.look()
                except Tampered:
                    self._given_up = True  # what was found stays; others are told of it as well
                except StorageError:
                    pass  # as a full or absent back end: next time
                await trio.sleep(LOOK_SECONDS + pause_s(int(LOOK_SECONDS * 1000)))

    async def look(self) -> None:
        """Join where this server is no recipient, and go on with a rotation that makes no progress.

        Raises:
            StorageError: the back end failed, or was found to have been tampered with.
        """
        if not self._replica.is_exclusive and not self._is_recipient():
            await self._join()
        await self._take_up()

    def _is_recipient(self) -> bool:
        unlocked = self._replica.table.unlocked
        if self._joined is None or self._joined[1] != unlocked.master:
            return False
        return any(each.public == self._joined[0] for each in unlocked.header.recipients)

    @contextmanager
    def fresh_key(self) -> Iterator[tuple[RecipientKey, Container[bytes]]]:
        """A key to be put into the header, and the public keys that it takes the place of.

        Those are forgotten at the end of the block, unless it ends in an error.
        """
        keys, key = self._replica.recipient_keys, RecipientKey()
        listed = {each.public for each in self._replica.table.unlocked.header.recipients}
        for public in [*keys][:-1]:  # the last one may be in a commit whose outcome is not known
            if public not in listed:
                del keys[public]
        before = frozenset(keys)
        keys[key.public] = key  # a rotation may use it as soon as it is written
        yield key, before
        for public in before:
            keys.pop(public, None)

    async def _join(self) -> None:
        master = b""

        def joined(base: Unlocked) -> Unlocked:
            nonlocal master
            master = base.master
            return base.with_recipient(key, before)

        with self.fresh_key() as (key, before):
            await self._change(joined)
        self._joined = (key.public, master)

    async def _take_up(self) -> None:
        if len(self._replica.table.keyring.epochs) == 1:
            self._left = None
            return
        left = len(await old(self._replica))
        is_stuck = self._replica.is_exclusive or self._left == left
        self._left = left
        if is_stuck and not self._given_up:
            await self._reseal()

    async def leave(self) -> None:
        """Take this server's recipients out; without success where that takes too long."""
        self._running.cancel()
        keys = self._replica.recipient_keys
        if not keys:
            return
        with trio.move_on_after(LEAVING_SECONDS):
            try:
                await self._change(lambda base: base.without_recipients(keys.keys()))
            except StorageError:
                return  # they stay until newer ones take their place
