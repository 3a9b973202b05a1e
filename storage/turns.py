"""Long work beside short work: whoever reads the whole store lets other tasks have their turn.

Theory of operation: a trio loop runs one task at a time, until it awaits something. So a task with
much to compute counts what it does, and awaits a checkpoint after each piece of it.

Cyclic garbage collection would look at all rows again and again while a table is filled, for a
fifth of the time. So it is off meanwhile, and the young objects are looked at after each piece:
among them is what the other tasks leave.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar

import trio

T = TypeVar("T")

PIECE: Final = 32  # records opened and decoded in one turn: some milliseconds
ROWS: Final = 256  # rows hashed or indexed in one turn: the same
_RECORD_BYTES: Final = 1 << 16  # of log that are as much work as a record


class Turns:
    """Counts work, and gives other tasks their turn after each piece.

    Args:
        piece: records in one turn.
    """

    def __init__(self, piece: int | None = None) -> None:
        self._piece = PIECE if piece is None else piece
        self._done = 0

    async def count(self, records: int = 1) -> None:
        """So much work was done; what has a length is `work_of`."""
        self._done += records
        if self._done >= self._piece:
            self._done = 0
            await turn()


async def turn() -> None:
    """Let the other tasks have their turn."""
    await trio.lowlevel.checkpoint()
    if not gc.isenabled():
        gc.collect(1)


def work_of(length: int) -> int:
    """How much work so many bytes are to seal or to open at once, in records."""
    return 1 + length // _RECORD_BYTES


def pieces(items: Iterable[T]) -> Iterator[list[T]]:
    """All items, `ROWS` at a time."""
    iterator = iter(items)
    while piece := list(islice(iterator, ROWS)):
        yield piece


@contextmanager
def no_full_collection() -> Iterator[None]:
    """Without automatic garbage collection; `turn` does what is needed of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
