"""The load generator: many connections in one loop, as little work for each response as can be.

Every connection sends a request, waits for the whole response, and sends the next: a closed loop.
Requests are made before; of a response only the length is looked at, which a failure would change.

The generator never sleeps: it asks for events again and again. Waking a process that sleeps on
another core costs the sender more than the rest of sending, and a slow server would pay that for
every response, a fast one for none.
"""

import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

RECEIVE_BYTES = 65_536
QUIET_SECONDS = 60.0
"""Without any answer for so long, a server hangs."""


class Failed(Exception):
    """A server did not answer as expected."""


@dataclass
class Taken:
    """What one stretch of measuring saw.

    Attributes:
        seconds: its length.
        latencies: of each response, in seconds.
        answered: responses, those included that came after the end.
        computed: seconds that the server computed meanwhile.
    """

    seconds: float = 0.0
    answered: int = 0
    computed: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.latencies) / self.seconds

    def add(self, other: "Taken") -> None:
        """Take in another stretch of the same."""
        self.seconds += other.seconds
        self.answered += other.answered
        self.computed += other.computed
        self.latencies += other.latencies

    @property
    def cost(self) -> float:
        """Seconds that the server computes for one response."""
        return self.computed / self.answered if self.answered else 0.0

    def percentile(self, part: float) -> float:
        """The latency that `part` of all responses did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class Caller:
    """One connection that asks again and again.

    Args:
        port: of the server on 127.0.0.1.
        context: the client's TLS settings.
        requests: asked in turn.
        expected: bytes of each response; 0: of the first one.
    """

    def __init__(
        self, port: int, context: ssl.SSLContext, requests: Sequence[bytes], expected: int = 0
    ) -> None:
        self.requests = cycle(requests)
        self.expected = expected
        self.sent = 0.0
        self.parts: list[bytes] = []
        self.got = 0
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, request: bytes) -> bytes:
        """Send one request and wait for its response."""
        self.socket.setblocking(True)
        self.socket.sendall(request)
        while not self.take():
            pass
        return b"".join(self.parts)

    def send(self) -> None:
        """Send the next request."""
        request = next(self.requests)
        self.sent = time.perf_counter()
        if self.socket.send(request) != len(request):
            raise Failed("a request did not go out at once")

    def take(self) -> bool:
        """Take what has come; whether the response is whole."""
        if self.got < 0:
            self.parts, self.got = [], 0
        while True:
            try:
                data = self.socket.recv(RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                return False
            if not data:
                raise Failed("a connection was closed")
            self.parts.append(data)
            self.got += len(data)
            if len(self.parts[0]) < 8:
                self.parts = [b"".join(self.parts)]
                continue
            length = 8 + int.from_bytes(self.parts[0][4:8])
            if self.got >= length:
                if self.expected and length != self.expected:
                    raise Failed(f"a response has {length} bytes and not {self.expected}")
                self.expected, self.got = length, -1
                return True

    def close(self) -> None:
        """Leave."""
        self.socket.close()


def _events(poll: select.epoll) -> list[tuple[int, int]]:
    """Events, at least one, without sleeping."""
    ready = poll.poll(0)
    if not ready:
        until = time.perf_counter() + QUIET_SECONDS
        while not ready:
            if time.perf_counter() > until:
                raise Failed("the server does not answer any more")
            ready = poll.poll(0)
    return ready


def drive(callers: Sequence[Caller], seconds: float) -> Taken:
    """Let every caller ask for some time; what is under way at its end is not counted."""
    taken = Taken(seconds)
    by_number = {caller.socket.fileno(): caller for caller in callers}
    with select.epoll() as poll:
        for number, caller in by_number.items():
            caller.socket.setblocking(False)
            poll.register(number, select.EPOLLIN)
        end = time.perf_counter() + seconds
        for caller in callers:
            caller.send()
        waiting = len(callers)
        while waiting:
            for number, _ in _events(poll):
                caller = by_number[number]
                if caller.take():
                    now = time.perf_counter()
                    taken.answered += 1
                    if now < end:
                        taken.latencies.append(now - caller.sent)
                        caller.send()
                    else:
                        waiting -= 1
    return taken


class Visitor:
    """Connects, shakes hands, says goodbye, waits for the server's goodbye, and comes anew.

    Args:
        port: of the server on 127.0.0.1.
        context: the client's TLS settings.
        session: a TLS session that it resumes each time; None: it begins anew.
    """

    def __init__(
        self, port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> None:
        self.port = port
        self.context = context
        self.session = session
        self.sent = 0.0
        self.greets = True

    def come(self) -> None:
        """Begin a connection."""
        self.sent = time.perf_counter()
        plain = socket.create_connection(("127.0.0.1", self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setblocking(False)
        self.socket = self.context.wrap_socket(
            plain,
            server_hostname="localhost",
            do_handshake_on_connect=False,
            session=self.session,
        )
        self.greets = True

    def go_on(self) -> bool:
        """Go on as far as can be; whether the connection is over."""
        try:
            if self.greets:
                self.socket.do_handshake()
                self.greets = False
                if self.session is not None and not self.socket.session_reused:
                    raise Failed("the server did not resume a session")
            self.socket.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        self.socket.close()
        return True


def session_with(port: int, context: ssl.SSLContext, request: bytes) -> ssl.SSLSession:
    """A TLS session to resume; the server sends the ticket for it with its first response."""
    caller = Caller(port, context, [request])
    caller.ask(request)
    session = caller.socket.session
    caller.close()
    if session is None or not session.has_ticket:
        raise Failed("the server gives no session ticket")
    return session


def visit(visitors: Sequence[Visitor], seconds: float) -> Taken:
    """Let every visitor come again and again for some time."""
    taken = Taken(seconds)
    end = time.perf_counter() + seconds
    by_number: dict[int, Visitor] = {}

    def begin(visitor: Visitor) -> None:
        visitor.come()
        by_number[visitor.socket.fileno()] = visitor
        poll.register(visitor.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)

    with select.epoll() as poll:
        for visitor in visitors:
            begin(visitor)
        while by_number:
            for number, _ in _events(poll):
                visitor = by_number[number]
                if not visitor.go_on():
                    poll.modify(number, select.EPOLLIN)
                    continue
                del by_number[number]
                now = time.perf_counter()
                taken.answered += 1
                if now < end:
                    taken.latencies.append(now - visitor.sent)
                    begin(visitor)
    return taken
