"""One HTTPS request at a time to a server that an authority vouches for, within limits.

h11 speaks the protocol, trio keeps the time. Each request has a connection of its own: what is
asked here (certificates, a few times in two months) is not worth a pool. There are no redirects,
proxies, cookies, and no plain HTTP; a reply longer or slower than the limits is no reply.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

import h11
import trio

from server.setup.failure import Failure
from server.setup.release import VERSION

FETCH_SECONDS: Final = 30.0
"""For all of a request: name, connection, handshake, reply. Directories answer in one or two."""
MAX_REPLY_BYTES: Final = 1 << 20
"""A certificate chain has about 6 KB."""
RECEIVE_BYTES: Final = 65_536
DEFAULT_PORT: Final = 443


class FetchFailed(Exception):
    """There is no reply; the text says why in one clause, and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP; any.
        headers: by lower-case name; the last one of a name counts.
        body: at most `MAX_REPLY_BYTES` bytes.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Fetch(Protocol):
    """Makes one request.

    Raises `FetchFailed` where there is no reply; a reply of any status is one.
    """

    def __call__(
        self, method: str, url: str, body: bytes = b"", content_type: str = ""
    ) -> Awaitable[Reply]:
        """The reply to a request."""


def client_context(authorities: Path | None = None) -> ssl.SSLContext:
    """TLS settings that accept servers by these authorities.

    Args:
        authorities: certificates, PEM; None: those of the system.

    Raises:
        Failure: they cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise Failure(f"The authorities {authorities} cannot be used: {error.strerror}.") from None


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Makes requests (`Fetch`).

    Attributes:
        context: says which servers to accept.
        seconds: for all of a request.
    """

    context: ssl.SSLContext
    seconds: float = FETCH_SECONDS

    async def __call__(
        self, method: str, url: str, body: bytes = b"", content_type: str = ""
    ) -> Reply:
        """The reply to a request.

        Args:
            method: upper case.
            url: with https.
            body: of the request.
            content_type: of that body.

        Raises:
            FetchFailed: no reply came that could be read, in time and within the limits.
        """
        parts, port = _place(url)
        headers = {
            "Host": parts.netloc,
            "User-Agent": f"strongroom/{VERSION}",
            "Connection": "close",
        }
        if body:
            headers |= {"Content-Length": str(len(body)), "Content-Type": content_type}
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = h11.Request(method=method, target=target, headers=list(headers.items()))
        try:
            with trio.fail_after(self.seconds):
                return await self._exchange(str(parts.hostname), port, request, body)
        except trio.TooSlowError:
            raise FetchFailed(f"{parts.netloc} does not answer in time") from None
        except (OSError, trio.BrokenResourceError) as error:
            raise FetchFailed(f"{parts.netloc} cannot be reached: {_reason(error)}") from None
        except h11.RemoteProtocolError as error:
            raise FetchFailed(f"{parts.netloc} does not speak HTTP: {error}") from None

    async def _exchange(self, host: str, port: int, request: h11.Request, body: bytes) -> Reply:
        tcp = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(tcp, self.context, server_hostname=host, https_compatible=True)
        try:
            http = h11.Connection(h11.CLIENT)
            parts = (request, h11.Data(data=body), h11.EndOfMessage())
            await stream.send_all(b"".join(http.send(part) or b"" for part in parts))
            return await _reply(http, stream)
        finally:
            await trio.aclose_forcefully(stream)


def _place(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise FetchFailed("an address that is none") from None
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or not plain:
        raise FetchFailed("an address that is not of an HTTPS server")
    return parts, port


async def _reply(http: h11.Connection, stream: trio.SSLStream[trio.SocketStream]) -> Reply:
    status, headers, body = 0, dict[str, str](), bytearray()
    while True:
        event = http.next_event()
        match event:
            case h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some(RECEIVE_BYTES)))
            case h11.Response():
                status = event.status_code
                headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in event.headers
                }
            case h11.Data():
                body += event.data
                if len(body) > MAX_REPLY_BYTES:
                    raise FetchFailed("the reply is too long")
            case h11.EndOfMessage():
                return Reply(status, headers, bytes(body))
            case h11.InformationalResponse():
                pass
            case _:
                raise FetchFailed("the connection ended before the reply")


def _reason(error: BaseException) -> str:
    """Why a connection failed; what is told of TLS is OpenSSL's word for it."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({cause.verify_message})"
    return getattr(cause, "reason", None) or str(error) or type(error).__name__
