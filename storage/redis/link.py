"""One connection to one node, whose answers are bounded in bytes and in time.

Theory of operation: redis-py's connection does everything up to the protocol: sockets, TLS,
authentication, the packing of commands. Its parser would read whatever length a node announces,
for as long as bytes come. So the bytes come to it from a buffer of ours, which counts them: a bulk
string longer than what is left of the limit is refused when it is announced, and so is an array
with more elements than could be sent within it. The node is not trusted, and this is all that it
can cost: `MAX_REPLY_BYTES` of memory and `REPLY_S` of one thread's time for each reply.

An error that a command is answered with is a value here, as the next replies follow all the same.
"""

import select
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from redis._parsers.resp2 import _RESP2Parser
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError, TryAgainError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from storage.redis.scripts import Call

CONNECT_S: Final = 3.0  # two round trips across the world, and a name to look up
SILENCE_S: Final = 5.0  # between two pieces of a reply; an fsync on a busy disk may take a second
REPLY_S: Final = 30.0  # for a whole reply: the largest one at 10 MB/s
MAX_REPLY_BYTES: Final = 256 << 20  # a whole log (64 MiB), or a page of the scan
_ELEMENT_BYTES: Final = 64  # of memory that an element of an array takes at the least
_MAX_LINE: Final = 1 << 16  # bytes of an error's text, or of a length
_PIECE: Final = 1 << 16
_MOVING: Final = "access a non local key"  # of a script, while its slot is being moved

Command = tuple[bytes | str | int, ...]
Reply = Any  # bytes, int, None, a list of these, or the error that the node answered


class _Buffer:
    """The bytes that a node has sent, as far as they are allowed."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()
        self._at = 0
        self.begin()

    def begin(self) -> None:
        """Allow one more reply."""
        self._left = MAX_REPLY_BYTES
        self._deadline = monotonic() + REPLY_S

    def readline(self, **_: object) -> bytes:
        """Up to the next end of line, which is left out."""
        seen = self._at
        while (end := self._data.find(b"\r\n", seen)) < 0:
            seen = max(self._at, len(self._data) - 1)
            if len(self._data) - self._at > _MAX_LINE:
                raise RedisConnectionError("a line is too long")
            self._receive()
        line = bytes(self._data[self._at : end])
        self._at = end + 2
        self._spend(len(line) + _ELEMENT_BYTES)
        return line

    def read(self, length: int, **_: object) -> bytes:
        """A bulk string of this length; the end of line after it is left out."""
        self._spend(length)
        end = self._at + length + 2
        while len(self._data) < end:
            self._receive()
        data = bytes(memoryview(self._data)[self._at : end - 2])
        self._at = end
        return data

    def _spend(self, length: int) -> None:
        self._left -= length
        if length < 0 or self._left < 0:
            raise RedisConnectionError("a reply is too long")

    def _receive(self) -> None:
        if monotonic() > self._deadline:
            raise RedisTimeoutError("a reply takes too long")
        try:
            data = self._sock.recv(_PIECE)
        except TimeoutError:
            raise RedisTimeoutError("a reply does not come") from None
        except OSError as error:
            raise RedisConnectionError("the connection is lost") from error
        if not data:
            raise RedisConnectionError("the connection was closed")
        self._data += data

    def get_pos(self) -> int:
        """Where the next byte is read."""
        return self._at

    def rewind(self, pos: int) -> None:
        """Read again from there; nothing is, as the connection is given up after an error."""
        self._at = pos

    def purge(self) -> None:
        """Forget what was read."""
        del self._data[: self._at]
        self._at = 0

    def close(self) -> None:
        """Forget everything."""
        self._data.clear()


class _Parser(_RESP2Parser):
    """redis-py's parser, over a buffer of ours."""

    _buffer: Any

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)  # type: ignore[no-untyped-call]
        self._buffer = _Buffer(connection._sock)  # noqa: SLF001 - as the library's own does

    def begin(self) -> None:
        """Allow one more reply."""
        self._buffer.begin()


class _TLSConnection(SSLConnection):
    """redis-py's connection under TLS, with a context that is handed in."""

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._context = context

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_hostname=self.host)


class Link:
    """A connection that is open.

    Args:
        host: its name or address; with no port, the path of a socket of this machine.
        port: TCP; None: `host` is a path.
        username: of the ACL; empty: the default user.
        password: of that user; empty: none.
        database: its number.
        tls: the context for TLS; None: none.

    Attributes:
        host, port: as given.
        checked: when its condition was looked at last, by the monotonic clock; 0: never.

    Raises:
        RedisError, OSError: it cannot be opened.
    """

    def __init__(
        self,
        host: str,
        port: int | None,
        *,
        username: str = "",
        password: str = "",
        database: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.checked = 0.0
        options: dict[str, Any] = {
            "db": database,
            "username": username or None,
            "password": password or None,
            "socket_timeout": SILENCE_S,
            "socket_connect_timeout": CONNECT_S,
            "retry": Retry(NoBackoff(), 0),  # whether a command may be sent again is for us to say
            "parser_class": _Parser,
            "protocol": 2,
            "driver_info": None,
        }
        make: Any = Connection if tls is None else partial(_TLSConnection, context=tls)
        if port is None:
            make = UnixDomainSocketConnection
            options["path"] = host
        else:
            options |= {"host": host, "port": port}
        self._connection = make(**options)
        try:
            self._connection.connect()
        except BaseException:
            self.close()
            raise

    def exchange(self, commands: Sequence[Command | Call], *, asking: bool = False) -> list[Reply]:
        """Send commands all at once, and read their replies.

        A script that the node does not know (it was restarted, or another took its place) is sent
        whole; it had not begun.

        Args:
            commands: what to send.
            asking: whether each is preceded by ASKING, for a node that a slot is moving to.

        Raises:
            RedisError, OSError: the connection is of no use any more.
        """
        plain = [one.short if isinstance(one, Call) else one for one in commands]
        replies = self._exchange(plain, asking)
        for at, command in enumerate(commands):
            if isinstance(command, Call) and _is_unknown_script(replies[at]):
                (replies[at],) = self._exchange([command.whole], asking)
        return replies

    def _exchange(self, commands: Sequence[Command], asking: bool) -> list[Reply]:
        connection = self._connection
        sent = [each for one in commands for each in ((("ASKING",), one) if asking else (one,))]
        connection.send_packed_command(connection.pack_commands(sent), check_health=False)
        replies = [self._reply() for _ in sent]
        return replies[1::2] if asking else replies

    def _reply(self) -> Reply:
        self._connection._parser.begin()  # noqa: SLF001 - ours
        try:
            return self._connection.read_response(disconnect_on_error=False)
        except ResponseError as error:
            return TryAgainError(str(error)) if _MOVING in str(error) else error

    @property
    def is_lost(self) -> bool:
        """Whether the node has closed it, or speaks unasked, while nothing is under way."""
        poll = select.poll()
        poll.register(self._connection._sock, select.POLLIN)  # noqa: SLF001 - there is no other way
        return bool(poll.poll(0))

    def close(self) -> None:
        """Let go of it."""
        self._connection.disconnect()


def _is_unknown_script(reply: Reply) -> bool:
    return isinstance(reply, NoScriptError)
