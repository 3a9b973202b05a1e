"""KMIP over HTTPS: a message is the body of a POST, in any encoding, and so is its answer.

    POST /kmip        application/octet-stream, application/json or text/xml, answered in kind
    POST /kmip/2_1    one operation as `ckms` and Cosmian's libraries ask for it
    GET /version      for the same
    GET /health       whether the server is up; whoever is known learns of the store too
    GET /server-info  what it is

Whether it is ready, and its metrics, are in `server.transport.readiness`.

The status is 200 for whatever the protocol answers, its own refusals among them. What is no KMIP
message at all is refused by HTTP: another media type (415), more bytes than a message has (413), a
client that nobody knows (401), one that guesses (429). What fails at `/kmip/2_1` is a text and a
status, as its clients expect (`kmip.encodings.ckms`).

A client is known by its certificate, as at the KMIP port; by a bearer token, which comes before the
certificate (`server.requests.bearer`); and by a credential in the message, which comes before both.
A message of somebody who shows neither certificate nor token is read only where a setting says that
credentials suffice. Each request is judged anew, before its body is kept and once more when it is
there, so that who was taken off the lists meanwhile is refused.

Source: KMIP Profiles 2.1 section 5.8 (HTTPS), KMIP Additional Message Encodings 1.0 section 2.4;
RFC 9110 section 11, RFC 6750 section 3 (challenges).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import trio

from kmip.encodings.ckms.exchange import Exchange
from kmip.encodings.codec import BY_MEDIA_TYPE, Codec
from kmip.encodings.json import JSON
from kmip.encodings.xml import XML
from kmip.enums import ResultReason
from kmip.errors import AuthenticationNotSuccessful
from server.access.client import Client
from server.access.jwt import NotAccepted
from server.access.replaced_certificates import REPLACED
from server.objects.refreshing import refresh
from server.requests import bearer, store_failures
from server.requests.answer import answer
from server.setup.release import VERSION
from server.state import Server
from server.transport import http
from server.transport.http import HTTPError, Request, Response, Route, Routes
from server.transport.kmip import share_of
from storage import StorageError

log: Final = logging.getLogger(__name__)

PATH: Final = "/kmip"

CKMS_PATH: Final = "/kmip/2_1"
TEXT: Final = "text/plain; charset=utf-8"

FAILURES: Final = {
    ResultReason.AUTHENTICATION_NOT_SUCCESSFUL: (401, "Unauthorized"),
    ResultReason.FEATURE_NOT_SUPPORTED: (422, "Not Supported"),
    ResultReason.GENERAL_FAILURE: (500, "Server Error"),
    ResultReason.ITEM_NOT_FOUND: (422, "Item not found"),
    ResultReason.NOT_AUTHORISED: (422, "Access denied"),
    ResultReason.OBJECT_NOT_FOUND: (422, "Item not found"),
    ResultReason.OPERATION_NOT_SUPPORTED: (422, "Not Supported"),
    ResultReason.PERMISSION_DENIED: (422, "Access denied"),
}
"""Status and first words at `/kmip/2_1`; whatever else fails is an invalid request."""

UP: Final = "UP"
DOWN: Final = "DOWN"
"""How Cosmian's clients call it."""

CHALLENGE: Final = 'Bearer realm="strongroom"'
INVALID_TOKEN: Final = f'{CHALLENGE}, error="invalid_token"'
"""What a client may identify itself by, and that it has shown such a thing in vain."""
NEEDED: Final = "a client certificate or a bearer token is needed here"

TEXT_BYTES: Final = 2
"""A message as text has at most so many times the bytes of the longest in TTLV: a key takes two
digits a byte."""
WRITTEN_BYTES: Final = 32
"""An answer as text is at most so many times as long as in TTLV; see
`kmip.encodings.literals.MAX_BYTES`."""


def failure(reason: ResultReason, message: bytes) -> Response:
    """The answer to one of Cosmian's clients, which show a text.

    Args:
        reason: why it failed.
        message: the same in words.
    """
    status, text = FAILURES.get(reason, (422, "Invalid Request"))
    challenge = CHALLENGE if status == 401 else ""
    return Response(f"{text}: ".encode() + message, status, TEXT, challenge=challenge)


