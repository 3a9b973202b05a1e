"""HTTP/1.1 over a TLS stream: requests in, responses out, by a table of routes.

h11 reads and writes the protocol; here are the limits, the routes and the errors. A route is a row:
method and path to a handler, which is given a `Request` and gives a `Response` or raises
`HTTPError`. Whatever else happens in a handler is a fault of ours, which the client is told as no
more than that. Errors are JSON, `{"error": "..."}`, in plain words.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import h11
import trio

from server.accepting import Peer, Waiting

log: Final = logging.getLogger(__name__)

RECEIVE_BYTES: Final = 65_536
MAX_HEAD_BYTES: Final = 16_384
"""A request's line and headers: what common servers take, and far more than our clients send."""
MAX_QUERY_FIELDS: Final = 16
"""Fields of a query string; no route here has more than two."""

JSON: Final = "application/json"


class HTTPError(Exception):
    """A request is refused.

    Attributes:
        status: of the response.
        close: whether the connection cannot go on.
    """

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.close = close


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole.

    Attributes:
        method: upper case.
        path: without the query.
        query: the fields of the query; the last one of a name counts.
        headers: by lower-case name; the last one of a name counts.
        body: may hold secrets.
        peer: who asks.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    peer: Peer = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type of the body, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HTTPError: it is none.
        """
        try:
            held = json.loads(self.body)
        except (ValueError, RecursionError):
            raise HTTPError(400, "the body is not JSON") from None
        if not isinstance(held, dict):
            raise HTTPError(400, "the body is not a JSON object")
        return held


class Response(NamedTuple):
    """One response."""

    body: bytes
    status: int = 200
    content_type: str = JSON


Handler = Callable[[Request], Awaitable[Response]]


class Route(NamedTuple):
    """A row of the table.

    Attributes:
        handler: answers.
        max_body_bytes: the longest body it takes.
    """

    handler: Handler
    max_body_bytes: int = 0


Routes = Mapping[tuple[str, str], Route]
"""(method, path) to what answers."""


class Limits(NamedTuple):
    """Times in seconds: as `server.config.Config` has them."""

    idle_seconds: float
    read_seconds: float
    write_seconds: float


def answer(value: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(json.dumps(value).encode(), status)


class HTTPConnection:
    """One client's HTTP connection.

    Args:
        stream: after its TLS handshake.
        peer: the other end.
        routes: what is answered; looked up anew for each request.
        limits: of time.
        waiting: says when to stop.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        peer: Peer,
        routes: Routes,
        limits: Limits,
        waiting: Waiting,
    ) -> None:
        self.stream = stream
        self.peer = peer
        self.routes = routes
        self.limits = limits
        self.waiting = waiting
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.read_by = math.inf

    async def serve(self) -> None:
        """Answer requests until the client leaves, is too slow, or is not understood."""
        try:
            while await self._exchange():
                if self.waiting.stop.is_set():
                    return
                self.http.start_next_cycle()
                self.read_by = math.inf
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("a connection broke")

    async def _exchange(self) -> bool:
        """One request and its response; False where the connection is to end."""
        try:
            request = await self._request()
            if request is None:
                return False
            response = await self._handle(request)
        except HTTPError as error:
            await self._send(answer({"error": str(error)}, error.status))
            return not error.close and self.http.their_state is h11.DONE and self._is_open
        except h11.RemoteProtocolError as error:
            await self._send(answer({"error": "not a request"}, error.error_status_hint))
            return False
        return await self._send(response) and self._is_open

    @property
    def _is_open(self) -> bool:
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    async def _request(self) -> Request | None:
        """The next request; None where the client has left or its time is over."""
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        parts = urlsplit(head.target.decode("latin-1"))
        method = head.method.decode("latin-1").upper()
        route = self._route(method, parts.path)
        body = bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return None
            body += event.data
            if len(body) > route.max_body_bytes:
                raise HTTPError(413, "the body is too long", close=True)
        return Request(
            method=method,
            path=parts.path,
            query=_query(parts.query),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in head.headers
            },
            body=bytes(body),
            peer=self.peer,
        )

    def _route(self, method: str, path: str) -> Route:
        route = self.routes.get((method, path))
        if route is not None:
            return route
        if any(known == path for _, known in self.routes):
            raise HTTPError(405, "this path has another method", close=True)
        raise HTTPError(404, "there is nothing here", close=True)

    async def _event(self) -> Any:
        """The next event of h11; ConnectionClosed where the client's time is over."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self.stream.send_all(self.http.send(go_on) or b"")
            data = await self._receive()
            if data is None:
                return h11.ConnectionClosed()
            self.http.receive_data(data)
        return event

    async def _receive(self) -> bytes | None:
        """More bytes; None where their time is over."""
        if self.http.their_state is h11.IDLE and not self.http.trailing_data[0]:
            data = None
            with self.waiting.at_most(self.limits.idle_seconds):
                data = bytes(await self.stream.receive_some(RECEIVE_BYTES))
            return data  # noqa: RET504 - there may be none
        if self.read_by == math.inf:
            self.read_by = trio.current_time() + self.limits.read_seconds
        with trio.move_on_at(self.read_by):
            return bytes(await self.stream.receive_some(RECEIVE_BYTES))
        return None

    async def _handle(self, request: Request) -> Response:
        route = self._route(request.method, request.path)
        try:
            return await route.handler(request)
        except HTTPError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            raise HTTPError(500, "internal error") from None

    async def _send(self, response: Response) -> bool:
        """Send a response; False where the client does not take it in time."""
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
        ]
        head = h11.Response(status_code=response.status, headers=headers)
        data = self.http.send(head) or b""
        data += self.http.send(h11.Data(data=response.body)) or b""
        data += self.http.send(h11.EndOfMessage()) or b""
        with trio.move_on_after(self.limits.write_seconds):
            await self.stream.send_all(data)
            return True
        return False


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))
    except ValueError:
        raise HTTPError(400, "the query has too many fields") from None
