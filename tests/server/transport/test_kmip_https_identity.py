"""Who comes in at the HTTPS port: certificates, bearer tokens, credentials in the message."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from typing import Any

import h11
import pytest
import trio
from cryptography import x509

from kmip.encodings import ttlv
from kmip.enums import (
    CredentialType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.messages import (
    Authentication,
    RequestHeader,
    RequestMessage,
    ResponseMessage,
    Ticket,
    TicketCredential,
)
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from kmip.versions import V2_1
from server.access import api_tokens
from server.access.api_tokens import READ_ONLY
from server.access.client import Client, of_certificate
from server.access.jwt_issuers import JWTIssuers
from server.access.password_file import Kind, add
from server.access.replaced_certificates import FETCH_SECONDS
from server.access.users import Users
from server.requests import audit
from server.sessions import address_guesses, lockout
from server.setup import audit_trail
from server.state import Server
from server.transport.acceptor import Peer
from tests.kmip.encodings import test_ckms as ckms_requests
from tests.server import samples
from tests.server.access.issuer import NAME, issuer
from tests.server.access.issuer import token as jwt
from tests.server.conftest import NOW, Clock, InProcessClient
from tests.server.requests.test_authentication import QUICK, credential, user
from tests.server.transport.test_kmip_https import ALICE, NOBODY, HTTPClient, header

WRONG = ResultReason.AUTHENTICATION_NOT_SUCCESSFUL
OTHER = Peer("192.0.2.2", None, None)


class Caller:
    """Sends messages of one operation over HTTPS, each on a connection of its own."""

    def __init__(self, server: Server, nursery: trio.Nursery, peer: Peer = NOBODY) -> None:
        self.server, self.nursery, self.peer = server, nursery, peer
        self.payloads = InProcessClient(server, None)

    async def __call__(
        self, operation: Operation, authorization: str = "", *credentials: Any, **fields: Any
    ) -> Any:
        """The status of HTTP where it is not 200; else the answer's batch item."""
        item = self.payloads.item(operation, **fields)
        authentication = Authentication(credential=credentials) if credentials else None
        message = ttlv.encode(sent(item, authentication))
        more = {"Authorization": authorization} if authorization else {}
        client = HTTPClient(self.server, self.nursery, self.peer)
        await client.send(message, **more)
        head, body = await client.response()
        if head.status_code != 200:
            return head.status_code
        (answered,) = from_item(ttlv.decode(body), ResponseMessage, V2_1).batch_item
        return answered


def sent(item: Any, authentication: Authentication | None) -> Any:
    head = RequestHeader(protocol_version=V2_1, batch_count=1, authentication=authentication)
    return to_item(
        RequestMessage(request_header=head, batch_item=(item,)), Tag.REQUEST_MESSAGE, V2_1
    )


@pytest.fixture
def call(server: Server, nursery) -> Caller:
    return Caller(server, nursery)


def token_of(server: Server, name: str = "backup", **more: Any) -> str:
    return "Bearer " + api_tokens.add(server.config.api_tokens_file, name, NOW, 1, **more)


def with_passwords(server: Server) -> None:
    server.config = replace(server.config, allow_credentials_over_https=True)
    add(server.config.users_file, Kind.USER, "bob", "hunter2", cost=QUICK)
    server.users = Users(server.config.users_file, QUICK)


# Nothing


@pytest.mark.parametrize("path", ["/kmip", "/kmip/2_1"])
async def test_who_shows_nothing_is_told_what_would_be_taken(server: Server, nursery, path: str):
    head, body = await HTTPClient(server, nursery, NOBODY).post_to(path, b"{}")
    assert head.status_code == 401
    assert header(head, "WWW-Authenticate") == 'Bearer realm="strongroom"'
    assert b"certificate or a bearer token" in body


@pytest.mark.parametrize(
    "authorization", ["Basic YTpi", "Bearer", "Bearer a b", "Bearerx y", "x", "Negotiate x"]
)
async def test_what_is_no_token_lets_nobody_in(call: Caller, authorization: str):
    token_of(call.server)
    assert await call(Operation.QUERY, authorization) == 401


