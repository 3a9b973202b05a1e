"""Whether the server is ready for requests, and its metrics, for whoever runs it.

    GET /ready     200 or 503: the store answers and takes changes, the certificates are valid, and
                   the server is not stopping; what is wrong in words for clients that are known
    GET /metrics   the metrics (`server.transport.exposition`), to clients that are known

Both are at the HTTPS port, and where `metrics_address` says so at a plain one, with `/health`.
Whoever reaches the plain one may read the metrics, so it is on this machine alone unless a setting
says otherwise.

Anybody may ask whether the server is ready, as balancers do, so the store is asked once in a second
at most, however many ask. The metrics are written once in a second at most as well: some
milliseconds where all operations have been used, which no client's turn counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import trio

from server.metrics import openmetrics
from server.objects.refreshing import refresh
from server.requests import store_failures
from server.state import Server
from server.transport import http
from server.transport.exposition import Exposition
from server.transport.http import Request, Response, Route, Routes
from server.transport.kmip_https import DOWN, UP, KMIPOverHTTPS
from storage import StorageError

FRESH_SECONDS: Final = 1.0
"""What the store has answered, and what was written, holds for so long: balancers and collectors
ask every few seconds."""


class Readiness:
    """Answers whether the server is ready, and with its metrics.

    Args:
        server: what all requests share.
        exposition: its metrics, and the certificates that are presented.
    """

    def __init__(self, server: Server, exposition: Exposition) -> None:
        self._server = server
        self._exposition = exposition
        self._looking = trio.Lock()
        self._looked = -math.inf
        self._store = ""
        self._written = -math.inf
        self._text = b""

    def routes(self, door: KMIPOverHTTPS) -> Routes:
        """The rows for the HTTPS port.

        Args:
            door: says who asks.
        """

        async def ready(request: Request) -> Response:
            return await self._ready(is_known=await door.client(request) is not None)

        return {
            ("GET", "/ready"): Route(ready),
            ("GET", "/metrics"): Route(self._metrics, 0, door.admit_known),
        }

    @property
    def plain_routes(self) -> Routes:
        """The rows for a port at which nobody is known."""

        async def ready(request: Request) -> Response:
            return await self._ready(is_known=False)

        async def health(request: Request) -> Response:
            return http.answer({"status": UP})

        return {
            ("GET", "/health"): Route(health),
            ("GET", "/ready"): Route(ready),
            ("GET", "/metrics"): Route(self._metrics),
        }

    async def wrong(self) -> Mapping[str, str]:
        """What is wrong with each part, in words; empty: nothing is."""
        async with self._looking:
            if trio.current_time() - self._looked >= FRESH_SECONDS:
                self._store = await self._wrong_with_store()
                self._looked = trio.current_time()
        is_stopping = self._server.shutdown.stop.is_set()
        return {
            "store": self._store,
            "certificate": self._wrong_with_certificates(),
            "service": "the server is stopping" if is_stopping else "",
        }

    async def _wrong_with_store(self) -> str:
        try:
            await refresh(self._server.store)
        except StorageError as error:
            return store_failures.log_and_explain(error)
        return "" if self._server.store.finding is None else store_failures.DAMAGED

    def _wrong_with_certificates(self) -> str:
        now = datetime.fromtimestamp(self._server.clock(), UTC)
        for port, each in self._exposition.presented().items():
            if now > each.not_valid_after_utc:
                return f"the certificate of the {port} port has expired"
            if now < each.not_valid_before_utc:
                return f"the certificate of the {port} port is not valid yet"
        return ""

    async def _ready(self, *, is_known: bool) -> Response:
        wrong = await self.wrong()
        is_ready = not any(wrong.values())
        found: dict[str, object] = {"status": UP if is_ready else DOWN}
        found |= {part: DOWN if what else UP for part, what in wrong.items()}
        if is_known and not is_ready:
            found["messages"] = {part: what for part, what in wrong.items() if what}
        return http.answer(found, 200 if is_ready else 503)

    async def _metrics(self, request: Request) -> Response:
        if trio.current_time() - self._written >= FRESH_SECONDS:
            self._text = openmetrics.text_of(self._exposition.families())
            self._written = trio.current_time()
        return Response(self._text, content_type=openmetrics.CONTENT_TYPE)
