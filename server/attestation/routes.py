"""The routes by which the server attests itself.

    GET /status          what this is, for people and monitors
    GET /quote?nonce=    evidence over the verifier's nonce and the service's public key; with
                         store=, also whether the store continues the state that they have seen
    GET /tee/attestation_report?nonce=    the same for `ckms verify` 4.10, by a setting only

All are open to anybody: evidence is made to be shown, and holds nothing secret. What each one
proves is told in docs/attestation.md; the claims are those of `enclave.claims`.

The chip answers about once in a second. One address (of IPv6: one /64) gets a few quotes at once
and then one in two seconds, and who asks again with the same nonce is given the same evidence, so
that neither a loop nor a nervous verifier keeps the others from it.

Danger of the last route: the first half of what the chip signs is whatever the caller chose, so it
says nothing but that this code answered, and its form has neither role nor time. It cannot pass for
the other forms, whose second half is zero (`enclave.report_data`). It is there for those who have
that client, and off for all others.
"""

from __future__ import annotations

import logging
import ssl
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import trio

from enclave import report_data
from enclave.claims import MAX_STATE_BYTES, NONCE_BYTES
from enclave.errors import EnclaveError
from enclave.evidence_formats import write_bare
from enclave.ratls import Attester
from server.sessions.rate_limits import RateLimiter
from server.setup.release import VERSION
from server.transport.http import HTTPError, Request, Response, Route, Routes, answer

T = TypeVar("T")
Question = tuple[bytes, bytes | None]
"""The nonce, and the state of the store that the verifier has seen; None: they show none."""

log: Final = logging.getLogger(__name__)

CBOR: Final = "application/cbor"

QUOTE_BURST: Final = 16
"""For one address, behind which several verifiers may be."""
QUOTES_PER_SECOND: Final = 0.5
"""Half of what the chip can do: one address cannot have all of it."""
CACHED_QUOTES: Final = 64
CACHED_SECONDS: Final = 60.0
CKMS_NONCE_BYTES: Final = 32


@dataclass(slots=True)
class Attestation:
    """The routes of a server that attests itself.

    Attributes:
        attester: makes evidence for the key that is shown now; may be replaced while serving.
        state: what the server is doing, for `GET /status`.
        certificate: the one that is shown now, DER.
        allow_ckms: whether to answer `ckms verify` 4.10.
    """

    attester: Attester
    state: Callable[[], str]
    certificate: bytes = b""
    allow_ckms: bool = False
    routes: Routes = field(init=False)
    _rate_limiter: RateLimiter = field(init=False, repr=False)
    _made: OrderedDict[Question, tuple[float, Attester, bytes]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rate_limiter = RateLimiter(QUOTE_BURST, QUOTES_PER_SECOND)
        self._made = OrderedDict()
        routes = {
            ("GET", "/status"): Route(self.status),
            ("GET", "/quote"): Route(self.quote),
        }
        if self.allow_ckms:
            routes[("GET", "/tee/attestation_report")] = Route(self.ckms_report)
        self.routes = routes

    async def status(self, request: Request) -> Response:
        """What this is."""
        return answer(
            {
                "product": "strongroom",
                "version": VERSION,
                "state": self.state(),
                "tee": self.attester.tee.kind,
                "simulated": self.attester.tee.simulated,
                "role": self.attester.role.value,
                "deployment": self.attester.deployment,
            }
        )

    async def quote(self, request: Request) -> Response:
        """Evidence over the nonce; 503 while the chip has no time for it."""
        nonce, seen = nonce_of(request), _store_of(request)
        question = (nonce, seen)
        body = self._made_before(question)
        if body is None:
            self._check_rate(request)
            attester = self.attester
            body = await _from_chip(attester.quote(nonce, seen))
            self._made[question] = (trio.current_time() + CACHED_SECONDS, attester, body)
            while len(self._made) > CACHED_QUOTES:
                self._made.popitem(last=False)
        return Response(body, content_type=CBOR)

    async def ckms_report(self, request: Request) -> Response:
        """Evidence over the nonce and the certificate, as a JSON string of base64."""
        try:
            nonce = b64decode(request.query.get("nonce", ""), validate=True)
        except ValueError:
            nonce = b""
        if len(nonce) != CKMS_NONCE_BYTES:
            raise HTTPError(400, f"a nonce of {CKMS_NONCE_BYTES} bytes in base64 is needed")
        self._check_rate(request)
        pem = ssl.DER_cert_to_PEM_cert(self.certificate).encode()
        chosen = report_data.of_nonce_and_certificate(nonce, pem)
        evidence = await _from_chip(self.attester.tee.evidence(chosen))
        return answer(b64encode(write_bare(evidence)).decode())

    def _made_before(self, question: Question) -> bytes | None:
        """The answer to the same question, if it was asked just now and the key is still shown."""
        until, attester, body = self._made.get(question, (0.0, None, b""))
        return body if attester is self.attester and trio.current_time() < until else None

    def _check_rate(self, request: Request) -> None:
        if not self._rate_limiter.take(request.peer.network, trio.current_time()):
            raise HTTPError(429, "too many questions from this address; try again in a moment")


async def _from_chip(evidence: Awaitable[T]) -> T:
    """What the chip gives.

    Raises:
        HTTPError: nothing now.
    """
    try:
        return await evidence
    except EnclaveError as error:
        log.warning("no evidence: %s", error)
        raise HTTPError(503, "the chip gives no evidence now; try again") from None


def nonce_of(request: Request) -> bytes:
    """The verifier's nonce: base64url, 32 to 64 bytes.

    Raises:
        HTTPError: it is missing or of another length.
    """
    nonce = _decoded(request, "nonce")
    if len(nonce) not in NONCE_BYTES:
        least, most = NONCE_BYTES[0], NONCE_BYTES[-1]
        raise HTTPError(400, f"a nonce of {least} to {most} bytes is needed")
    return nonce


def _store_of(request: Request) -> bytes | None:
    """The state of the store that the verifier has seen; None where they show none.

    Raises:
        HTTPError: it is longer than any.
    """
    seen = _decoded(request, "store") or None
    if seen is not None and len(seen) > MAX_STATE_BYTES:
        raise HTTPError(400, f"a state of the store has at most {MAX_STATE_BYTES} bytes")
    return seen


def _decoded(request: Request, name: str) -> bytes:
    text = request.query.get(name, "")
    try:
        return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise HTTPError(400, f"the {name} is not base64url") from None
