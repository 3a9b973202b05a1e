"""HTTP without TLS, at a port of its own: ACME's http-01, and metrics.

Nothing that is answered there is a secret, and nobody is known. A few connections are served at a
time, each for so long at most, so that whoever reaches the port cannot take the server's files.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.http import HTTPConnection, Limits, Routes

log: Final = logging.getLogger(__name__)

LIMITS: Final = Limits(idle_seconds=5.0, read_seconds=5.0, write_seconds=5.0)
"""Validators and collectors ask once, at once, and a few hundred bytes."""
SECONDS: Final = 15.0
"""The longest time of one connection."""
MAX_CONNECTIONS: Final = 32
"""Let's Encrypt asks from about five places, collectors from two or three; the rest is whoever
happens to come by."""


@dataclass(slots=True)
class PlainHTTP:
    """Answers on a plain port, a few clients at a time.

    Attributes:
        routes: what is answered.
        shutdown: says when to stop.
        closed: is set when nothing is answered any more.
        connections: that are open.
    """

    routes: Routes
    shutdown: Shutdown
    closed: trio.Event = field(default_factory=trio.Event)
    connections: int = 0

    async def listen(
        self,
        listeners: Sequence[trio.SocketListener],
        task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until the scope that this starts with is cancelled."""
        try:
            with trio.CancelScope() as scope:
                task_status.started(scope)
                await trio.serve_listeners(self.serve, list(listeners))
        finally:
            self.closed.set()

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection; whatever happens in it ends with it."""
        if self.connections >= MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        self.connections += 1
        try:
            peer = Peer(str(stream.socket.getpeername()[0]), None, None)
            with trio.move_on_after(SECONDS):
                await HTTPConnection(stream, peer, self.routes, LIMITS, self.shutdown).serve()
                await stream.send_eof()
        except (OSError, trio.BrokenResourceError):
            log.debug("a connection to a plain port broke")
        except Exception:
            log.exception("a connection to a plain port failed")
        finally:
            self.connections -= 1
            await trio.aclose_forcefully(stream)
