"""Bootstrap mode: an unprovisioned server, and what its operator gives it.

    POST /sqlite             {"path": "...", "password": "..."}   both optional
    POST /redis-findex       {"url", "findex_label", "master_password"}, and what Redis asks for
    POST /key-file           the store's key, application/octet-stream
    POST /client-ca          whose certificates KMIP clients must have, PEM
    POST /revocation-lists   lists of those authorities, PEM, or one in DER
    POST /refused-certificates   {"add": [...], "remove": [...]}   client certificates to be refused
    POST /pkcs12             the API identity, multipart/form-data or application/octet-stream
    POST /pkcs12-password    {"password": "..."}
    GET  /csr                a certificate signing request for the service's own key, PEM
    POST /certificate        what an authority issued for it, with those above it, PEM
    POST /policy             which other servers may be given the same, TOML
    POST /start              {"restart": bool, "time": seconds}   starts the service
    GET  /log                what was given, when and by whom
    GET  /status, /quote     open to anybody, see `server.attestation.routes`

Theory: what is given is held in memory and tried as soon as it can be. `/start` answers once the
service is up, or says why it is not; then everything given is still there, and the operator mends
what was wrong. Once the service is up the listener is gone, and what was given with it. What is
given and not started with is dropped after `bootstrap_seconds`.

One request of the operator's is dealt with after the other, so that none undoes what another has
given meanwhile, and nothing is dropped while it is being tried.
"""

from __future__ import annotations

import email
import email.policy
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import trio

from enclave.errors import EnclaveError
from enclave.keys import OwnKey
from server.access.kept_rules import KeptRules
from server.bootstrap.operator import OperatorAccess
from server.operator_routes import policy_in, refusals_in
from server.pki import server_certificate
from server.setup import backends, explanations, open_store, redis_store
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.provisioning import Provisioning, described, opening
from server.setup.sealed_head import MAX_STEP
from server.sources import CERTIFICATE, certificate_names
from server.transport import tls
from server.transport.http import HTTPError, Request, Response, Route, Routes, answer
from storage import Missing

log: Final = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1 << 20
"""The largest PKCS#12 and policy; real ones have a few thousand bytes."""
MAX_LOG_LINES: Final = 1000
MAX_REFUSED_LINES: Final = 100
"""The last of those who were not the operator; apart, so that no other line is lost to them."""
FILE_TYPES: Final = frozenset({"application/octet-stream", "application/x-pkcs12"})

Launch = Callable[[Provisioning], Awaitable[None]]
"""Starts the service; returns when it is up, or raises."""


