"""Signed requests to a directory: where things are, nonces, and one more try for a stale one.

Theory: the directory tells where everything is. Each request is signed with the account's key over
its address and a nonce that the directory gave and takes once. A nonce that it does not know (any
more) costs another try with the one that came along with the refusal.

Source: RFC 8555 sections 6 and 7.1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import trio
from cryptography.hazmat.primitives.asymmetric import ec

from server.acme import jose
from server.acme.replies import ACMEError, json_object, refusal, retry_after, string
from server.transport.https_client import Fetch, Reply

NONCE_ATTEMPTS: Final = 8
"""A directory that has just given a nonce knows it; several servers behind one name may not."""
MAX_NONCES: Final = 8
FIRST_PAUSE: Final = 0.5
MAX_PAUSE: Final = 10.0


@dataclass(slots=True)
class Session:
    """Requests of one account.

    Attributes:
        directory: the directory's URL.
        key: the account's, on P-256.
        fetch: makes requests.
        now: the clock, with a time zone.
        account: the account's URL; empty until it is known.
    """

    directory: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    fetch: Fetch = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)
    account: str = ""
    _urls: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _nonces: list[str] = field(default_factory=list, init=False, repr=False)

    async def urls(self) -> dict[str, Any]:
        """Where everything is."""
        if not self._urls:
            reply = await self.fetch("GET", self.directory)
            if reply.status != 200:
                raise refusal(self.directory, reply, self.now())
            self._urls = json_object(reply)
        return self._urls

    async def url(self, name: str) -> str:
        """Where one thing is.

        Raises:
            ACMEError: the directory does not say.
        """
        return string(await self.urls(), name)

    async def post(self, url: str, payload: object | None) -> Reply:
        """The reply to a signed request.

        Args:
            url: where to.
            payload: as JSON; None for POST-as-GET.

        Raises:
            Refused, ACMEError: the directory says no, or fails.
        """
        attempts = 1
        while True:
            protected: dict[str, Any] = {"nonce": await self._nonce(), "url": url}
            if self.account:
                protected["kid"] = self.account
            else:
                protected["jwk"] = jose.jwk(self.key.public_key())
            body = jose.sign(self.key, protected, payload)
            reply = await self.fetch("POST", url, body, jose.CONTENT_TYPE)
            self._keep_nonce(reply)
            if 200 <= reply.status < 300:
                return reply
            problem = refusal(self.directory, reply, self.now())
            if problem.kind == "accountDoesNotExist":
                self.account = ""  # to be made anew with the next order
            if problem.kind != "badNonce" or attempts == NONCE_ATTEMPTS:
                raise problem
            attempts += 1

    async def poll(self, url: str, undecided: frozenset[str]) -> dict[str, Any]:
        """What is at an address, once its status is none of these."""
        pause = FIRST_PAUSE
        while True:
            reply = await self.post(url, None)
            document = json_object(reply)
            if document.get("status") not in undecided:
                return document
            await trio.sleep(max(pause, min(retry_after(reply, self.now()), MAX_PAUSE)))
            pause = min(1.5 * pause, MAX_PAUSE)

    async def _nonce(self) -> str:
        if self._nonces:
            return self._nonces.pop()
        reply = await self.fetch("HEAD", await self.url("newNonce"))
        if "replay-nonce" not in reply.headers:
            wait = retry_after(reply, self.now())
            raise ACMEError(f"{self.directory} gives no nonce", retry_after=wait)
        return reply.headers["replay-nonce"]

    def _keep_nonce(self, reply: Reply) -> None:
        if "replay-nonce" in reply.headers:
            self._nonces = [*self._nonces, reply.headers["replay-nonce"]][-MAX_NONCES:]
