"""HTTP/1.1 over a TLS stream: requests in, responses out, by a table of routes.

h11 reads and writes the protocol; here are the limits, the routes and the errors. A route is a row:
method and path to a handler, which is given a `Request` and gives a `Response` or raises
`HTTPError`. Whatever else happens in a handler is a fault of ours, which the client is told as no
more than that. Errors are JSON, `{"error": "..."}`, in plain words.

Whether somebody may ask at all is decided by the head of a request, before its body is kept: the
bodies of strangers are read and dropped.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

import h11
import trio

from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.departures import Departures, descriptor_of
from server.transport.strict_lines import server_connection

log: Final = logging.getLogger(__name__)

RECEIVE_BYTES: Final = 65_536
MAX_HEAD_BYTES: Final = 16_384
"""A request's line and headers: what common servers take, and far more than our clients send."""
MAX_QUERY_FIELDS: Final = 16
"""Fields of a query string; no route here has more than two."""
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 4 << 20
"""What a client sends on before it looks at an answer: four times the longest body."""

JSON: Final = "application/json"


class HTTPError(Exception):
    """A request is refused.

    Attributes:
        status: of the response.
        close: whether the connection cannot go on.
        allow: the methods that the path has; RFC 9110 section 15.5.6 wants them told.
        challenge: how a client may identify itself; RFC 9110 section 15.5.2 wants it told with 401.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        close: bool = False,
        allow: Sequence[str] = (),
        challenge: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.close = close
        self.allow = allow
        self.challenge = challenge


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole.

    Attributes:
        method: as it was sent; methods differ by case (RFC 9110 section 9.1).
        path: without the query.
        query: the fields of the query; the last one of a name counts.
        headers: by lower-case name; the last one of a name counts.
        body: may hold secrets.
        peer: who asks.
        who: whom the route's `admit` found that to be.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    peer: Peer = field(repr=False)
    who: str = ""

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
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            raise HTTPError(400, "the body is not JSON") from None
        if not isinstance(document, dict):
            raise HTTPError(400, "the body is not a JSON object")
        return document


def nothing() -> None:
    """Nothing is to be done."""


class Response(NamedTuple):
    """One response.

    Attributes:
        body: may hold secrets.
        status: of the response.
        content_type: of the body.
        allow: the methods that the path has, where they are told.
        challenge: how a client may identify itself, where it is told.
        done: is called once, when the response was sent or cannot be.
    """

    body: bytes
    status: int = 200
    content_type: str = JSON
    allow: Sequence[str] = ()
    challenge: str = ""
    done: Callable[[], None] = nothing


Handler = Callable[[Request], Awaitable[Response]]
Admit = Callable[[Request], str | Awaitable[str]]
"""Says who asks, by a request without its body, at once or after a wait, or raises HTTPError."""


class Route(NamedTuple):
    """A row of the table.

    Attributes:
        handler: answers.
        max_body_bytes: the longest body it takes.
        admit: decides whether its body is kept and handled; None: everybody's.
    """

    handler: Handler
    max_body_bytes: int = 0
    admit: Admit | None = None


Routes = Mapping[tuple[str, str], Route]
"""(method, path) to what answers. A path that ends with `/*` stands for those whose last part is
anything, where no other row is for them."""


class Limits(NamedTuple):
    """Times in seconds: as `server.setup.config.Config` has them."""

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
        shutdown: says when to stop.
        departures: is told while a request is answered; None: a client that leaves is not noticed
            before its response is sent.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        peer: Peer,
        routes: Routes,
        limits: Limits,
        shutdown: Shutdown,
        departures: Departures | None = None,
    ) -> None:
        self.stream = stream
        self.peer = peer
        self.routes = routes
        self.limits = limits
        self.shutdown = shutdown
        self.http = server_connection(MAX_HEAD_BYTES)
        self.read_by = math.inf
        self.no_body = False
        self.departures = departures
        self.handling = trio.CancelScope()

    async def serve(self) -> None:
        """Answer requests until the client leaves, is too slow, or is not understood."""
        try:
            while await self._exchange():
                if self.shutdown.stop.is_set():
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
            refusal = answer({"error": str(error)}, error.status)
            refusal = refusal._replace(allow=error.allow, challenge=error.challenge)
            if not await self._send(refusal, close=error.close):
                return False
            if self._is_open and not error.close:
                return True
            await self._linger()
            return False
        except h11.RemoteProtocolError as error:
            await self._send(
                answer({"error": "not a request"}, error.error_status_hint), close=True
            )
            return False
        try:
            return await self._send(response) and self._is_open
        finally:
            response.done()

    @property
    def _is_open(self) -> bool:
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE

    async def _request(self) -> Request | None:
        """The next request; None where the client has left or its time is over."""
        self.no_body = False
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        self.no_body = head.method == b"HEAD"
        _check_head(head)
        parts = _target(head.target)
        method = head.method.decode("latin-1")
        route = self._route(method, parts.path)
        request = Request(
            method=method,
            path=parts.path,
            query=_query(parts.query),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in head.headers
            },
            body=b"",
            peer=self.peer,
        )
        if route.admit is not None:
            try:
                who = route.admit(request)
                request = replace(request, who=who if isinstance(who, str) else await who)
            except HTTPError as refusal:
                await self._drop_body(route, refusal)
                raise
        body = await self._body(route.max_body_bytes)
        return None if body is None else replace(request, body=body)

    async def _body(self, most: int) -> bytes | None:
        """The whole body; None where the client has left or its time is over."""
        body = bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return None
            body += event.data
            if len(body) > most:
                raise HTTPError(413, "the body is too long", close=True)
        return bytes(body)

    async def _drop_body(self, route: Route, refusal: HTTPError) -> None:
        """Read a body that is not wanted, as far as it may go, so that the answer is read."""
        seen = 0
        while seen <= route.max_body_bytes and not self.http.they_are_waiting_for_100_continue:
            event = await self._event()
            if not isinstance(event, h11.Data):
                return
            seen += len(event.data)
        refusal.close = True

    def _route(self, method: str, path: str) -> Route:
        """What answers; HEAD is answered as GET, without the body (RFC 9110 section 9.3.2)."""
        paths = (path, path.rpartition("/")[0] + "/*")
        for each in paths:
            route = self.routes.get(("GET" if method == "HEAD" else method, each))
            if route is not None:
                return route
        methods = [known for known, its_path in self.routes if its_path in paths or path == "*"]
        if not methods:
            raise HTTPError(404, "there is nothing here", close=True)
        allow = [*dict.fromkeys(methods), *(["HEAD"] if "GET" in methods else []), "OPTIONS"]
        if method == "OPTIONS":
            return Route(_tell(allow))
        raise HTTPError(405, "this path has another method", close=True, allow=allow)

    async def _event(self) -> Any:
        """The next event of h11; ConnectionClosed where the client's time is over."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                with trio.move_on_at(self._deadline()):
                    await self.stream.send_all(self.http.send(go_on) or b"")
            data = await self._receive()
            if data is None:
                return h11.ConnectionClosed()
            self.http.receive_data(data)
        return event

    def _deadline(self) -> float:
        """When the request that has begun must be there."""
        if self.read_by == math.inf:
            self.read_by = trio.current_time() + self.limits.read_seconds
        return self.read_by

    async def _receive(self) -> bytes | None:
        """More bytes; None where their time is over."""
        if self.http.their_state is h11.IDLE and not self.http.trailing_data[0]:
            data = None
            with self.shutdown.at_most(self.limits.idle_seconds):
                data = bytes(await self.stream.receive_some(RECEIVE_BYTES))
            return data  # noqa: RET504 - there may be none
        with trio.move_on_at(self._deadline()):
            return bytes(await self.stream.receive_some(RECEIVE_BYTES))
        return None

    async def _handle(self, request: Request) -> Response:
        route = self._route(request.method, request.path)
        if self.departures is not None:
            self.departures.answering.add(self)
        try:
            with trio.CancelScope() as self.handling:
                return await route.handler(request)
        except HTTPError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            raise HTTPError(500, "internal error") from None
        finally:
            if self.departures is not None:
                self.departures.answering.discard(self)
        raise trio.BrokenResourceError("the client left before its answer")

    @property
    def descriptor(self) -> int:
        """See `server.transport.departures.Answering`."""
        return descriptor_of(self.stream)

    def left(self) -> None:
        """See `server.transport.departures.Answering`."""
        log.info("a client at %s left before its answer", self.peer.address)
        self.handling.cancel()

    def half_closed(self) -> None:
        """See `server.transport.departures.Answering`.

        Unlike KMIP's, clients of HTTP keep their side open until they have read the answer, and
        what servers commonly take an end for is that they have gone.
        """
        self.left()

    async def _send(self, response: Response, *, close: bool = False) -> bool:
        """Send a response; False where there is none to be sent, or the client takes too long."""
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
        ]
        if close:
            headers.append(("Connection", "close"))
        if response.allow:
            headers.append(("Allow", ", ".join(response.allow)))
        if response.challenge:
            headers.append(("WWW-Authenticate", response.challenge))
        body = b"" if self.no_body else response.body
        parts = (
            h11.Response(status_code=response.status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        data = b"".join(self.http.send(part) or b"" for part in parts)
        with trio.move_on_after(self.limits.write_seconds):
            await self.stream.send_all(data)
            return True
        return False

    async def _linger(self) -> None:
        """Drop what a refused client still sends; else the answer could be lost on its way.

        Source: RFC 9112 section 9.6.
        """
        dropped = 0
        with trio.move_on_after(LINGER_SECONDS):
            while dropped < LINGER_BYTES:
                data = await self.stream.receive_some(RECEIVE_BYTES)
                if not data:
                    return
                dropped += len(data)


def _tell(allow: Sequence[str]) -> Handler:
    """Answers OPTIONS (RFC 9110 section 9.3.7)."""

    async def options(request: Request) -> Response:
        return Response(b"", allow=allow)

    return options


def _check_head(head: h11.Request) -> None:
    """Refuse a long one, and one whose body has two lengths.

    h11 looks at the length only where the head has come in pieces, and takes Transfer-Encoding
    where Content-Length is there too, which is how requests are smuggled (RFC 9112 section 6.1).
    """
    names = {name.lower() for name, _ in head.headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        raise HTTPError(400, "Content-Length and Transfer-Encoding exclude each other", close=True)
    size = len(head.target) + sum(len(name) + len(value) for name, value in head.headers)
    if size > MAX_HEAD_BYTES:
        raise HTTPError(431, "the request's head is too long", close=True)


def _target(target: bytes) -> SplitResult:
    try:
        return urlsplit(target.decode("latin-1"))
    except ValueError:
        raise HTTPError(400, "the request's target is no URL", close=True) from None


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))
    except ValueError:
        raise HTTPError(400, "the query has too many fields") from None
