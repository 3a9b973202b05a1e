"""A provisioned server that runs, and its operator: real TLS, a real store, a simulated chip."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from enclave.claims import Role
from enclave.client import AttestedConnection, client_context
from kmip.enums import CredentialType, Operation, ResultReason
from kmip.messages import (
    Authentication,
    Credential,
    Ticket,
    TicketCredential,
    UsernameAndPassword,
)
from kmip.versions import V2_1
from server.access import api_tokens
from server.access.client_certificates import NotAccepted, Rules
from server.access.password_file import Cost
from server.access.refused_certificates import entry_of
from server.bootstrap.operator import OperatorAccess
from server.commands import attested_server
from server.operator_routes import OperatorRoutes
from server.setup import sealed_head
from server.state import Server
from server.transport.acceptor import Peer
from server.transport.admission import Admission, Reading
from server.transport.followed_rules import FollowedRules
from server.transport.http import Request
from storage import SealedStore
from tests.e2e.program import Remote
from tests.server.access.authorities import DAY, NOW, PEM, Issuer
from tests.server.conftest import Failed
from tests.server.unprovisioned_server import (
    MINE,
    InProcessServer,
    certificate,
    configured,
    give,
    pem,
    running,
    software,
)

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
ROOT = Issuer.root("authority")
ALICE, BOB = ROOT.client("alice"), ROOT.client("bob")
REFUSED, LISTS, TICKETS = "/refused-certificates", "/revocation-lists", "/tickets/end"
USERS = "/users"
QUICK = Cost(memory_kib=8, iterations=1, lanes=1)
COSTLY = "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"
TOKENS = "/tokens"


def published(*revoked: Issuer, start=NOW - DAY) -> bytes:
    return ROOT.revocations(revoked, start=start).public_bytes(PEM)


@dataclass
class Running:
    """A provisioned server that runs."""

    one: InProcessServer
    directory: Path

    @asynccontextmanager
    async def operator(self, **more: Any) -> AsyncIterator[AttestedConnection]:
        up = await self.one.until_up()
        port = int(up.https[0].rpartition(":")[2])
        async with self.one.connected(port, Role.API, **more) as connection:
            yield connection

    async def sent(self, path: str, body: bytes | dict[str, Any] = b"") -> tuple[int, Any]:
        async with self.operator() as connection:
            return await give(connection, path, body)

    async def status_with(self, token: str) -> int:
        """Of a request for the version with a bearer token."""
        async with self.operator() as connection:
            headers = {"Authorization": f"Bearer {token}"}
            return (await attested_server.ask(connection, "GET", "/version", b"", headers)).status

    async def displays(self, path: str) -> Any:
        async with self.operator() as connection:
            answer = await attested_server.ask(connection, "GET", path, headers=MINE)
        assert answer.status == 200
        return answer.json()

    @asynccontextmanager
    async def client(self, holder: Issuer) -> AsyncIterator[Remote]:
        up = await self.one.until_up()
        file = self.directory / "pair.pem"
        file.write_bytes(holder.pair)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(file)
        tcp = await trio.open_tcp_stream("127.0.0.1", int(up.kmip[0].rpartition(":")[2]))
        stream = trio.SSLStream(tcp, context)
        try:
            await stream.do_handshake()
            yield Remote(None, None, V2_1, stream=stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def lets_in(self, holder: Issuer) -> bool:
        try:
            async with self.client(holder) as ask:
                await ask(Operation.QUERY, query_function=())
        except (trio.BrokenResourceError, ssl.SSLError):
            return False
        return True


@asynccontextmanager
async def provisioned(
    tmp_path: Path, *provided: tuple[str, bytes | dict[str, Any]], **settings: Any
) -> AsyncIterator[Running]:
    """A server that its operator has provisioned, now or before, and may restart."""
    async with running(configured(tmp_path / "data", **settings), software()) as one:
        if not (tmp_path / "data" / "provisioning.sealed").exists():
            async with one.waiting() as connection:
                for path, body in (("/key-file", KEY), ("/client-ca", ROOT.pem), *provided):
                    assert (await give(connection, path, body))[0] == 200
                status, said = await give(connection, "/start", {"restart": True})
                assert status == 200, said
        await one.until_up()
        yield Running(one, tmp_path)


async def until_ended(ask: Remote) -> None:
    while True:
        await ask(Operation.QUERY, query_function=())


async def test_a_refused_certificate_stays_out_over_a_restart(tmp_path: Path):
    entry = entry_of(ALICE.certificate)
    async with provisioned(tmp_path) as server:
        async with server.client(ALICE) as ask:
            await ask(Operation.QUERY, query_function=())
            line = f"{entry}  # CN=alice"
            assert (await server.sent(REFUSED, {"add": [line]}))[0] == 200
            with pytest.raises(trio.BrokenResourceError):
                await until_ended(ask)
        assert (await server.lets_in(ALICE), await server.lets_in(BOB)) == (False, True)
        assert await server.displays(REFUSED) == {"refused": [line]}
    async with provisioned(tmp_path) as server:
        assert server.one.waits == [], "from sealed provisioning"
        assert (await server.lets_in(ALICE), await server.lets_in(BOB)) == (False, True)
        assert (await server.sent(REFUSED, {"remove": [entry]}))[0] == 200
        assert await server.lets_in(ALICE)
    async with provisioned(tmp_path) as server:
        assert await server.lets_in(ALICE)


async def test_lists_come_at_the_bootstrap_and_are_renewed_while_it_runs(tmp_path: Path):
    older, newer = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    async with provisioned(tmp_path, (LISTS, published(ALICE, start=older))) as server:
        assert (await server.lets_in(ALICE), await server.lets_in(BOB)) == (False, True)
        assert (await server.sent(LISTS, published(ALICE, BOB, start=newer)))[0] == 200
        assert not await server.lets_in(BOB)
        status, said = await server.sent(LISTS, published(start=older))
        assert (status, "older than the one before" in said["error"]) == (422, True)
        (row,) = (await server.displays(LISTS))["revocation_lists"]
        assert (row["issuer"], row["revoked"]) == ("CN=authority", 2)
    async with provisioned(tmp_path) as server:
        assert not await server.lets_in(BOB), "what was given first does not come back"


async def test_what_the_store_knows_is_not_forgotten_at_a_new_bootstrap(tmp_path: Path):
    entry = entry_of(BOB.certificate)
    provided = ((REFUSED, {"add": [entry]}), (LISTS, published(ALICE)))
    async with provisioned(tmp_path, *provided) as server:
        assert (await server.lets_in(ALICE), await server.lets_in(BOB)) == (False, False)
    (tmp_path / "data" / "provisioning.sealed").unlink()
    async with provisioned(tmp_path) as server:
        assert server.one.waits
        assert (await server.lets_in(ALICE), await server.lets_in(BOB)) == (False, False)


async def test_a_list_that_its_authority_has_not_signed_is_told(tmp_path: Path):
    forged = Issuer.root("authority").revocations([ALICE]).public_bytes(PEM)
    async with running(configured(tmp_path / "data"), software()) as one:
        async with one.waiting() as connection:
            for path, body in (("/key-file", KEY), ("/client-ca", ROOT.pem), (LISTS, forged)):
                assert (await give(connection, path, body))[0] == 200
            status, said = await give(connection, "/start")
            assert (status, "is not signed by it" in said["error"]) == (422, True)
            assert (await give(connection, LISTS, published()))[0] == 200
            assert (await give(connection, "/start"))[0] == 200
        server = Running(one, tmp_path)
        status, said = await server.sent(LISTS, forged)
        assert (status, "is not signed by it" in said["error"]) == (422, True)
        assert await server.lets_in(ALICE)


async def test_the_tickets_of_a_client_are_ended(tmp_path: Path):
    async with provisioned(tmp_path) as server, server.client(ALICE) as alice:
        ticket = (await alice(Operation.LOGIN)).ticket
        async with server.client(BOB) as bob:
            await shows(bob, ticket)
            assert (await server.sent(TICKETS, {"client": "alice"}))[0] == 200
            with pytest.raises(Failed) as failure:
                await shows(bob, ticket)
            assert failure.value.reason == ResultReason.INVALID_TICKET


async def test_users_and_devices_come_and_go_over_a_restart(tmp_path: Path):
    fred = {"kind": "user", "name": "fred"}
    async with provisioned(tmp_path) as server, server.client(ALICE) as alice:
        assert await server.displays(USERS) == {"user": [], "device": []}
        for path, body, expected in (
            (f"{USERS}/add", {**fred, "verifier": QUICK.verifier("secret")}, 200),
            (f"{USERS}/add", {**fred, "verifier": QUICK.verifier("another")}, 422),
            (f"{USERS}/add", {**fred, "verifier": QUICK.verifier("new"), "replace": True}, 200),
            (f"{USERS}/add", {**fred, "verifier": "no verifier"}, 422),
            (f"{USERS}/add", {**fred, "verifier": 7}, 422),
            (f"{USERS}/add", {**fred, "verifier": COSTLY}, 422),
            (f"{USERS}/add", {**fred, "verifier": QUICK.verifier("x"), "replace": 1}, 422),
            (f"{USERS}/add", {"kind": "client", "name": "x"}, 422),
            (f"{USERS}/add", {"kind": ["user"], "name": "x"}, 422),
            (f"{USERS}/remove", {"kind": "user"}, 422),
            (f"{USERS}/remove", {"kind": "user", "name": "x" * 2000}, 422),
            (f"{USERS}/remove", {"kind": "device", "name": "fred"}, 422),
        ):
            assert (await server.sent(path, body))[0] == expected, body
        assert await server.displays(USERS) == {"user": ["fred"], "device": []}
        await proves(alice, "fred", "new")
        with pytest.raises(Failed):
            await proves(alice, "fred", "secret")
    async with provisioned(tmp_path) as server, server.client(ALICE) as alice:
        assert server.one.waits == [], "from sealed provisioning"
        await proves(alice, "fred", "new")
        other = {"kind": "user", "name": "other", "verifier": QUICK.verifier("x")}
        assert (await server.sent(f"{USERS}/add", other))[0] == 200
        assert (await server.sent(f"{USERS}/remove", fred))[0] == 200
        with pytest.raises(Failed):
            await proves(alice, "fred", "new")


async def proves(ask: Remote, name: str, password: str) -> None:
    """Show a name and a password in a request."""
    value = UsernameAndPassword(username=name, password=password)
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD, credential_value=value
    )
    await presents(ask, credential)


async def test_a_ticket_ends_with_the_certificate_that_it_was_given_for(tmp_path: Path):
    async with provisioned(tmp_path) as server:
        async with server.client(ALICE) as alice:
            ticket = (await alice(Operation.LOGIN)).ticket
        async with server.client(BOB) as bob:
            await shows(bob, ticket)
            assert (await server.sent(LISTS, published(ALICE)))[0] == 200
            with pytest.raises(Failed) as failure:
                await shows(bob, ticket)
            assert failure.value.reason == ResultReason.INVALID_TICKET


def now() -> float:
    return datetime.now(UTC).timestamp()


async def test_an_api_token_is_taken_at_once_and_until_it_is_removed(tmp_path: Path):
    text, token = api_tokens.new("app", now(), 1, api_tokens.READ_ONLY)
    row = {"name": "app", **api_tokens.row_of(token)}
    async with provisioned(tmp_path) as server:
        assert await server.status_with(text) == 401
        assert (await server.sent(f"{TOKENS}/add", row))[0] == 200
        assert await server.status_with(text) == 200
        assert (await server.sent(f"{TOKENS}/add", row))[0] == 422
        rows = (await server.displays(TOKENS))["tokens"]
        assert list(rows) == ["app"]
        assert "sha256" not in rows["app"]
    async with provisioned(tmp_path) as server:
        assert await server.status_with(text) == 200, "also after a restart"
        assert (await server.sent(f"{TOKENS}/remove", {"name": "app"}))[0] == 200
        assert await server.status_with(text) == 401
        assert (await server.sent(f"{TOKENS}/remove", {"name": "app"}))[0] == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "00"},
        {"sha256": None},
        {"until": 0},
        {"until": 1 << 40},
        {"until": "x"},
        {"operations": ["Fetch"]},
        {"operations": 1},
        {"name": ""},
        {"name": "user:x"},
        {"replace": 1},
    ],
)
async def test_what_is_no_token_is_refused(tmp_path: Path, wrong: dict[str, Any]):
    _, token = api_tokens.new("app", now(), 1)
    async with provisioned(tmp_path) as server:
        row = {"name": "app", **api_tokens.row_of(token), **wrong}
        assert (await server.sent(f"{TOKENS}/add", row))[0] == 422
        assert (await server.displays(TOKENS))["tokens"] == {}


async def test_a_disk_s_tokens_are_nobody_s(tmp_path: Path):
    (tmp_path / "data").mkdir(mode=0o700)
    text = api_tokens.add(tmp_path / "data" / "tokens.json", "host", now(), 1)
    async with provisioned(tmp_path) as server:
        assert await server.status_with(text) == 401


async def shows(ask: Remote, ticket: Ticket) -> None:
    credential = Credential(
        credential_type=CredentialType.TICKET, credential_value=TicketCredential(ticket=ticket)
    )
    await presents(ask, credential)


async def presents(ask: Remote, credential: Credential) -> None:
    header = {"authentication": Authentication(credential=(credential,))}
    answer = await ask.message(ask.item(Operation.QUERY, query_function=()), **header)
    (item,) = answer.batch_item
    if item.result_reason is not None:
        raise Failed(item)


@pytest.mark.parametrize(
    "path",
    [REFUSED, LISTS, TICKETS]
    + [f"{each}/{change}" for each in (USERS, TOKENS) for change in ("add", "remove")],
)
async def test_nobody_but_the_operator_is_heard(tmp_path: Path, path: str):
    async with provisioned(tmp_path) as server:
        for headers in ({}, {"Authorization": "Bearer " + "w" * 64}):
            async with server.operator() as connection:
                answer = await attested_server.ask(connection, "POST", path, b"{}", headers)
                assert answer.status == 401


async def test_an_operator_with_a_certificate_is_heard_by_it(tmp_path: Path):
    key, own = certificate(name="operator")
    operator = tmp_path / "operator.pem"
    operator.write_bytes(pem(own))
    async with provisioned(tmp_path, bootstrap_operator_certificate=operator) as server:
        context = client_context()
        pair = tmp_path / "operator-pair.pem"
        pair.write_bytes(pem(own) + key_pem(key))
        context.load_cert_chain(pair)
        async with server.operator(context=context) as connection:
            answer = await attested_server.ask(connection, "GET", REFUSED)
            assert (answer.status, answer.json()) == (200, {"refused": []})
            message = {"Content-Type": "application/octet-stream"}
            answer = await attested_server.ask(connection, "POST", "/kmip", b"x", message)
            assert answer.status == 401, "whoever is the operator is no client of that name"


async def test_clients_and_strangers_at_that_port_are_judged_as_before(tmp_path: Path):
    _, own = certificate(name="operator")
    operator = tmp_path / "operator.pem"
    operator.write_bytes(pem(own))
    async with provisioned(tmp_path, bootstrap_operator_certificate=operator) as server:
        message = {"Content-Type": "application/octet-stream"}
        for holder, status in ((ALICE, 200), (BOB, 200)):
            (tmp_path / "holder.pem").write_bytes(holder.pair)
            context = client_context()
            context.load_cert_chain(tmp_path / "holder.pem")
            async with server.operator(context=context) as connection:
                answer = await attested_server.ask(connection, "POST", "/kmip", b"x", message)
                assert answer.status == status
                answer = await attested_server.ask(connection, "GET", REFUSED)
                assert answer.status == 401


def key_pem(key: Any) -> bytes:
    return Issuer(ROOT.certificate, key).pair.split(b"-----END CERTIFICATE-----\n")[1]


@pytest.mark.parametrize(
    "path, body",
    [
        (REFUSED, {"add": ["alice"]}),
        (REFUSED, {"add": "serial:1"}),
        (REFUSED, {"remove": ["serial:1"]}),
        (REFUSED, {"drop": []}),
        (REFUSED, {}),
        (LISTS, b"list"),
        (TICKETS, {}),
        (TICKETS, {"client": 1}),
        (TICKETS, {"client": "x" * 1025}),
        (TICKETS, {"client": ""}),
    ],
)
async def test_what_cannot_be_used_is_told_and_changes_nothing(
    tmp_path: Path, path: str, body: bytes | dict[str, Any]
):
    async with provisioned(tmp_path) as server:
        status, said = await server.sent(path, body)
        assert (status, bool(said["error"])) == (422, True)
        assert await server.displays(REFUSED) == {"refused": []}


async def test_the_state_of_the_store_is_sealed_before_the_answer(tmp_path: Path):
    """Else a host could bring back the store as it was before, by a kill within seconds."""
    sealed = tmp_path / "data" / sealed_head.FILE_NAME
    async with provisioned(tmp_path) as server:
        before = sealed.read_bytes()
        assert (await server.sent(REFUSED, {"add": ["serial:1"]}))[0] == 200
        assert sealed.read_bytes() != before


class Leaving:
    """A store whose caller has left before a commit is done."""

    def __init__(self, store: SealedStore, scope: trio.CancelScope) -> None:
        self._store, self._scope = store, scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, changes: Any) -> None:
        await self._store.commit(changes)
        self._scope.cancel()
        await trio.lowlevel.checkpoint()


async def test_what_is_kept_holds_although_the_operator_has_left(server: Server):
    """Else it would hold from the next restart on only, and nobody would have been told."""
    read = Reading(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Rules((ROOT.certificate,)))
    admission = Admission(lambda: read, lambda: NOW)
    sealed = trio.Event()

    async def seal() -> None:
        sealed.set()

    with trio.CancelScope() as scope:
        server.store = Leaving(server.store, scope)  # type: ignore[assignment]
        followed = FollowedRules(server.store, admission)
        routes = OperatorRoutes(server, followed, admission, OperatorAccess(None, None), seal)
        body = json.dumps({"add": [entry_of(ALICE.certificate)]}).encode()
        await routes.refuse(Request("POST", REFUSED, {}, {}, body, Peer("", None, None)))
    assert sealed.is_set()
    with pytest.raises(NotAccepted, match="refused"):
        admission.checked((ALICE.certificate, ROOT.certificate))