# API tokens


async def test_a_token_is_a_client_of_its_own(server: Server, nursery, ask: InProcessClient):
    call = Caller(server, nursery)
    authorization = token_of(server)
    made = await call(Operation.CREATE, authorization, **aes())
    assert made.result_status == ResultStatus.SUCCESS
    for name, found in (("token:backup", 1), ("backup", 0), ("name:backup", 0), ("alice", 0)):
        located = await InProcessClient(server, Client(name))(Operation.LOCATE)
        assert len(located.unique_identifier) == found, name


def aes() -> dict[str, Any]:
    return {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": samples.aes()}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_the_same_in_any_case(call: Caller, scheme: str):
    token = token_of(call.server).removeprefix("Bearer ")
    answered = await call(Operation.QUERY, f"{scheme} {token}")
    assert answered.result_status == ResultStatus.SUCCESS


async def test_a_certificate_s_name_is_never_a_token_s():
    subject = {"subject": ((("commonName", "token:backup"),),)}
    client = of_certificate(subject, b"certificate")
    assert client is not None
    assert client.name == "name:token:backup"


async def test_the_token_counts_and_not_the_certificate(server: Server, nursery):
    call = Caller(server, nursery, ALICE)
    await call(Operation.CREATE, token_of(server), **aes())
    assert (
        await InProcessClient(server, Client("alice"))(Operation.LOCATE)
    ).unique_identifier == ()


async def test_a_wrong_token_is_refused_although_the_certificate_holds(server: Server, nursery):
    call = Caller(server, nursery, ALICE)
    wrong = "Bearer strongroom-" + "x" * 43
    assert (await call(Operation.QUERY, wrong)).result_status == ResultStatus.SUCCESS  # none taken
    token_of(server)
    assert await call(Operation.QUERY, wrong) == 401


async def test_a_refused_token_is_named_in_the_challenge_and_nowhere_else(
    server: Server, nursery, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    token_of(server)
    secret = "strongroom-" + "x" * 43
    client = HTTPClient(server, nursery, NOBODY)
    await client.send(b"", Authorization=f"Bearer {secret}")
    head, body = await client.response()
    assert head.status_code == 401
    assert header(head, "WWW-Authenticate") == 'Bearer realm="strongroom", error="invalid_token"'
    assert secret.encode() not in body
    assert "was refused" in caplog.text
    assert secret not in caplog.text


async def test_nothing_is_written_of_a_token_that_is_taken(
    server: Server, nursery, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    lines = io.StringIO()
    call = Caller(server, nursery)
    authorization = token_of(server)
    audit.send_to(audit_trail.trail("stderr", lines))
    try:
        await call(Operation.CREATE, authorization, **aes())
    finally:
        audit.send_to(audit_trail.trail("none"))
    written = caplog.text + lines.getvalue()
    assert '"client": "token:backup", "how": "token"' in written
    assert authorization.removeprefix("Bearer strongroom-") not in written


async def test_one_that_was_removed_is_refused_on_a_connection_that_is_open(
    server: Server, nursery
):
    authorization = token_of(server)
    client = HTTPClient(server, nursery, NOBODY)
    message = ttlv.encode(sent(InProcessClient(server, None).item(Operation.QUERY), None))
    await client.send(message, Authorization=authorization)
    assert (await client.response())[0].status_code == 200
    api_tokens.remove(server.config.api_tokens_file, "backup")
    await client.send(message, Authorization=authorization)
    assert (await client.response())[0].status_code == 401


async def test_one_that_was_removed_while_the_message_came_is_refused(server: Server, nursery):
    authorization = token_of(server)
    client = HTTPClient(server, nursery, NOBODY)
    message = ttlv.encode(sent(InProcessClient(server, None).item(Operation.QUERY), None))
    await client.send(message, Authorization=authorization, Expect="100-continue")
    assert isinstance(await client.event(), h11.InformationalResponse)
    api_tokens.remove(server.config.api_tokens_file, "backup")
    await client.stream.send_all(client.http.send(h11.Data(data=message)) or b"")
    await client.stream.send_all(client.http.send(h11.EndOfMessage()) or b"")
    assert (await client.response())[0].status_code == 401


async def test_one_that_has_ended_is_refused(server: Server, nursery, clock: Clock):
    call = Caller(server, nursery)
    authorization = token_of(server)
    clock.now = NOW + 86_399
    assert (await call(Operation.QUERY, authorization)).result_status == ResultStatus.SUCCESS
    clock.now = NOW + 86_400
    assert await call(Operation.QUERY, authorization) == 401


async def test_a_token_to_read_reads_and_does_nothing_else(server: Server, nursery):
    call = Caller(server, nursery)
    made = await call(Operation.CREATE, token_of(server), **aes())
    key = call.payloads.payload(made).unique_identifier
    reader = token_of(server, operations=READ_ONLY, replace=True)
    assert (await call(Operation.LOCATE, reader)).result_status == ResultStatus.SUCCESS
    got = await call(Operation.GET, reader, unique_identifier=key)
    assert got.result_status == ResultStatus.SUCCESS
    for operation, fields in (
        (Operation.CREATE, aes()),
        (Operation.DESTROY, {"unique_identifier": key}),
        (Operation.LOGIN, {}),
    ):
        refused = await call(operation, reader, **fields)
        assert refused.result_reason == ResultReason.NOT_AUTHORISED
        assert "the token gives no right" in refused.result_message


async def test_a_narrow_token_gets_no_ticket_by_which_it_would_outlive_itself(
    server: Server, nursery
):
    call = Caller(server, nursery)
    narrow = token_of(server, operations=frozenset({Operation.LOGIN}))
    refused = await call(Operation.LOGIN, narrow)
    assert refused.result_reason == ResultReason.PERMISSION_DENIED


async def test_a_ticket_of_a_token_s_ends_with_it(server: Server, nursery):
    call = Caller(server, nursery)
    authorization = token_of(server)
    logged_in = call.payloads.payload(await call(Operation.LOGIN, authorization))
    assert isinstance(logged_in.ticket, Ticket)
    presented = credential(CredentialType.TICKET, TicketCredential(ticket=logged_in.ticket), V2_1)
    by_certificate = Caller(server, nursery, ALICE)
    answered = await by_certificate(Operation.QUERY, "", presented)
    assert answered.result_status == ResultStatus.SUCCESS
    api_tokens.remove(server.config.api_tokens_file, "backup")
    answered = await by_certificate(Operation.QUERY, "", presented)
    assert answered.result_reason == ResultReason.INVALID_TICKET


async def test_who_guesses_waits_with_a_right_token_too_and_others_do_not(
    server: Server, nursery, clock: Clock
):
    call, other = Caller(server, nursery), Caller(server, nursery, OTHER)
    right = token_of(server)
    for _ in range(address_guesses.BURST):
        assert await call(Operation.QUERY, "Bearer strongroom-x") == 401
    assert await call(Operation.QUERY, right) == 429
    assert (await other(Operation.QUERY, right)).result_status == ResultStatus.SUCCESS
    clock.now += address_guesses.SECONDS
    assert (await call(Operation.QUERY, right)).result_status == ResultStatus.SUCCESS


async def test_cosmian_s_clients_come_in_by_a_token(server: Server, nursery):
    authorization = token_of(server)
    client = HTTPClient(server, nursery, NOBODY)
    client.path = "/kmip/2_1"
    message = json.dumps(ckms_requests.create(older=False)).encode()
    await client.send(message, "application/json", Authorization=authorization)
    head, body = await client.response()
    assert head.status_code == 200, body


# A certificate that was replaced


async def test_a_replaced_certificate_fetches_the_new_one_and_nothing_else(
    server: Server, nursery, clock: Clock
):
    certificate = samples.certificate().certificate_value
    old = x509.load_der_x509_certificate(certificate)
    peer = Peer("192.0.2.1", of_certificate(None, certificate), certificate)
    call = Caller(server, nursery, peer)
    assert peer.client is not None
    mine = InProcessClient(server, Client(peer.client.name))
    made, other = await samples.create(mine), await samples.create(mine)
    await server.store.commit(
        [server.replaced_certificates.put(old, [made], peer.client.name, NOW)]
    )
    assert (await call(Operation.GET, unique_identifier=made)).result_reason is None
    refused = await call(Operation.GET, unique_identifier=other)
    assert refused.result_reason == ResultReason.NOT_AUTHORISED
    assert await call(Operation.GET, token_of(server), unique_identifier=made) == 401
    clock.now += FETCH_SECONDS
    assert await call(Operation.GET, unique_identifier=made) == 401


# JWTs


async def test_a_jwt_is_its_subject_whose_objects_are_nobody_else_s(server: Server, nursery):
    server.jwt_issuers = JWTIssuers([await issuer()])
    call = Caller(server, nursery)
    made = await call(Operation.CREATE, f"Bearer {jwt()}", **aes())
    assert made.result_status == ResultStatus.SUCCESS
    for name, found in ((f"jwt:{NAME} alice", 1), ("alice", 0), ("token:alice", 0)):
        located = await InProcessClient(server, Client(name))(Operation.LOCATE)
        assert len(located.unique_identifier) == found, name


async def test_a_wrong_jwt_is_refused_and_nothing_of_it_is_written(
    server: Server, nursery, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    server.jwt_issuers = JWTIssuers([await issuer()])
    text = jwt(aud="another")
    client = HTTPClient(server, nursery, ALICE)
    await client.send(b"", Authorization=f"Bearer {text}")
    head, body = await client.response()
    assert head.status_code == 401
    assert header(head, "WWW-Authenticate") == 'Bearer realm="strongroom", error="invalid_token"'
    assert b"another audience" in body
    assert "another audience" in caplog.text
    for part in text.split("."):
        assert part not in caplog.text


async def test_api_tokens_and_jwts_are_taken_side_by_side(server: Server, nursery):
    server.jwt_issuers = JWTIssuers([await issuer()])
    call = Caller(server, nursery)
    for authorization in (token_of(server), f"Bearer {jwt()}"):
        assert (await call(Operation.QUERY, authorization)).result_status == ResultStatus.SUCCESS
    assert await call(Operation.QUERY, "Bearer strongroom-x") == 401


async def test_a_ticket_of_a_jwt_s_ends_with_it(server: Server, nursery, clock: Clock):
    server.jwt_issuers = JWTIssuers([await issuer()])
    call = Caller(server, nursery)
    logged_in = call.payloads.payload(await call(Operation.LOGIN, f"Bearer {jwt()}"))
    ticket = TicketCredential(ticket=logged_in.ticket)
    presented = credential(CredentialType.TICKET, ticket, V2_1)
    by_certificate = Caller(server, nursery, ALICE)
    clock.now = NOW + 659
    answered = await by_certificate(Operation.QUERY, "", presented)
    assert answered.result_status == ResultStatus.SUCCESS
    clock.now = NOW + 660
    answered = await by_certificate(Operation.QUERY, "", presented)
    assert answered.result_reason == ResultReason.INVALID_TICKET


@pytest.mark.parametrize("now_taken", [None, "https://other.example"])
async def test_a_ticket_of_a_jwt_s_ends_when_its_issuer_s_are_not_taken(
    server: Server, nursery, now_taken: str | None
):
    server.jwt_issuers = JWTIssuers([await issuer()])
    call = Caller(server, nursery)
    logged_in = call.payloads.payload(await call(Operation.LOGIN, f"Bearer {jwt()}"))
    ticket = TicketCredential(ticket=logged_in.ticket)
    presented = credential(CredentialType.TICKET, ticket, V2_1)
    taken = [] if now_taken is None else [await issuer(issuer=now_taken)]
    server.jwt_issuers = JWTIssuers(taken)
    answered = await Caller(server, nursery, ALICE)(Operation.QUERY, "", presented)
    assert answered.result_reason == ResultReason.INVALID_TICKET


@pytest.mark.parametrize("length", [9_000, 15_000, 20_000])
async def test_a_huge_token_is_refused(server: Server, nursery, length: int):
    server.jwt_issuers = JWTIssuers([await issuer()])
    call = Caller(server, nursery)
    assert await call(Operation.QUERY, "Bearer " + "x" * length) in (401, 431)


# Credentials in the message


async def test_a_credential_in_the_message_lets_nobody_in_without_the_setting(
    server: Server, nursery
):
    with_passwords(server)
    server.config = replace(server.config, allow_credentials_over_https=False)
    assert await Caller(server, nursery)(Operation.QUERY, "", user("bob", "hunter2")) == 401


async def test_with_the_setting_a_password_does_and_a_wrong_one_does_not(server: Server, nursery):
    with_passwords(server)
    call = Caller(server, nursery)
    answered = await call(Operation.QUERY, "", user("bob", "hunter2"))
    assert answered.result_status == ResultStatus.SUCCESS
    for presented in ((user("bob", "hunter3"),), (user("eve", "hunter2"),), ()):
        assert (await call(Operation.QUERY, "", *presented)).result_reason == WRONG


async def test_at_the_cosmian_path_who_names_nobody_is_refused_by_http(server: Server, nursery):
    with_passwords(server)
    client = HTTPClient(server, nursery, NOBODY)
    head, body = await client.post_to(
        "/kmip/2_1", json.dumps(ckms_requests.create(older=False)).encode()
    )
    assert head.status_code == 401
    assert header(head, "WWW-Authenticate") == 'Bearer realm="strongroom"'
    assert body.startswith(b"Unauthorized: ")


async def test_guesses_at_a_name_lock_out_their_address_and_nobody_else(server: Server, nursery):
    with_passwords(server)
    call, other = Caller(server, nursery), Caller(server, nursery, OTHER)
    for _ in range(lockout.MAX_FAILURES):
        assert (await call(Operation.QUERY, "", user("bob", "x"))).result_reason == WRONG
    assert (await call(Operation.QUERY, "", user("bob", "hunter2"))).result_reason == WRONG
    answered = await other(Operation.QUERY, "", user("bob", "hunter2"))
    assert answered.result_status == ResultStatus.SUCCESS


async def test_guesses_at_many_names_lock_out_their_address(server: Server, nursery, clock: Clock):
    with_passwords(server)
    call, other = Caller(server, nursery), Caller(server, nursery, OTHER)
    for place in range(address_guesses.BURST):
        await call(Operation.QUERY, "", user(f"user {place}", "x"))
    assert (await call(Operation.QUERY, "", user("bob", "hunter2"))).result_reason == WRONG
    answered = await other(Operation.QUERY, "", user("bob", "hunter2"))
    assert answered.result_status == ResultStatus.SUCCESS
    clock.now += address_guesses.SECONDS
    answered = await call(Operation.QUERY, "", user("bob", "hunter2"))
    assert answered.result_status == ResultStatus.SUCCESS


async def test_addresses_of_one_customer_count_as_one(server: Server, nursery):
    with_passwords(server)
    for place in range(address_guesses.BURST):
        call = Caller(server, nursery, Peer(f"2001:db8::{place:x}", None, None))
        await call(Operation.QUERY, "", user(f"user {place}", "x"))
    call = Caller(server, nursery, Peer("2001:db8::ffff", None, None))
    assert (await call(Operation.QUERY, "", user("bob", "hunter2"))).result_reason == WRONG


async def test_a_client_with_a_certificate_is_not_locked_out_by_its_neighbours(
    server: Server, nursery
):
    with_passwords(server)
    call = Caller(server, nursery)
    for place in range(address_guesses.BURST):
        await call(Operation.QUERY, "", user(f"user {place}", "x"))
    answered = await Caller(server, nursery, ALICE)(Operation.QUERY, "", user("bob", "hunter2"))
    assert answered.result_status == ResultStatus.SUCCESS
