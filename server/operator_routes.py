"""What the operator of a provisioned server does while it runs, at the port where it attests.

    POST /revocation-lists        PEM, or one in DER       lists of the clients' authorities
    GET  /revocation-lists                                 whose there are, and until when they hold
    POST /refused-certificates    {"add": [...], "remove": [...]}
    GET  /refused-certificates                             the entries, with their comments
    POST /tickets/end             {"client": "..."}        ends the tickets of a client
    POST /tokens/add              {"name": "...", "sha256": "...", "until": ...,
                                   "operations": null or [...], "replace": true}
                                                           lets in by an API token, at all servers
    POST /tokens/remove           {"name": "..."}
    GET  /tokens                                           names, ends and operations
    POST /policy                  TOML, or nothing         which servers may be given the same
    GET  /policy                                           the policy in force
    POST /users/add               {"kind": "user" or "device", "name": "...", "verifier": "...",
                                   "replace": true}        lets in by a password, at all servers
    POST /users/remove            {"kind": ..., "name": ...}
    GET  /users                                            the names, by kind

The operator is who provisioned the server, by the same credential: its digest is in the claims of
the service too, so that they verify the server before they send it, on that very connection. What
they say of certificates is kept in the store (`server.access.kept_rules`), holds at once, for
connections that are open and for tickets as well, and after a restart. Where the state of the store
is sealed, it is before the answer, so that no older one is taken at a restart. A server that takes
what it needs from its own disk has none of this: there files and commands do it.

One request is dealt with after the other, so that none undoes what another has given.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import trio
from cryptography import x509

from enclave.errors import InvalidPolicy
from enclave.policy import read_policy
from server.access import api_tokens, kept_rules, password_file
from server.access.api_tokens import MAX_DAYS, APIToken
from server.access.client_certificates import Chain, Rules
from server.access.kept_rules import KeptRules
from server.access.kept_tokens import KeptTokens
from server.access.kept_users import KeptUsers
from server.access.password_file import Kind
from server.long_steps import LOOP_BYTES, stepped
from server.objects.refreshing import refresh
from server.peers import kept_policy
from server.setup import explanations
from server.setup.failure import Failure
from server.state import Server
from server.transport.admission import Admission, Judge
from server.transport.followed_rules import FollowedRules
from server.transport.handshake import Stream
from server.transport.http import HTTPError, Request, Response, Route, Routes, answer
from storage import StorageError

log: Final = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1 << 20
"""Revocation lists of some twenty-five thousand certificates."""
MAX_NAME_CHARACTERS: Final = 1024
MAX_VERIFIER_CHARACTERS: Final = 512
"""Of a verifier in PHC string format; ours have a hundred."""


class OperatorAccess(Protocol):
    """Who the operator is; `server.bootstrap.operator` knows."""

    def admit(self, context: ssl.SSLContext) -> None:
        """Ask clients for a certificate, and take the operator's."""

    def owns(self, certificate: bytes) -> bool:
        """Whether a certificate, DER, is the operator's."""

    def check(self, request: Request) -> str:
        """Who is asking, for the log.

        Raises:
            HTTPError: not the operator.
        """


class OperatorOrClient:
    """Who comes in at a port that takes clients of KMIP, where the operator comes in as well.

    The operator's certificate need not be of an authority of the clients', and whoever shows it is
    no client: nothing belongs to its name.

    Args:
        access: says who is the operator.
        clients: says what clients come in.
        now: the clock, with a time zone.
    """

    def __init__(self, access: OperatorAccess, clients: Judge, now: Callable[[], datetime]) -> None:
        self._access = access
        self._clients = clients
        self._now = now
        self.context = clients.context
        self.open_while_accepted = clients.open_while_accepted
        access.admit(self.context)

    def accepted(self, stream: Stream, context: ssl.SSLContext) -> Chain | None:
        """See `server.transport.admission.Judge`."""
        certificate = stream.getpeercert(True)
        if certificate is None or not self._access.owns(certificate):
            return self._clients.accepted(stream, context)
        parsed = x509.load_der_x509_certificate(certificate)
        Rules((parsed,)).check((parsed,), self._now())
        return None


