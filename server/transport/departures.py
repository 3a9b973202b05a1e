"""Which clients have left while their requests are answered.

Theory: while a request is answered nobody reads its connection, so that a client cannot fill the
server's memory with the next ones; and so nobody sees that the client is gone. A task looks at the
sockets of all connections that are answering, now and then, and at most asks the kernel. A reset
connection has been left. An end of what the client sends says less: it has closed the connection,
or it has closed its sending side only and still reads, as some do after their last request. The
two are told apart by sending: the first bytes of a response are the same always, so they are sent
early, and a client that has closed everything answers them by a reset.
"""

from __future__ import annotations

import select
from typing import Final, Protocol

import trio

LOOK_SECONDS: Final = 0.25
"""How often it is looked: a client that left costs as long at most, and a turn."""
LEFT: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Answering(Protocol):
    """A connection whose request is being answered."""

    @property
    def descriptor(self) -> int:
        """Of its socket."""

    def left(self) -> None:
        """The client is gone: stop answering."""

    def half_closed(self) -> None:
        """The client sends no more: find out whether it still reads. May be called again."""


def descriptor_of(stream: trio.abc.Stream) -> int:
    """Of the socket beneath TLS.

    Raises:
        TypeError: there is none.
    """
    if isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    if not isinstance(stream, trio.SocketStream):
        raise TypeError("not a socket")
    return stream.socket.fileno()


class Departures:
    """The connections that are answering, and who looks at them."""

    def __init__(self) -> None:
        self.answering: set[Answering] = set()

    async def watch(self) -> None:
        """Look at them until cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Tell those whose clients have left, or send no more."""
        if not self.answering:
            return
        poll = select.poll()
        connections = {connection.descriptor: connection for connection in self.answering}
        for descriptor in connections:
            poll.register(descriptor, select.POLLRDHUP)
        for descriptor, seen in poll.poll(0):
            if seen & LEFT:
                connections[descriptor].left()
            elif seen & select.POLLRDHUP:
                connections[descriptor].half_closed()
