"""KMIP over HTTPS at the real server process, by the standard library's client of HTTP."""

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from kmip.encodings.codec import CODECS, Codec
from kmip.enums import Operation, ResultStatus
from kmip.items import Item
from kmip.messages import ResponseMessage
from kmip.structures import from_item
from kmip.versions import V2_1
from server.access import api_tokens
from server.pki import local_authority
from tests.e2e.program import Program, running
from tests.server.access import issuer
from tests.server.operations.test_login import reason_of
from tests.server.samples import ACTIVE, create

pytestmark = pytest.mark.slow

CREATE = {
    "tag": "RequestMessage",
    "value": [
        {
            "tag": "RequestHeader",
            "value": [
                {
                    "tag": "ProtocolVersion",
                    "value": [
                        {"tag": "ProtocolVersionMajor", "type": "Integer", "value": 2},
                        {"tag": "ProtocolVersionMinor", "type": "Integer", "value": 1},
                    ],
                },
                {"tag": "BatchCount", "type": "Integer", "value": 1},
            ],
        },
        {
            "tag": "BatchItem",
            "value": [
                {"tag": "Operation", "type": "Enumeration", "value": "Create"},
                {
                    "tag": "RequestPayload",
                    "value": [
                        {"tag": "ObjectType", "type": "Enumeration", "value": "SymmetricKey"},
                        {
                            "tag": "Attributes",
                            "value": [
                                {
                                    "tag": "CryptographicAlgorithm",
                                    "type": "Enumeration",
                                    "value": "AES",
                                },
                                {"tag": "CryptographicLength", "type": "Integer", "value": 256},
                                {
                                    "tag": "CryptographicUsageMask",
                                    "type": "Integer",
                                    "value": "Encrypt|Decrypt",
                                },
                            ],
                        },
                    ],
                },
            ],
        },
    ],
}
"""As somebody would write it by hand."""


TEES = [[], ["--insecure-software-chip"]]


class Door:
    """A server process, where it serves HTTPS, and whether its certificate has evidence."""

    def __init__(self, program: Program, *, attests: bool) -> None:
        self.program = program
        assert program.process.stdout is not None
        for line in iter(program.process.stdout.readline, ""):
            if found := re.search(r"over HTTPS +https://\S*:(\d+)/kmip", line):
                self.port = int(found[1])
                break
        self.attests = attests

    def context(self, *, certificate: bool) -> ssl.SSLContext:
        """TLS of a client; evidence in the server's certificate is not what is tested here."""
        context = self.program.tls()
        if not certificate:
            context = ssl.create_default_context(cafile=self.program.data / "tls" / "ca.pem")
        if self.attests:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    async def post(
        self, body: bytes, media_type: str, *, certificate: bool = True, token: str | None = None
    ) -> tuple[int, str, bytes]:
        """Status, media type and body of the answer to a POST."""

        def exchange() -> tuple[int, str, bytes]:
            context = self.context(certificate=certificate)
            client = http.client.HTTPSConnection("localhost", self.port, context=context)
            try:
                headers = {"Content-Type": media_type}
                if token is not None:
                    headers["Authorization"] = f"Bearer {token}"
                client.request("POST", "/kmip", body, headers)
                response = client.getresponse()
                return response.status, response.headers["Content-Type"], response.read()
            finally:
                client.close()

        return await trio.to_thread.run_sync(exchange)


@pytest.fixture(scope="module", params=TEES, ids=["without a TEE", "with a simulated one"])
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    directory: Path = tmp_path_factory.mktemp("https")
    (directory / "keys.json").write_bytes(issuer.jwk_set())
    taken = ["--jwt-issuer-uri", issuer.NAME, "--jwt-audience", issuer.AUDIENCE]
    taken += ["--jwks-uri", f"file:{directory / 'keys.json'}"]
    with running(directory / "data", "--https-port", 0, *taken, *request.param) as program:
        yield Door(program, attests=bool(request.param))


