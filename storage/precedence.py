"""Whose commit goes next, where several servers write at once.

Theory of operation: the compare-and-set of the head orders all commits, and needs no help for that.
But of several servers that write without a break, one that needs longer to draft may lose every
race, and what it has sealed is thrown away each time. So a server that has lost one asks for
precedence before it drafts its next commits: the back end keeps a queue of those who have asked,
and refuses the commits of all others while the first of them drafts and commits. With the answer
comes the tail of the log, so whoever waits follows the others meanwhile, and drafts once.

It is advice about order and no lock. Whoever has precedence for longer than `LEASE_S`, because they
ended or are slow, is passed over, and a commit is applied or refused by its head whatever the queue
says. Servers that do not meet others never ask.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

_BUSY_S: Final = 1.0  # after others were met: they may be expected to write on
_QUOTA_S: Final = 0.005  # of consecutive commits while others wait: the sixth waits 30 ms or so
# Then the commit is tried all the same: the queue does not move, or the back end lies about it.
_RETRY_S: Final = 0.1  # a fifth of the lease: in it, whoever was refused may come again
_MAX_QUESTIONS: Final = 100
_LONGEST_S: Final = 5.0

Ask = Callable[[bool], Awaitable[int]]
"""Asks for precedence, and takes over what others have committed; gives how many are ahead. With
True, what was given before is given up first, so that whoever waits goes before."""


class Precedence:
    """One server's place in the order of those who write.

    Args:
        ask: as above.
        cede: gives precedence up.
    """

    def __init__(self, ask: Ask, cede: Callable[[], Awaitable[None]]) -> None:
        self._ask, self._cede = ask, cede
        self._busy_until = -1.0
        self._since: float | None = None  # when precedence was given
        self._is_kept = False

    def lost(self) -> None:
        """A commit was refused because another one came first."""
        self._since = None
        self._busy()

    def refused(self) -> None:
        """Somebody was refused because of what others committed, and may come again at once.

        What they change, others change as well: had they to queue up anew, they would be refused
        each time. So their next commit goes under the precedence that there is.
        """
        if self._since is not None and trio.current_time() - self._since < _RETRY_S:
            self._is_kept = True

    @property
    def is_kept(self) -> bool:
        """Whether somebody who was refused is waited for."""
        return self._is_kept

    def _busy(self) -> None:
        self._busy_until = trio.current_time() + _BUSY_S

    async def wait(self) -> None:
        """Wait until it is this server's commit that goes next, if others write too.

        Raises:
            Unavailable: the back end does not answer; nothing was committed.
            Tampered: it tells another history.
        """
        now = trio.current_time()
        again = self._since is not None
        if now > self._busy_until:
            await self.end()
            return
        is_kept, self._is_kept = self._is_kept, False
        if self._since is not None and (is_kept or now - self._since < _QUOTA_S):
            return
        self._since = None
        for _ in range(_MAX_QUESTIONS):
            ahead = await self._ask(again)
            again = False
            if not ahead:
                self._since = trio.current_time()
                return
            self._busy()
            if trio.current_time() - now > _LONGEST_S:
                return

    async def end(self) -> None:
        """There is nothing more to be committed now: let the others go before.

        Raises:
            Unavailable: the back end does not answer; the others wait for `LEASE_S`.
        """
        self._is_kept = False
        if self._since is not None:
            self._since = None
            await self._cede()