class KMIPOverHTTPS:
    """What answers KMIP over HTTPS.

    Args:
        server: what all requests share.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        longest = server.config.max_message_bytes
        self.codecs = {
            media_type: replace(codec, max_bytes=WRITTEN_BYTES * longest)
            if isinstance(codec, JSON | XML)
            else codec
            for media_type, codec in BY_MEDIA_TYPE.items()
        }
        self.longest = {
            media_type: longest * (TEXT_BYTES if isinstance(codec, JSON | XML) else 1)
            for media_type, codec in BY_MEDIA_TYPE.items()
        }

    @property
    def routes(self) -> Routes:
        """The rows of the table of routes."""
        return {
            ("POST", PATH): Route(self.answer, max(self.longest.values()), self.admit),
            ("POST", CKMS_PATH): Route(self.answer_ckms, self.longest[JSON.media_type], self.admit),
            ("GET", "/version"): Route(self.version, 0, self.admit_known),
            ("GET", "/health"): Route(self.health),
            ("GET", "/server-info"): Route(self.server_info, 0, self.admit_known),
        }

    async def admit(self, request: Request) -> str:
        """Refuse whom nothing identifies, and what is no message, by its head.

        Returns:
            Who asks; empty where a credential in the message must tell.

        Raises:
            HTTPError: it is refused.
        """
        if request.content_type not in self.codecs:
            raise HTTPError(415, f"a message is one of {', '.join(self.codecs)}")
        config = self.server.config
        client = await self.client(request, anew=False)
        if client is None and not (
            config.allow_credentials_over_https or config.insecure_allow_no_client_certificate
        ):
            raise HTTPError(401, NEEDED, challenge=CHALLENGE)
        return client.name if client is not None else ""

    async def admit_known(self, request: Request) -> str:
        """Refuse whom neither certificate nor token identifies; see `admit`."""
        client = await self.client(request, anew=False)
        if client is None:
            raise HTTPError(401, NEEDED, challenge=CHALLENGE)
        return client.name

    async def client(self, request: Request, *, anew: bool = True) -> Client | None:
        """Whom the token, or else the certificate, names; None: nobody.

        Args:
            request: perhaps without its body.
            anew: ask the store also where the token is known.

        Raises:
            HTTPError: the token is not taken, or too many were not.
        """
        token = bearer.token_in(request.headers.get("authorization", ""))
        try:
            certified = await self._certified(request)
            if token is None:
                return certified
            return await self._client_of(token, request, certified, anew=anew)
        except StorageError as error:
            store_failures.log_and_explain(error)
            raise HTTPError(503, "it cannot be told now who asks") from None

    async def _certified(self, request: Request) -> Client | None:
        """Whom the certificate names; by one that was replaced, a client that may fetch the new.

        Raises:
            HTTPError: it was replaced, and there is nothing to fetch.
        """
        server = self.server
        try:
            return await server.replaced_certificates.narrowed(
                request.peer.client, server.tickets, server.clock()
            )
        except AuthenticationNotSuccessful as error:
            raise HTTPError(401, str(error), challenge=CHALLENGE) from None

    async def _client_of(
        self, token: str, request: Request, certified: Client | None, *, anew: bool
    ) -> Client | None:
        if certified is not None and not await bearer.are_taken(self.server):
            return certified
        if certified is not None and certified.permission is not None:
            raise HTTPError(401, REPLACED, challenge=CHALLENGE)
        network, now = request.peer.network, self.server.clock()
        if self.server.address_guesses.are_spent(network, now):
            raise HTTPError(429, "too many wrong credentials; wait a minute")
        try:
            return await bearer.identify(self.server, token, anew=anew)
        except NotAccepted as error:
            self.server.address_guesses.count(network, now)
            self._tell_refused(request, error)
            raise HTTPError(401, str(error), challenge=INVALID_TOKEN) from None

    def _tell_refused(self, request: Request, error: NotAccepted) -> None:
        """A line in the log, of so many a minute from one address."""
        untold = self.server.refusals.take(request.peer.address, self.server.clock())
        if untold is not None:
            more = f"; {untold} more were refused since the last such line" if untold else ""
            log.warning("a client at %s was refused: %s%s", request.peer.address, error, more)

    async def answer(self, request: Request) -> Response:
        """The answer to the message that is the body."""
        if len(request.body) > self.longest[request.content_type]:
            raise HTTPError(413, "the message is too long")
        return await self._answered(request, self.codecs[request.content_type])

    async def answer_ckms(self, request: Request) -> Response:
        """The answer to one operation."""
        if request.content_type != JSON.media_type:
            raise HTTPError(415, f"a request is {JSON.media_type}")
        limits = JSON(max_bytes=WRITTEN_BYTES * self.server.config.max_message_bytes)
        exchange = Exchange(int(self.server.clock()), limits)
        response = await self._answered(request, exchange)
        if exchange.failure is None:
            return response
        return failure(exchange.failure, response.body)._replace(done=response.done)

    async def version(self, request: Request) -> Response:
        """This program's version."""
        return http.answer(VERSION)

    async def server_info(self, request: Request) -> Response:
        """What the server is: its version; it has no module that is validated, and no HSM."""
        return http.answer({"version": VERSION, "fips_mode": False, "hsm": {"configured": False}})

    async def health(self, request: Request) -> Response:
        """That the server answers; and to whom it knows, whether its store does."""
        if await self.client(request) is None:
            return http.answer({"status": UP})
        begun = trio.current_time()
        database = {"name": "store", "status": UP}
        try:
            await refresh(self.server.store)
        except StorageError as error:
            database |= {"status": DOWN, "message": store_failures.log_and_explain(error)}
        status = database["status"]
        taken = round(1000 * (trio.current_time() - begun))
        found = {"status": status, "latency_ms": taken, "dependencies": {"database": database}}
        return http.answer(found, 200 if status == UP else 503)

    async def _answered(self, request: Request, codec: Codec) -> Response:
        client, address = await self.client(request, anew=True), request.peer.address
        turn = await self.server.turns.admit(share_of(client, address), len(request.body))
        try:
            data = await answer(
                self.server, request.body, client, codec, address=address, turn=turn
            )
            turn.answered(len(data))
        except BaseException:
            turn.end()
            raise
        return Response(data, content_type=codec.media_type, done=turn.end)
