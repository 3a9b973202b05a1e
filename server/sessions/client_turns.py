"""Turns by client: whoever has many connections gets no more of the event loop by them.

Theory: a loop gives every task that can go on its turn, so a client with thirty connections would
have thirty turns to another's one. Here a client has one turn: of its messages one at a time is
decoded or has an item performed, and hands the turn on after the item, or as soon as it waits for a
thread or for the disk. Those of one client go on in the order in which they came to wait. So
another client's request waits for about one item of each client, however many connections these
have.

What a client's messages hold in memory is counted in the same place. A message is decoded only
while the client's messages that are decoded, and its responses that are not sent yet, leave room;
until then it waits as the bytes that it is. A client without any always has room for one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

MAX_REQUEST_BYTES: Final = 8 << 20
"""Of one client's messages that are decoded at once. Decoded, a message of many small attributes
takes twenty five times its bytes."""
MAX_RESPONSE_BYTES: Final = 64 << 20
"""Of one client's responses that are being made or sent at once; each is counted with the longest
that it may be until it is made. With the usual `max_message_bytes` these are 64."""


@dataclass(slots=True)
class _Waiting:
    """A task that waits, and whether it need not any more."""

    length: int = 0
    granted: trio.Event = field(default_factory=trio.Event)


@dataclass(slots=True)
class _Share:
    """What one client's messages hold and wait for."""

    messages: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    admitting: deque[_Waiting] = field(default_factory=deque)
    is_taken: bool = False
    turns: deque[_Waiting] = field(default_factory=deque)


class ClientTurns:
    """The turns of all clients.

    Args:
        longest: bytes of a response at most.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._shares: dict[str, _Share] = {}

    async def admit(self, client: str, length: int) -> Turn:
        """Wait until a message of `length` bytes may be decoded; `Turn.end` must follow."""
        share = self._shares.get(client)
        if share is None:
            share = self._shares[client] = _Share()
        if share.admitting or not self._has_room(share, length):
            waiting = _Waiting(length)
            share.admitting.append(waiting)
            try:
                await waiting.granted.wait()
            except trio.Cancelled:
                if waiting.granted.is_set():
                    Turn(self, client, share, length, self._longest).end()
                else:
                    share.admitting.remove(waiting)
                    self.settle(client, share)
                raise
        else:
            self._count(share, length)
        return Turn(self, client, share, length, self._longest)

    def _has_room(self, share: _Share, length: int) -> bool:
        return not share.messages or (
            share.request_bytes + length <= MAX_REQUEST_BYTES
            and share.response_bytes + self._longest <= MAX_RESPONSE_BYTES
        )

    def _count(self, share: _Share, length: int) -> None:
        share.messages += 1
        share.request_bytes += length
        share.response_bytes += self._longest

    def settle(self, client: str, share: _Share) -> None:
        """Admit those for whom there is room now; forget a share that nobody uses."""
        while share.admitting and self._has_room(share, share.admitting[0].length):
            waiting = share.admitting.popleft()
            self._count(share, waiting.length)
            waiting.granted.set()
        if not share.messages and not share.admitting:
            self._shares.pop(client, None)

    @property
    def waiting(self) -> int:
        """Messages that wait: for room to be decoded, or for their client's turn."""
        return sum(len(each.admitting) + len(each.turns) for each in self._shares.values())

    def in_use(self, client: str) -> tuple[int, int]:
        """Bytes of a client's requests and responses that are counted now."""
        share = self._shares.get(client, _Share())
        return share.request_bytes, share.response_bytes


@dataclass(slots=True)
class Turn:
    """One message's part in its client's turns; made by `ClientTurns.admit`.

    Attributes:
        client: whose message it is.
        length: bytes of the message, 0 once it is answered.
    """

    _turns: ClientTurns
    client: str
    _share: _Share
    length: int
    _response: int
    _has_turn: bool = False
    _ended: bool = False

    async def take(self) -> None:
        """Wait for the client's turn; does nothing where the message has it."""
        if self._has_turn:
            return
        share = self._share
        if share.is_taken:
            waiting = _Waiting()
            share.turns.append(waiting)
            try:
                await waiting.granted.wait()
            except trio.Cancelled:
                if waiting.granted.is_set():
                    self._hand_on()
                else:
                    share.turns.remove(waiting)
                raise
        else:
            share.is_taken = True
            if share.messages > 1:  # what else of this client could go on now comes to wait
                await self._let_others_come()
        self._has_turn = True

    async def _let_others_come(self) -> None:
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self._hand_on()
            raise

    def release(self) -> None:
        """Hand the turn on, before waiting for something else."""
        if self._has_turn:
            self._has_turn = False
            self._hand_on()

    def _hand_on(self) -> None:
        share = self._share
        if share.turns:
            share.turns.popleft().granted.set()  # it stays taken, by the next
        else:
            share.is_taken = False

    def answered(self, length: int) -> None:
        """The message is answered by so many bytes, and dropped itself."""
        self.release()
        self._share.request_bytes -= self.length
        self._share.response_bytes += length - self._response
        self.length, self._response = 0, length
        self._turns.settle(self.client, self._share)

    def end(self) -> None:
        """The response is sent, or nobody waits for it."""
        if self._ended:
            return
        self._ended = True
        self.answered(0)
        self._share.messages -= 1
        self._turns.settle(self.client, self._share)