@dataclass(slots=True)
class Bootstrap:
    """One bootstrap, until the service is up.

    Attributes:
        config: the settings.
        access: says who is the operator.
        launch: starts the service.
        key: gives the key with which the service will attest itself.
        now: the clock, with a time zone.
        can_seal: whether the chip has a key to seal with, for a restart.
        done: is set when it is up.
        provisioning: what the operator has given so far.
        lines: the log of who did what, a line each.
        refused: the same, of those who were not let in.
    """

    config: Config
    access: OperatorAccess
    launch: Launch
    key: Callable[[], Awaitable[OwnKey]] = field(repr=False)
    can_seal: bool = True
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    done: trio.Event = field(default_factory=trio.Event)
    provisioning: Provisioning = field(default_factory=Provisioning)
    lines: deque[dict[str, str]] = field(default_factory=partial(deque, maxlen=MAX_LOG_LINES))
    refused: deque[dict[str, str]] = field(default_factory=partial(deque, maxlen=MAX_REFUSED_LINES))
    _touched: float = field(default=0.0)
    _turn: trio.Lock = field(default_factory=trio.Lock)

    @property
    def routes(self) -> Routes:
        """The operator's routes; those open to anybody are added by whoever serves them."""
        posts = {
            "/sqlite": self.sqlite,
            "/redis-findex": self.redis_findex,
            "/key-file": self.key_file,
            "/client-ca": self.client_ca,
            "/revocation-lists": self.revocation_lists,
            "/refused-certificates": self.refused_certificates,
            "/pkcs12": self.pkcs12,
            "/pkcs12-password": self.pkcs12_password,
            "/certificate": self.certificate,
            "/policy": self.policy,
            "/start": self.start,
        }
        rows = {
            ("POST", path): Route(self._in_turn(handler), MAX_BODY_BYTES, self._admit)
            for path, handler in posts.items()
        }
        return rows | {
            ("GET", "/log"): Route(self.show_log, admit=self._admit),
            ("GET", "/csr"): Route(self.csr, admit=self._admit),
        }

    def _admit(self, request: Request) -> str:
        """Whether it is the operator who asks; whoever else does is noted."""
        try:
            return self.access.check(request)
        except HTTPError as error:
            self.refused.append(_line(request, "nobody", str(error)))
            raise

    def _in_turn(
        self, handler: Callable[[Request], Awaitable[str]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler that waits for its turn, with a line in the log for what it does."""

        async def in_turn(request: Request) -> Response:
            async with self._turn:
                try:
                    self._expire()
                    self._check_open(request)
                    said = await handler(request)
                except Failure as failure:
                    self._note(request, str(failure))
                    raise HTTPError(422, str(failure)) from None
                except HTTPError as error:
                    self._note(request, str(error))
                    raise
                finally:
                    self._touched = trio.current_time()
            self._note(request, said)
            return answer({"success": said})

        return in_turn

    def _check_open(self, request: Request) -> None:
        """Refuse what comes too late to be of use."""
        if self.done.is_set() and request.path != "/start":
            raise HTTPError(409, "the KMS server is up")

    def _note(self, request: Request, what: str) -> None:
        self.lines.append(_line(request, request.who, what))

    def _expire(self) -> None:
        """Drop what was given too long ago."""
        if self.provisioning != Provisioning() and (
            trio.current_time() - self._touched > self.config.bootstrap_seconds
        ):
            self.provisioning = Provisioning()
            log.warning("bootstrap: what was given is dropped, its time is over")

    async def keep_expiring(self) -> None:
        """Drop what is given and not started with, as long as the bootstrap lasts."""
        while True:
            await trio.sleep(self.config.bootstrap_seconds / 4)
            if not self._turn.locked():
                self._expire()

    # What is given

    async def sqlite(self, request: Request) -> str:
        """The embedded store: its place and its password."""
        body = _fields(request, path=str, password=str)
        path = body.get("path")
        place = f"sqlite:{path}" if path else ""
        provisioning = replace(self.provisioning, store=place, redis=None)
        if "password" in body:
            provisioning = replace(provisioning, password=body["password"], key_file=None)
        await self._try_store(provisioning)
        return "Successfully received Sqlite configuration"

    async def redis_findex(self, request: Request) -> str:
        """A store in Redis or Valkey: the URL, the label, and the store's password.

        Tried at once, and refused with a sentence where the Redis cannot keep a store.
        """
        names = ("url", "findex_label", "master_password", "password", "ca", "certificate")
        body = _fields(request, **dict.fromkeys(names, str))
        if not body.get("url"):
            raise HTTPError(422, "url is missing")
        url, access = redis_store.received(body)
        backends.parse(url)
        provisioning = replace(self.provisioning, store=url, redis=access)
        if "master_password" in body:
            provisioning = replace(provisioning, password=body["master_password"], key_file=None)
        if provisioning.secret is None:
            raise HTTPError(422, "give master_password, or the store's key file first")
        await self._try_store(provisioning)
        return "Successfully received Redis-Findex configuration"

    async def key_file(self, request: Request) -> str:
        """The key that opens the store, in place of a password."""
        await self._try_store(replace(self.provisioning, key_file=request.body, password=None))
        return "Key file received"

    async def client_ca(self, request: Request) -> str:
        """Whose certificates KMIP clients must have."""
        text = _text(request)
        context = tls.empty_context(self.config)
        tls.trust_clients(context, text.encode(), tls.CLIENT_AUTHORITY, datetime.now(UTC))
        self.provisioning = replace(self.provisioning, client_ca=text)
        return "Client authority received"

    async def revocation_lists(self, request: Request) -> str:
        """Lists of the clients' authorities; those that are given last count."""
        self._keep_rules(replace(self._rules, lists=()).with_lists(request.body))
        return "Revocation lists received"

    async def refused_certificates(self, request: Request) -> str:
        """Client certificates that are refused although their authority's word still holds."""
        added, removed = refusals_in(request)
        self._keep_rules(self._rules.without_refused(removed).with_refused(added))
        return "Refused certificates received"

    @property
    def _rules(self) -> KeptRules:
        return KeptRules.decode(self.provisioning.certificate_rules)

    def _keep_rules(self, kept: KeptRules) -> None:
        self.provisioning = replace(self.provisioning, certificate_rules=kept.encode())

    async def pkcs12(self, request: Request) -> str:
        """The identity of the API; opened at once where its password is known."""
        self._check_certified_here()
        data = _file(request)
        provisioning = replace(self.provisioning, pkcs12=data)
        if provisioning.pkcs12_password:
            try:
                tls.open_pkcs12(data, provisioning.pkcs12_password)
            except Failure:
                if self.provisioning.pkcs12 is None:
                    raise
                # The password belongs to the file before; that of this one is still to come.
                provisioning = replace(provisioning, pkcs12_password="")
        self.provisioning = replace(provisioning, certificate="")
        return f"PKCS#12 of {len(data)} bytes received"

    async def pkcs12_password(self, request: Request) -> str:
        """The password of the identity; may come before or after it."""
        body = _fields(request, password=str)
        if "password" not in body:
            raise HTTPError(422, "password is missing")
        password = body["password"]
        if self.provisioning.pkcs12 is not None:
            tls.open_pkcs12(self.provisioning.pkcs12, password)
        self.provisioning = replace(self.provisioning, pkcs12_password=password)
        return "PKCS#12 password received"

    async def certificate(self, request: Request) -> str:
        """A certificate for the service's own key, in place of an identity that was brought."""
        self._check_certified_here()
        text = _text(request)
        chain = server_certificate.read_chain(text.encode(), CERTIFICATE)
        key = (await self._own_key()).key
        server_certificate.check(
            chain, key, certificate_names(self.config), self.now(), CERTIFICATE
        )
        self.provisioning = replace(
            self.provisioning, certificate=text, pkcs12=None, pkcs12_password=""
        )
        until = f"{chain[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if len(chain) == 1:
            return f"Certificate until {until} received, without its authority: none can follow it"
        return f"Certificate until {until} received"

    async def csr(self, request: Request) -> Response:
        """A request for a certificate, to be taken to an authority. Nothing of it is secret."""
        try:
            self._check_open(request)
            self._check_certified_here()
            key = (await self._own_key()).key
            pem = server_certificate.signing_request(key, certificate_names(self.config))
        except Failure as failure:
            raise HTTPError(422, str(failure)) from None
        self._note(request, "signing request given")
        return Response(pem, content_type="application/x-pem-file")

    def _check_certified_here(self) -> None:
        if self.config.use_certbot:
            raise HTTPError(422, "this server gets its certificate from a directory (use_certbot)")

    async def _own_key(self) -> OwnKey:
        try:
            return await self.key()
        except EnclaveError as error:
            log.warning("bootstrap: no key: %s", error)
            raise HTTPError(503, "the chip gives no key now; try again") from None

    async def policy(self, request: Request) -> str:
        """Which other servers may be given the same."""
        self.provisioning = replace(self.provisioning, policy=policy_in(request))
        return "Policy received"

    async def _try_store(self, provisioning: Provisioning) -> None:
        """Open the store with what is given, if that is enough, and keep what was given.

        A store that is not there yet will be made at the start.
        """
        if provisioning.secret is not None:
            try:
                await self._open_store(provisioning)
            except OSError as error:
                raise Failure(f"The store cannot be opened: {error.strerror}.") from error
            except Exception as error:
                raise Failure(self._explained(error, provisioning)) from error
        self.provisioning = provisioning

    async def _open_store(self, provisioning: Provisioning) -> None:
        store = open_store.opened(self.config, create=False, opening=opening(provisioning))
        with suppress(Missing):  # it will be made at the start
            async with store:
                pass

    # What is done

    async def start(self, request: Request) -> str:
        """Start the service; answered when it is up."""
        body = _fields(request, restart=bool, clear_database=bool, time=int)
        if body.get("clear_database"):
            raise HTTPError(422, "a store is not cleared; name another one")
        if self.done.is_set():
            return "The KMS server is up"
        provisioning = replace(
            self.provisioning,
            restart=body.get("restart", False),
            time=self._time(body.get("time")),
        )
        self._check(provisioning)
        try:
            await self.launch(provisioning)
        except Exception as error:
            raise Failure(self._explained(error, provisioning)) from error
        self.provisioning = Provisioning()
        self.done.set()
        if provisioning.restart and not self.can_seal:
            return (
                "Starting the KMS server with warnings: this chip has no key to seal with, so a "
                "restart needs the operator"
            )
        return "Starting the KMS server"

    def _time(self, seconds: int | None) -> int:
        """The operator's time, or 0 where they gave none; in seconds since 1970.

        Raises:
            HTTPError: this machine's clock, which is its host's, is another one.
        """
        if seconds is None:
            return 0
        off = round(self.now().timestamp()) - seconds
        if abs(off) > MAX_STEP.total_seconds():
            raise HTTPError(
                422,
                f"this machine's clock is {abs(off)} s {'ahead of' if off > 0 else 'behind'} the "
                "operator's: certificates and dates would be judged by a wrong time",
            )
        return seconds

    def _check(self, provisioning: Provisioning) -> None:
        """Whether everything is there that a start needs, before it makes anything.

        Raises:
            HTTPError: something is missing.
            Failure: the identity does not open.
        """
        if provisioning.secret is None:
            raise HTTPError(422, "give the store's password or key file first")
        if not provisioning.client_ca and not self.config.insecure_allow_no_client_certificate:
            raise HTTPError(422, "give the authority of the KMIP clients' certificates first")
        if provisioning.pkcs12 is not None:
            tls.open_pkcs12(provisioning.pkcs12, provisioning.pkcs12_password)

    async def hand_over(self, provisioning: Provisioning, giver: str) -> bool:
        """Start the service with what another server hands over.

        Args:
            provisioning: what it hands over.
            giver: the other server's place, for the log.

        Returns:
            False where the operator has begun to give something themselves, or the service is up.

        Raises:
            Failure: the service does not start with it.
        """
        async with self._turn:
            self._expire()
            if self.done.is_set() or self.provisioning != Provisioning():
                return False
            try:
                self._check(provisioning)
                await self.launch(provisioning)
            except HTTPError as error:
                raise Failure(f"Something is missing: {error}.") from None
            except Exception as error:
                raise Failure(self._explained(error, provisioning)) from error
            self.done.set()
        self.lines.append(_written(giver, "another server", "hand-over: the service is up"))
        return True

    @property
    def is_operator_at_work(self) -> bool:
        """Whether the operator has given something, and the service is not up."""
        return self.provisioning != Provisioning() or self._turn.locked()

    async def show_log(self, request: Request) -> Response:
        """Who did what, the oldest first."""
        lines = sorted([*self.lines, *self.refused], key=lambda line: line["time"])
        return answer({"log": lines})

    def _explained(self, error: BaseException, provisioning: Provisioning) -> str:
        sentence = explanations.explain(error, described(self.config, provisioning))
        if sentence is not None:
            return sentence
        log.error("bootstrap: the service does not start", exc_info=error)
        return "The service does not start; its log says more."


def _line(request: Request, who: str, what: str) -> dict[str, str]:
    """A line of the log of who did what, which goes to the program's log too."""
    address = request.peer.address
    log.info("bootstrap: %s %s by %s from %s: %s", request.method, request.path, who, address, what)
    return _written(address, who, f"{request.method} {request.path}: {what}")


def _written(address: str, who: str, what: str) -> dict[str, str]:
    when = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"time": when, "from": address, "who": who, "what": what}


def _fields(request: Request, **kinds: type) -> dict[str, Any]:
    """The body's known fields, each of its type; an empty body has none."""
    body = request.json() if request.body else {}
    for name, value in body.items():
        if name not in kinds:
            raise HTTPError(422, f"{name[:64]!r} is not expected here")
        if value is not None and not isinstance(value, kinds[name]):
            raise HTTPError(422, f"{name} is of another type")
        if isinstance(value, str) and not _is_text(value):
            raise HTTPError(422, f"{name} has a character that no text has")
    return {name: value for name, value in body.items() if value is not None}


def _is_text(value: str) -> bool:
    """Without NUL, which ends a path, and without half a surrogate pair, which JSON can carry."""
    return "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)


def _text(request: Request) -> str:
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        raise HTTPError(400, "the body is not UTF-8") from None


def _file(request: Request) -> bytes:
    """The bytes of an upload: the body, or the part of a form that is a file."""
    content: object = request.body
    if request.content_type == "multipart/form-data":
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
        try:
            form = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
            files = (part for part in form.walk() if part.get_content_type() in FILE_TYPES)
            content = next((part.get_payload(decode=True) for part in files), None)
        except RecursionError:
            content = None
    if not isinstance(content, bytes) or not content:
        raise HTTPError(422, "there is no file in it (application/octet-stream)")
    return content
