"""Access rights over HTTP, as Cosmian's clients ask for them, and whether the server is up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import h11
import pytest
import trio
import trio.testing

from kmip.enums import Operation
from kmip.tags import Tag
from server.access.api_tokens import READ_ONLY
from server.access.client import Client
from server.access.policy import GRANTABLE
from server.setup.shutdown import Shutdown
from server.state import Server
from server.transport.acceptor import Peer
from server.transport.access_rights import KNOWN, AccessOverHTTPS
from server.transport.http import HTTPConnection
from server.transport.kmip_https import KMIPOverHTTPS
from storage import Unavailable
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import reason_of
from tests.server.samples import ACTIVE, aes, create, create_pair, register, secret
from tests.server.transport.test_http import LIMITS
from tests.server.transport.test_kmip_https_identity import token_of

Op = Operation


class Caller:
    """One connection of a client of HTTP, on memory streams."""

    def __init__(self, server: Server, nursery: trio.Nursery, name: str | None) -> None:
        self.stream, theirs = trio.testing.memory_stream_pair()
        self.http = h11.Connection(h11.CLIENT)
        door = KMIPOverHTTPS(server)
        routes = {**door.routes, **AccessOverHTTPS(server, door).routes}
        client = None if name is None else Client(name)
        peer = Peer("192.0.2.1", client, None if name is None else b"certificate")
        nursery.start_soon(HTTPConnection(theirs, peer, routes, LIMITS, Shutdown()).serve)

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        **more: str,
    ) -> tuple[int, Any]:
        """The status, and the body: JSON, or a text."""
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        headers = [
            ("Host", "x"),
            ("Content-Type", content_type),
            ("Content-Length", str(len(data))),
        ]
        headers += more.items()
        sent = self.http.send(h11.Request(method=method, target=path, headers=headers)) or b""
        sent += self.http.send(h11.Data(data=data)) or b""
        await self.stream.send_all(sent + (self.http.send(h11.EndOfMessage()) or b""))
        head, found = await self._event(), b""
        assert isinstance(head, h11.Response), head
        while isinstance(event := await self._event(), h11.Data):
            found += event.data
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
        is_json = dict(head.headers)[b"content-type"] == b"application/json"
        return head.status_code, json.loads(found) if is_json and found else found.decode()

    async def _event(self) -> Any:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(bytes(await self.stream.receive_some()))
        return event


@pytest.fixture
def call(server: Server, nursery: trio.Nursery) -> Any:
    """Makes the caller of a name; None: one without a certificate."""
    return lambda name="alice": Caller(server, nursery, name)


def request(key: str | None, user: str, *names: str, **more: Any) -> dict[str, Any]:
    """What `ckms` sends to grant and to revoke."""
    named = {} if key is None else {"unique_identifier": key}
    return {**named, "user_id": user, "operation_types": list(names), **more}


async def test_what_is_granted_is_allowed_and_listed_until_it_is_revoked(
    ask: InProcessClient, call: Any
):
    key, alice, bob = await create(ask, ACTIVE), call(), call("bob")
    status, body = await alice("POST", "/access/grant", request(key, "bob", "get", "getattributes"))
    assert (status, list(body)) == (200, ["success"])
    await ask.named("bob")(Op.GET, unique_identifier=key)
    assert await alice("GET", f"/access/list/{key}") == (
        200,
        [
            {
                "user_id": "bob",
                "operations": ["get", "getattributes"],
                "kmip_operations": ["Get", "GetAttributes"],
            }
        ],
    )
    assert await bob("GET", "/access/obtained") == (
        200,
        [
            {
                "object_id": key,
                "state": "Active",
                "owner_id": "alice",
                "operations": ["get", "getattributes"],
                "kmip_operations": ["Get", "GetAttributes"],
            }
        ],
    )
    status, _ = await alice("POST", "/access/revoke", request(key, "bob", "get", "get_attributes"))
    assert status == 200
    assert await alice("GET", f"/access/list/{key}") == await bob("GET", "/access/obtained")
    assert await bob("GET", "/access/obtained") == (200, [])


async def test_an_older_client_grants_one_operation_at_a_time(ask: InProcessClient, call: Any):
    key, alice = await create(ask), call()
    body = {"unique_identifier": key, "user_id": "*", "operation_type": "get"}
    assert (await alice("POST", "/access/grant", body))[0] == 200
    await ask.named("anybody")(Op.GET, unique_identifier=key)
    assert (await alice("GET", f"/access/list/{key}"))[1][0]["user_id"] == "*"


@pytest.mark.parametrize("operation", sorted(GRANTABLE), ids=lambda one: one.name)
async def test_every_operation_is_read_in_every_spelling_and_listed_as_these_clients_know_it(
    ask: InProcessClient, call: Any, operation: Operation
):
    alice, key = call(), await create(ask)
    for name in (operation.names[0], operation.title, operation.title.lower().replace(" ", "_")):
        assert (await alice("POST", "/access/grant", request(key, "bob", name)))[0] == 200
    (found,) = (await alice("GET", f"/access/list/{key}"))[1]
    assert found["kmip_operations"] == [operation.title]
    assert found["operations"] == ([operation.names[0].lower()] if operation in KNOWN else [])


async def test_what_a_client_owns_is_listed_with_what_these_clients_show(
    ask: InProcessClient, call: Any
):
    alice = call()
    key = await create(ask, ACTIVE, (Tag.SENSITIVE, True), length=128)
    private, public = await create_pair(ask)
    password = await register(ask, secret())
    await ask(Op.DESTROY, unique_identifier=password)
    _, found = await alice("GET", "/access/owned")
    assert {each["object_id"]: each["state"] for each in found} == {
        key: "Active",
        private: "PreActive",
        public: "PreActive",
        password: "Destroyed",
    }
    mine = next(each for each in found if each["object_id"] == key)
    assert mine["attributes"] == {
        "CryptographicLength": 128,
        "KeyFormatType": "Raw",
        "ObjectType": "SymmetricKey",
        "Sensitive": True,
    }
    assert mine["is_wrapped"] is False
    assert (await alice("GET", "/access/owned?offset=3"))[1] == found[3:]
    assert (await call("bob")("GET", "/access/owned"))[1] == []


async def test_a_group_of_objects_is_granted_and_listed(ask: InProcessClient, call: Any):
    key, alice = await create(ask, (Tag.OBJECT_GROUP, "g")), call()
    body = request(None, "group:staff", "get", object_group="g")
    assert (await alice("POST", "/access/grant", body))[0] == 200
    expected = [
        {
            "user_id": "group:staff",
            "operations": ["get"],
            "kmip_operations": ["Get"],
            "object_group": "g",
        }
    ]
    assert await alice("GET", "/access/groups") == (200, expected)
    assert await alice("GET", f"/access/list/{key}") == (200, expected)
    assert (await alice("POST", "/access/revoke", body))[0] == 200
    assert await alice("GET", "/access/groups") == (200, [])


async def test_an_object_that_one_may_not_know_of_is_answered_as_an_unknown_one(
    ask: InProcessClient, call: Any
):
    key, carol = await create(ask), call("carol")
    for method, path in (("GET", "/access/list/{}"), ("POST", "/access/grant")):
        answers = set()
        for identifier in (key, "nothing"):
            body = request(identifier, "dave", "get") if method == "POST" else None
            status, text = await carol(method, path.format(identifier), body)
            answers.add((status, text.replace(identifier, "it")))
        ((status, text),) = answers
        assert (status, text.partition(":")[0]) == (422, "Item not found")


@pytest.mark.parametrize(
    "body, words",
    [
        (request("KEY", "bob", "fly"), "Invalid Request: there is no operation 'fly'"),
        (request("KEY", "bob", "create"), "Not Supported: Create needs no grant"),
        (request("KEY", "bob", "import"), "Access denied: Import is not to be granted"),
        (request("KEY", "bob"), "Invalid Request: no operation is named"),
        (request("KEY", "alice", "get"), "Invalid Request: the owner needs no grant"),
        (request("KEY", "\ud800", "get"), "Invalid Request: an object"),
        (request("KEY", "", "get"), "Invalid Request: an object"),
        (request("\udfff", "bob", "get"), "Invalid Request: an object"),
        (request(None, "bob", "get"), "Invalid Request: name one object"),
        (request("KEY", "bob", "get", object_group="g"), "Invalid Request: name one object"),
        ({"unique_identifier": ["KEY"], "user_id": "bob"}, "Invalid Request: operation_types"),
        ({"unique_identifier": "KEY", "operation_types": [1]}, "Invalid Request: operation_types"),
        ({"unique_identifier": "KEY", "operation_types": ["get"]}, "Invalid Request: an object"),
    ],
)
async def test_a_grant_that_means_nothing_is_refused_in_words(
    ask: InProcessClient, call: Any, body: dict[str, Any], words: str
):
    key = await create(ask)
    if body.get("unique_identifier") == "KEY":
        body = {**body, "unique_identifier": key}
    status, text = await call()("POST", "/access/grant", body)
    assert status == 422
    assert text.startswith(words)
    assert await call()("GET", f"/access/list/{key}") == (200, [])


@pytest.mark.parametrize("offset", ["-1", "x", "1.0", "9" * 12, "٣"])
async def test_an_offset_is_a_number(call: Any, offset: str):
    status, _ = await call()("GET", f"/access/owned?offset={quote(offset)}")
    assert status == 422


async def test_nobody_without_a_certificate_is_answered(ask: InProcessClient, call: Any):
    key = await create(ask)
    paths = ("/access/owned", "/access/obtained", "/access/groups", f"/access/list/{key}")
    for allow in (False, True):
        config = replace(ask.server.config, insecure_allow_no_client_certificate=allow)
        ask.server.config = config
        for path in paths:
            assert (await call(None)("GET", path))[0] == 401
        for path in ("/access/grant", "/access/revoke"):
            assert (await call(None)("POST", path, request(key, "bob", "get")))[0] == 401


async def test_a_bearer_token_grants_unless_it_narrows_its_client_s_rights(
    ask: InProcessClient, call: Any
):
    server = ask.server
    whole = {"Authorization": token_of(server, "backup")}
    owner = ask.named("token:backup")
    key = await create(owner)
    body = request(key, "bob", "get")
    status, found = await call(None)("GET", "/access/owned", **whole)
    assert (status, [each["object_id"] for each in found]) == (200, [key])
    assert (await call(None)("POST", "/access/grant", body, **whole))[0] == 200
    await ask.named("bob")(Op.GET, unique_identifier=key)
    narrow = {"Authorization": token_of(server, "backup", operations=READ_ONLY, replace=True)}
    for method, path in (
        ("POST", "/access/grant"),
        ("POST", "/access/revoke"),
        ("GET", f"/access/list/{key}"),
        ("GET", "/access/owned"),
        ("GET", "/access/obtained"),
        ("GET", "/access/groups"),
    ):
        sent = body if method == "POST" else None
        status, text = await call(None)(method, path, sent, **narrow)
        assert (status, text.partition(":")[0]) == (422, "Access denied")
        assert (await call(None)(method, path, sent, **whole))[0] == 401
    await ask.named("bob")(Op.GET, unique_identifier=key)


async def test_a_grant_that_a_strange_page_could_send_is_refused(ask: InProcessClient, call: Any):
    key = await create(ask)
    body = json.dumps(request(key, "mallory", "get")).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert (await call()("POST", "/access/grant", body, content_type))[0] == 415
    mallory = ask.named("mallory")
    assert await reason_of(mallory, Op.GET, unique_identifier=key) is not None


async def test_an_identifier_in_a_path_is_what_it_stands_for(ask: InProcessClient, call: Any):
    got = await ask(Op.GET, unique_identifier=await create(ask))
    name = "a/b ä?"
    fields = {"object": got.object, "attributes": aes()}
    await ask(Op.IMPORT, unique_identifier=name, object_type=got.object_type, **fields)
    assert await call()("GET", f"/access/list/{quote(name, safe='')}") == (200, [])
    for path, status in (
        ("/access/list/", 422),
        ("/access/list", 404),
        ("/access/list/a/b", 404),
        ("/access/list/%2F", 422),
        ("/access/list/%ff", 422),
    ):
        assert (await call()("GET", path))[0] == status, path
    assert (await call()("POST", "/access/list/x", {}))[0] == 405
    assert (await call()("HEAD", "/access/owned"))[0] == 200


# Health


async def test_whether_the_server_is_up_is_all_that_a_stranger_learns(call: Any):
    assert await call(None)("GET", "/health") == (200, {"status": "UP"})
    assert (await call(None)("GET", "/server-info"))[0] == 401


async def test_whoever_is_known_learns_whether_the_store_answers(
    server: Server, call: Any, monkeypatch: pytest.MonkeyPatch
):
    status, found = await call()("GET", "/health")
    assert status == 200
    assert found.pop("latency_ms") >= 0
    up = {"name": "store", "status": "UP"}
    assert found == {"status": "UP", "dependencies": {"database": up}}

    async def refresh(self: Any, reading: Any = ()) -> None:
        raise Unavailable("the back end at 192.0.2.7 does not answer")

    monkeypatch.setattr(type(server.store), "refresh", refresh)
    status, found = await call()("GET", "/health")
    assert (status, found["status"]) == (503, "DOWN")
    assert "192.0.2.7" not in json.dumps(found)
    assert await call(None)("GET", "/health") == (200, {"status": "UP"})
    assert (await call()("GET", "/access/owned"))[0] == 500


async def test_a_client_that_is_known_learns_what_the_server_is(call: Any):
    status, found = await call()("GET", "/server-info")
    assert status == 200
    assert set(found) == {"version", "fips_mode", "hsm"}
    assert found["version"] == (await call()("GET", "/version"))[1]
