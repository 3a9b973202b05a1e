"""The end of a running server: who is told of it, and which waits it cuts short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio


@dataclass(slots=True)
class Shutdown:
    """What is to end when the server stops.

    Attributes:
        stop: is set when it is to.
        scopes: the waits of connections that idle.
    """

    stop: trio.Event = field(default_factory=trio.Event)
    scopes: set[trio.CancelScope] = field(default_factory=set)

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[trio.CancelScope]:
        """Wait within this block no longer than `seconds`, and not beyond the server's stop.

        Gives the scope, which tells afterwards whether the wait was cut short.
        """
        with trio.move_on_after(seconds) as scope:
            if self.stop.is_set():
                scope.cancel()
            self.scopes.add(scope)
            try:
                yield scope
            finally:
                self.scopes.discard(scope)