@dataclass(slots=True)
class OperatorRoutes:
    """The routes of a server that runs.

    Attributes:
        server: has the store and the tickets.
        followed: takes what is kept.
        admission: judges clients' certificates.
        access: says who is the operator.
        seal: seals the state of the store now.
    """

    server: Server
    followed: FollowedRules
    admission: Admission
    access: OperatorAccess
    seal: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    _turn: trio.Lock = field(default_factory=trio.Lock)

    @property
    def routes(self) -> Routes:
        """Each admits the operator alone."""
        rows = {
            ("POST", "/revocation-lists"): (self.give_lists, MAX_BODY_BYTES),
            ("GET", "/revocation-lists"): (self.show_lists, 0),
            ("POST", "/refused-certificates"): (self.refuse, MAX_BODY_BYTES),
            ("GET", "/refused-certificates"): (self.show_refused, 0),
            ("POST", "/tickets/end"): (self.end_tickets, MAX_BODY_BYTES),
            ("POST", "/tokens/add"): (self.add_token, MAX_BODY_BYTES),
            ("POST", "/tokens/remove"): (self.remove_token, MAX_BODY_BYTES),
            ("GET", "/tokens"): (self.show_tokens, 0),
            ("POST", "/policy"): (self.give_policy, MAX_BODY_BYTES),
            ("GET", "/policy"): (self.show_policy, 0),
            ("POST", "/users/add"): (self.add_user, MAX_BODY_BYTES),
            ("POST", "/users/remove"): (self.remove_user, MAX_BODY_BYTES),
            ("GET", "/users"): (self.show_users, 0),
        }
        return {
            row: Route(self._in_turn(handler), size, self.access.check)
            for row, (handler, size) in rows.items()
        }

    def _in_turn(
        self, handler: Callable[[Request], Awaitable[dict[str, Any]]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler that waits for its turn, with a line in the log for what it does."""

        async def in_turn(request: Request) -> Response:
            async with self._turn:
                try:
                    await refresh(self.server.store)
                    fields = await handler(request)
                except (Failure, StorageError) as error:
                    sentence = explanations.explain(error, self.server.config) or str(error)
                    _note(request, sentence)
                    raise HTTPError(422, sentence) from None
            _note(request, str(fields.get("success", "shown")))
            return answer(fields)

        return in_turn

    async def give_lists(self, request: Request) -> dict[str, Any]:
        """Revocation lists, in place of older ones of the same authorities."""
        before = await kept_rules.read(self.server.store)
        is_long = len(request.body) > LOOP_BYTES
        await self._take(await stepped(is_long, before.with_lists, request.body))
        return {"success": "Revocation lists received"}

    async def show_lists(self, request: Request) -> dict[str, Any]:
        """Whose lists there are."""
        kept = await kept_rules.read(self.server.store)
        rows = [
            {
                "issuer": each.issuer.rfc4514_string(),
                "next_update": each.next_update.isoformat(),
                "revoked": len(each.serial_numbers),
            }
            for each in kept.lists
        ]
        return {"revocation_lists": rows}

    async def refuse(self, request: Request) -> dict[str, Any]:
        """Certificates to be refused, or not any more."""
        added, removed = refusals_in(request)
        before = await kept_rules.read(self.server.store)
        kept = before.without_refused(removed).with_refused(added)
        await self._take(kept)
        changed = len(before.refused.keys() ^ kept.refused.keys())
        return {"success": f"Refused certificates: {len(kept.refused)}, of which {changed} changed"}

    async def show_refused(self, request: Request) -> dict[str, Any]:
        """The certificates that are refused."""
        kept = await kept_rules.read(self.server.store)
        return {"refused": list(kept.refused.values())}

    async def end_tickets(self, request: Request) -> dict[str, Any]:
        """End the tickets that a client has been given up to now."""
        client = request.json().get("client")
        if not isinstance(client, str) or not 0 < len(client) <= MAX_NAME_CHARACTERS:
            raise HTTPError(422, "client is missing, or not a client's name")
        with trio.CancelScope(shield=True):
            await self.server.tickets.end_all(client)
            await self.seal()
        return {"success": "The tickets that the client has been given up to now are over"}

    async def give_policy(self, request: Request) -> dict[str, Any]:
        """Which servers may be given the same from now on, by every server on the store."""
        policy = policy_in(request)
        with trio.CancelScope(shield=True):
            await kept_policy.write(self.server.store, policy)
            await self.seal()
        if not policy:
            return {"success": "From now on nothing is handed over to any server"}
        if not self.server.store.is_shared:
            return {"success": "Policy received, of no use here: the store serves one server only"}
        if not self.server.config.peer_address:
            return {"success": "Policy received; this server has no peer_address to hand over at"}
        return {"success": "Policy received"}

    async def show_policy(self, request: Request) -> dict[str, Any]:
        """The policy in force; empty where nothing is handed over."""
        await self.server.store.refresh()
        return {"policy": await kept_policy.read(self.server.store)}

    async def add_user(self, request: Request) -> dict[str, Any]:
        """Let a user or a device in by a password, of which the verifier comes."""
        fields = request.json()
        kind, name = _user_in(fields)
        verifier, replace = fields.get("verifier"), fields.get("replace", False)
        if (
            not isinstance(verifier, str)
            or len(verifier) > MAX_VERIFIER_CHARACTERS
            or not password_file.can_be_paid(verifier)
            or not isinstance(replace, bool)
        ):
            raise HTTPError(422, "verifier is missing, or none that a server takes")
        with trio.CancelScope(shield=True):
            await KeptUsers(self.server.store).add(kind, name, verifier, replace=replace)
            await self.seal()
        return {"success": f"The {kind} {name!a} may identify by a password"}

    async def remove_user(self, request: Request) -> dict[str, Any]:
        """Do not let a user or a device in any more."""
        kind, name = _user_in(request.json())
        with trio.CancelScope(shield=True):
            await KeptUsers(self.server.store).remove(kind, name)
            await self.seal()
        return {"success": f"The {kind} {name!a} may not identify any more"}

    async def show_users(self, request: Request) -> dict[str, Any]:
        """The users and devices that are in the store."""
        users = KeptUsers(self.server.store)
        return {kind.value: await users.names(kind) for kind in Kind}

    async def add_token(self, request: Request) -> dict[str, Any]:
        """Let a client in by an API token, of which the hash comes."""
        fields = request.json()
        token, replace = _token_in(fields, self.server.clock()), fields.get("replace", False)
        if not isinstance(replace, bool):
            raise HTTPError(422, "replace is true or false")
        with trio.CancelScope(shield=True):
            await KeptTokens(self.server.store).add(token, replace=replace)
            await self.seal()
        return {"success": f"The token {token.name!a} is taken"}

    async def remove_token(self, request: Request) -> dict[str, Any]:
        """Do not take an API token any more."""
        name = _name_in(request.json())
        with trio.CancelScope(shield=True):
            await KeptTokens(self.server.store).remove(name)
            await self.seal()
        return {"success": f"The token {name!a} is not taken any more"}

    async def show_tokens(self, request: Request) -> dict[str, Any]:
        """The API tokens, without their hashes."""
        rows = {}
        for token in await KeptTokens(self.server.store).all():
            rows[token.name] = api_tokens.row_of(token)
            del rows[token.name]["sha256"]
        return {"tokens": rows}

    async def _take(self, kept: KeptRules) -> None:
        """Keep what the operator said, and judge by it from now on.

        What is kept holds at once, whether or not the operator waits for the answer.

        Raises:
            Failure: it cannot be used, or forgets something.
            StorageError: it cannot be kept; nothing has changed.
        """
        authorities = self.admission.reading.rules.authorities
        rules = kept.rules(authorities)
        rules.check_follows(self.admission.reading.rules)
        rules.revoked.check_signed(authorities)
        with trio.CancelScope(shield=True):
            await kept_rules.write(self.server.store, kept)
            await self.followed.follow()
            await self.seal()


def policy_in(request: Request) -> str:
    """The policy that is a request's body; empty where there is none.

    Raises:
        HTTPError: it cannot be used.
    """
    try:
        text = request.body.decode()
        if text:
            read_policy(text)
    except UnicodeDecodeError:
        raise HTTPError(400, "the body is not UTF-8") from None
    except InvalidPolicy as error:
        raise HTTPError(422, f"the policy cannot be used: {error}") from None
    return text


def refusals_in(request: Request) -> tuple[list[str], list[str]]:
    """The entries to be added and to be removed, as a request has them.

    Raises:
        HTTPError: it has others, or none.
    """
    body = request.json()
    added, removed = body.pop("add", []), body.pop("remove", [])
    for entries in (added, removed):
        if not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
            raise HTTPError(422, "add and remove are lists of texts")
    if body or not (added or removed):
        raise HTTPError(422, "add and remove are expected, and nothing else")
    return added, removed


def _user_in(fields: dict[str, Any]) -> tuple[Kind, str]:
    """Whom a request names.

    Raises:
        HTTPError: nobody that there can be.
    """
    kind, name = fields.get("kind"), fields.get("name")
    if kind not in list(Kind) or not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
        raise HTTPError(422, "kind is user or device, and name a name")
    return Kind(kind), name


def _name_in(fields: dict[str, Any]) -> str:
    """The name of a token, as a request has it.

    Raises:
        HTTPError: there is none.
    """
    name = fields.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise HTTPError(422, "name is missing, or no name")
    return name


def _token_in(fields: dict[str, Any], now: float) -> APIToken:
    """The token that a request tells of.

    Raises:
        HTTPError: it tells of none, or of one that ends too late.
    """
    try:
        token = api_tokens.token_of(_name_in(fields), {**fields, "since": int(now)})
    except (ValueError, KeyError, TypeError, OverflowError):
        raise HTTPError(422, "sha256, until and operations are not those of a token") from None
    if not now < token.until <= now + MAX_DAYS * 86_400:
        raise HTTPError(422, f"a token ends within {MAX_DAYS} days")
    return token


def _note(request: Request, what: str) -> None:
    """A line in the log for what the operator did."""
    who = f"{request.who} from {request.peer.address}"
    log.info("operator: %s %s by %s: %s", request.method, request.path, who, what)