def answered(codec: Codec, data: bytes) -> Item:
    item = codec.decode(data)
    got = from_item(item, ResponseMessage, V2_1)
    assert got.batch_item[0].result_status == ResultStatus.SUCCESS, got.batch_item[0]
    return item


async def test_a_key_made_over_https_is_the_same_client_s_at_the_kmip_port(door: Door):
    status, media_type, body = await door.post(json.dumps(CREATE).encode(), "application/json")
    assert (status, media_type) == (200, "application/json")
    payload = json.loads(body)["value"][1]["value"][-1]
    (key,) = [each["value"] for each in payload["value"] if each["tag"] == "UniqueIdentifier"]
    async with door.program.client() as ask:
        got = await ask(Operation.GET, unique_identifier=key)
        assert len(got.object.key_block.key_value.key_material) == 32


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_every_encoding_is_answered_in_kind(door: Door, codec: Codec):
    message = CODECS["JSON"].decode(json.dumps(CREATE).encode())
    status, media_type, body = await door.post(codec.encode(message), codec.media_type)
    assert (status, media_type) == (200, codec.media_type)
    answered(codec, body)


async def test_without_a_certificate_a_token_lets_its_client_in(door: Door):
    now = datetime.now(UTC).timestamp()
    file = door.program.data / "tokens.json"
    api_token = api_tokens.add(file, "app", now, 1)
    jwt = issuer.token(iat=int(now), exp=int(now) + 600)
    post = partial(door.post, json.dumps(CREATE).encode(), "application/json", certificate=False)
    for token in (api_token, jwt):
        status, _, body = await post(token=token)
        assert status == 200, body
        answered(CODECS["JSON"], body)
    api_tokens.remove(file, "app")
    for token in (api_token, jwt + "x", "x"):
        assert (await post(token=token))[0] == 401


async def test_without_a_certificate_nothing_is_answered(door: Door):
    body = json.dumps(CREATE).encode()
    status, _, said = await door.post(body, "application/json", certificate=False)
    assert status == 401
    assert "certificate" in json.loads(said)["error"]


def ask_as(door: Door, name: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of an answer to a client of this name."""
    context = door.context(certificate=True)
    tls = door.program.data / "tls"
    context.load_cert_chain(tls / f"{name}.pem", tls / f"{name}.key")
    client = http.client.HTTPSConnection("localhost", door.port, context=context)
    try:
        sent = None if body is None else json.dumps(body).encode()
        client.request(method, path, sent, {"Content-Type": "application/json"})
        response = client.getresponse()
        return response.status, json.loads(response.read())
    finally:
        client.close()


async def test_what_is_granted_over_https_is_used_at_the_kmip_port(door: Door):
    tls = door.program.data / "tls"
    local_authority.ensure_client(tls, "bob", datetime.now(UTC))
    async with (
        door.program.client() as ask,
        door.program.client(context=door.program.tls("bob")) as bob,
    ):
        key = await create(ask, ACTIVE)
        assert await reason_of(bob, Operation.GET, unique_identifier=key) is not None
        body = {"unique_identifier": key, "user_id": "bob", "operation_types": ["get"]}

        async def call(*words: Any) -> tuple[int, Any]:
            return await trio.to_thread.run_sync(partial(ask_as, door, *words))

        status, found = await call("client", "POST", "/access/grant", body)
        assert (status, list(found)) == (200, ["success"])
        await bob(Operation.GET, unique_identifier=key)
        status, (row,) = await call("bob", "GET", "/access/obtained")
        assert (row["object_id"], row["owner_id"], row["operations"]) == (key, "client", ["get"])
        assert (await call("client", "POST", "/access/revoke", body))[0] == 200
        assert await reason_of(bob, Operation.GET, unique_identifier=key) is not None
        assert await call("bob", "GET", "/access/obtained") == (200, [])
