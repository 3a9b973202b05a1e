"""KMIP over HTTP on memory streams: the three encodings, who is let in, and what is refused."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

import h11
import pytest
import trio
import trio.testing

from kmip.encodings import ttlv
from kmip.encodings.codec import BY_MEDIA_TYPE, CODECS, Codec
from kmip.enums import Operation, ResultReason, ResultStatus
from kmip.items import Item
from kmip.messages import ResponseMessage, version_of
from kmip.structures import from_item
from kmip.versions import V2_1
from server.access.client import Client
from server.sessions.client_turns import ClientTurns, Turn
from server.setup.shutdown import Shutdown
from server.state import Server
from server.transport.acceptor import Peer
from server.transport.departures import Departures
from server.transport.http import HTTPConnection
from server.transport.kmip_https import KMIPOverHTTPS
from tests.kmip.encodings import test_ckms as ckms_requests
from tests.server.conftest import InProcessClient
from tests.server.requests.test_answer import request, spoken
from tests.server.transport.test_departures import Waiting, pair
from tests.server.transport.test_http import LIMITS

ALICE = Peer("192.0.2.1", Client("alice"), b"certificate")
NOBODY = Peer("192.0.2.1", None, None)
OCTETS = "application/octet-stream"

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


class HTTPClient:
    """One connection of a client of HTTP, on memory streams."""

    def __init__(self, server: Server, nursery: trio.Nursery, peer: Peer = ALICE) -> None:
        self.stream, theirs = trio.testing.memory_stream_pair()
        self.http = h11.Connection(h11.CLIENT)
        self.path = "/kmip"
        routes = KMIPOverHTTPS(server).routes
        connection = HTTPConnection(theirs, peer, routes, LIMITS, Shutdown())
        nursery.start_soon(connection.serve)

    async def send(self, body: bytes, content_type: str = OCTETS, **more: str) -> None:
        """Send a POST, its body in one piece with its length unless `more` has another way."""
        headers = [("Host", "x"), ("Content-Type", content_type)]
        headers += [(name.replace("_", "-"), value) for name, value in more.items()]
        if "Transfer_Encoding" not in more:
            headers.append(("Content-Length", str(len(body))))
        sent = h11.Request(method="POST", target=self.path, headers=headers)
        data = self.http.send(sent) or b""
        if "Expect" not in more:
            data += self.http.send(h11.Data(data=body)) or b""
            data += self.http.send(h11.EndOfMessage()) or b""
        await self.stream.send_all(data)

    async def event(self) -> Any:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(bytes(await self.stream.receive_some()))
        return event

    async def response(self) -> tuple[h11.Response, bytes]:
        """The next response, and its body."""
        head, body = await self.event(), b""
        assert isinstance(head, h11.Response), head
        while isinstance(event := await self.event(), h11.Data):
            body += event.data
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
        return head, body

    async def post(self, body: bytes, content_type: str = OCTETS) -> tuple[h11.Response, bytes]:
        await self.send(body, content_type)
        return await self.response()

    async def post_to(
        self, path: str, body: bytes, content_type: str = "application/json"
    ) -> tuple[h11.Response, bytes]:
        self.path = path
        return await self.post(body, content_type)


def query(ask: InProcessClient) -> Item:
    return spoken(ask, ask.item(Operation.DISCOVER_VERSIONS))


def header(head: h11.Response, name: str) -> str:
    return dict(head.headers)[name.lower().encode()].decode()


@every_codec
async def test_a_message_is_answered_in_the_encoding_in_which_it_came(
    ask: InProcessClient, nursery, codec: Codec
):
    client = HTTPClient(ask.server, nursery)
    for parameters in ("", "; charset=utf-8"):
        head, body = await client.post(codec.encode(query(ask)), codec.media_type + parameters)
        assert head.status_code == 200
        assert header(head, "Content-Type") == codec.media_type
        got = from_item(codec.decode(body), ResponseMessage, ask.version)
        assert got.batch_item[0].result_status == ResultStatus.SUCCESS


@every_codec
async def test_what_the_protocol_refuses_is_an_answer_of_the_protocol(
    server: Server, nursery, codec: Codec
):
    head, body = await HTTPClient(server, nursery).post(b"nonsense", codec.media_type)
    assert head.status_code == 200
    item = codec.decode(body)
    got = from_item(item, ResponseMessage, version_of(item))
    assert got.batch_item[0].result_reason == ResultReason.INVALID_MESSAGE


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
async def test_another_media_type_is_refused_and_those_there_are_are_told(
    server: Server, nursery, content_type
):
    head, body = await HTTPClient(server, nursery).post(b"{}", content_type)
    assert head.status_code == 415
    for media_type in BY_MEDIA_TYPE:
        assert media_type.encode() in body


async def test_without_a_certificate_nothing_is_answered_unless_a_setting_says_so(
    ask: InProcessClient, nursery
):
    message = ttlv.encode(query(ask))
    head, body = await HTTPClient(ask.server, nursery, NOBODY).post(message)
    assert head.status_code == 401
    assert b"certificate" in body
    ask.server.config = replace(ask.server.config, insecure_allow_no_client_certificate=True)
    head, body = await HTTPClient(ask.server, nursery, NOBODY).post(message)
    assert head.status_code == 200
    got = from_item(ttlv.decode(body), ResponseMessage, ask.version)
    assert got.batch_item[0].result_reason == ResultReason.AUTHENTICATION_NOT_SUCCESSFUL


@every_codec
async def test_a_message_is_as_long_as_the_setting_says_and_a_text_twice_that(
    ask: InProcessClient, nursery, codec: Codec
):
    ask.server.config = replace(ask.server.config, max_message_bytes=4096)
    longest = 4096 if codec.media_type == OCTETS else 8192
    client = HTTPClient(ask.server, nursery)
    head, _ = await client.post(b" " * longest, codec.media_type)
    assert head.status_code == 200
    head, _ = await client.post(b" " * (longest + 1), codec.media_type)
    assert head.status_code == 413


async def test_a_connection_stays_for_the_next_message_and_takes_it_before_it_answered(
    ask: InProcessClient, nursery
):
    client = HTTPClient(ask.server, nursery)
    data = ttlv.encode(query(ask))
    one = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
    await client.stream.send_all(one % (OCTETS.encode(), len(data), data) * 3)
    got = b""
    while got.count(b"HTTP/1.1 200") < 3:
        part = bytes(await client.stream.receive_some())
        assert part
        got += part


async def test_a_body_may_come_in_chunks_and_after_a_go_ahead(ask: InProcessClient, nursery):
    client = HTTPClient(ask.server, nursery)
    data = ttlv.encode(query(ask))
    await client.send(data, Transfer_Encoding="chunked")
    assert (await client.response())[0].status_code == 200
    await client.send(data, Expect="100-continue")
    assert isinstance(await client.event(), h11.InformationalResponse)
    await client.stream.send_all(client.http.send(h11.Data(data=data)) or b"")
    await client.stream.send_all(client.http.send(h11.EndOfMessage()) or b"")
    assert (await client.response())[0].status_code == 200


async def test_a_stranger_s_message_is_refused_before_it_is_sent(server: Server, nursery):
    client = HTTPClient(server, nursery, NOBODY)
    await client.send(b"x" * 1000, Expect="100-continue")
    assert (await client.response())[0].status_code == 401


@pytest.mark.parametrize(
    "line, status, allow",
    [
        (b"HEAD /kmip", 405, b"POST, OPTIONS"),
        (b"GET /kmip", 405, b"POST, OPTIONS"),
        (b"OPTIONS /kmip", 200, b"POST, OPTIONS"),
        (b"OPTIONS *", 200, b"POST, GET, HEAD, OPTIONS"),
        (b"OPTIONS /other", 404, None),
        (b"POST /kmip/", 404, None),
    ],
)
async def test_other_methods_and_paths(server: Server, nursery, line, status, allow):
    client = HTTPClient(server, nursery)
    await client.stream.send_all(line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    got = bytes(await client.stream.receive_some())
    assert int(got.split(b" ")[1]) == status
    if allow is not None:
        assert b"\r\nAllow: " + allow + b"\r\n" in got


async def test_a_response_counts_until_it_is_sent(ask: InProcessClient, nursery):
    """What a client does not take is in its share of what is kept for it."""
    door = KMIPOverHTTPS(ask.server)
    mine, theirs = trio.testing.lockstep_stream_pair()
    connection = HTTPConnection(theirs, ALICE, door.routes, LIMITS, Shutdown())
    nursery.start_soon(connection.serve)
    data = ttlv.encode(query(ask))
    one = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
    await mine.send_all(one % (OCTETS.encode(), len(data), data))
    await trio.testing.wait_all_tasks_blocked()
    assert ask.server.turns.in_use("alice")[1] > 0
    while ask.server.turns.in_use("alice") != (0, 0):
        await mine.receive_some()
        await trio.testing.wait_all_tasks_blocked()


async def test_turns_go_by_client_and_not_by_door(ask: InProcessClient, nursery):
    seen = []

    class Noting(ClientTurns):
        async def admit(self, client: str, length: int) -> Turn:
            seen.append(client)
            return await super().admit(client, length)

    ask.server.turns = Noting(1 << 20)
    await HTTPClient(ask.server, nursery).post(ttlv.encode(query(ask)))
    ask.server.config = replace(ask.server.config, insecure_allow_no_client_certificate=True)
    await HTTPClient(ask.server, nursery, NOBODY).post(ttlv.encode(query(ask)))
    assert seen == ["alice", "address 192.0.2.1"]


@pytest.mark.parametrize("closes", [True, False], ids=["all of it", "its sending side"])
async def test_a_client_that_leaves_is_not_answered_on(server: Server, nursery, closes: bool):
    waiting = Waiting()
    server.turns = waiting
    mine, theirs = await pair()
    departures, ended = Departures(), trio.Event()
    routes = KMIPOverHTTPS(server).routes
    connection = HTTPConnection(theirs, ALICE, routes, LIMITS, Shutdown(), departures)

    async def serve() -> None:
        await connection.serve()
        await trio.aclose_forcefully(theirs)
        ended.set()

    nursery.start_soon(serve)
    data = request(V2_1)
    head = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    mine.sendall(head % (OCTETS.encode(), len(data)) + data)
    await waiting.reached.wait()
    if closes:
        mine.close()
    else:
        mine.shutdown(socket.SHUT_WR)
    with trio.fail_after(20):
        while not ended.is_set():
            departures.look()
            await trio.lowlevel.checkpoint()
    assert not departures.answering
    mine.close()


# Cosmian's clients


async def ckms(client: HTTPClient, tag: str, *fields: dict[str, Any], older: bool) -> Any:
    """What an operation is answered: its fields by their tags, or a status and a text."""
    head, body = await client.post_to("/kmip/2_1", structure_of(tag, *fields, older=older))
    if head.status_code != 200:
        assert header(head, "Content-Type").startswith("text/plain")
        return head.status_code, body.decode()
    answer = json.loads(body)
    assert answer["tag"] == f"{tag}Response"
    return {each["tag"]: each["value"] for each in answer["value"]}


def structure_of(tag: str, *fields: dict[str, Any], older: bool) -> bytes:
    return json.dumps(ckms_requests.structure(tag, *fields, older=older)).encode()


@pytest.mark.parametrize("older", [True, False], ids=["4.x", "5.x"])
async def test_a_client_of_cosmian_s_makes_uses_and_finds_keys(server: Server, nursery, older):
    client = HTTPClient(server, nursery)
    attributes = [
        ckms_requests.enumeration("CryptographicAlgorithm", "AES"),
        {"tag": "CryptographicLength", "type": "Integer", "value": 256},
        {"tag": "CryptographicUsageMask", "type": "Integer", "value": 12},
        ckms_requests.tags("one", "two", older=older),
    ]
    made = await ckms(
        client,
        "Create",
        ckms_requests.enumeration("ObjectType", "SymmetricKey"),
        ckms_requests.structure("Attributes", *attributes, older=older),
        older=older,
    )
    key = ckms_requests.text("UniqueIdentifier", made["UniqueIdentifier"])
    if not older:
        await ckms(client, "Activate", key, older=older)
    by_tags = ckms_requests.text("UniqueIdentifier", '["two","_kk","one"]')
    data = ckms_requests.octets("Data", b"some data")
    hidden = await ckms(client, "Encrypt", by_tags, data, older=older)
    nonce = "IvCounterNonce" if older else "IVCounterNonce"
    plain = await ckms(
        client,
        "Decrypt",
        key,
        ckms_requests.octets("Data", bytes.fromhex(hidden["Data"])),
        ckms_requests.octets(nonce, bytes.fromhex(hidden[nonce])),
        ckms_requests.octets(
            "AuthenticatedEncryptionTag", bytes.fromhex(hidden["AuthenticatedEncryptionTag"])
        ),
        older=older,
    )
    assert bytes.fromhex(plain["Data"]) == b"some data"
    got = await ckms(client, "Get", by_tags, older=older)
    assert ("Object" if older else "SymmetricKey") in got


@pytest.mark.parametrize(
    "fields, status, said",
    [
        ([("UniqueIdentifier", "nothing")], 422, "Item not found: there is no object 'nothing'"),
        ([("UniqueIdentifier", '["nothing"]')], 422, "Item not found: no object has the tags"),
        ([("UniqueIdentifier", "[nothing")], 422, "Invalid Request: tags are a list of texts"),
        ([("UniqueIdentifier", "[]")], 422, "Invalid Request: an object is named by one tag"),
        ([("UniqueIdentifier", '["_kk","_pk"]')], 422, ""),
    ],
)
async def test_what_fails_for_a_client_of_cosmian_s_is_told_in_words(
    server: Server, nursery, fields, status, said
):
    client = HTTPClient(server, nursery)
    texts = [ckms_requests.text(*each) for each in fields]
    found = await ckms(client, "Get", *texts, older=True)
    assert found[0] == status
    assert found[1].startswith(said)
    head, _ = await client.post_to("/kmip/2_1", b"nonsense")
    assert head.status_code == 422
    head, _ = await client.post_to("/kmip/2_1", b"{}", "text/xml")
    assert head.status_code == 415


async def test_a_whole_message_is_taken_where_cosmian_s_clients_send_it(
    ask: InProcessClient, nursery
):
    client = HTTPClient(ask.server, nursery)
    message = CODECS["JSON"].encode(query(ask))
    head, body = await client.post_to("/kmip/2_1", message)
    assert head.status_code == 200
    got = from_item(CODECS["JSON"].decode(body), ResponseMessage, ask.version)
    assert got.batch_item[0].result_status == ResultStatus.SUCCESS


async def test_the_version_is_told_to_clients_only(server: Server, nursery):
    for peer, status in ((ALICE, 200), (NOBODY, 401)):
        client = HTTPClient(server, nursery, peer)
        await client.stream.send_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        got = bytes(await client.stream.receive_some())
        assert int(got.split(b" ")[1]) == status
