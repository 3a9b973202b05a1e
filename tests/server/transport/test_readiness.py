"""Whether the server is ready, and its metrics: who is told what."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from kmip.enums import Operation as Op
from server import service
from server.access.client import Client
from server.commands import serve
from server.metrics.openmetrics import CONTENT_TYPE
from server.setup.config import Config
from server.setup.failure import Failure
from server.sources import DiskSources
from server.state import Server
from server.transport.acceptor import Acceptor, Cause, Peer
from server.transport.exposition import Exposition
from server.transport.http import HTTPError, Request, Response
from server.transport.kmip_https import KMIPOverHTTPS
from server.transport.readiness import FRESH_SECONDS, Readiness
from storage import Conflict, Put, Reason, Terms, Unavailable
from tests.free_ports import free_port
from tests.server.conftest import Clock, InProcessClient
from tests.server.metrics.scraped import Samples, scraped
from tests.server.samples import create

KNOWN = Peer("192.0.2.1", Client("alice"), b"certificate")
STRANGER = Peer("192.0.2.1", None, None)


class Door:
    """The routes of one server, without a connection."""

    def __init__(self, server: Server) -> None:
        self.certificates: dict[str, Any] = {}
        self.acceptor = Acceptor(server.config, server.shutdown)
        self.exposition = Exposition(server, self.acceptor, lambda: self.certificates, lambda: None)
        self.readiness = Readiness(server, self.exposition)
        self.routes = self.readiness.routes(KMIPOverHTTPS(server))
        self.plain = self.readiness.plain_routes

    async def get(self, path: str, peer: Peer = KNOWN, **headers: str) -> Response:
        request = Request("GET", path, {}, headers, b"", peer)
        route = self.routes["GET", path]
        if route.admit is not None:
            who = route.admit(request)
            request = replace(request, who=who if isinstance(who, str) else await who)
        return await route.handler(request)

    async def ready(self, peer: Peer = KNOWN) -> tuple[int, Any]:
        response = await self.get("/ready", peer)
        return response.status, json.loads(response.body)

    async def scrape(self) -> Samples:
        """What a collector reads that did not come for a while."""
        self.readiness._written = -math.inf
        return scraped((await self.get("/metrics")).body)


@pytest.fixture
def door(server: Server) -> Door:
    return Door(server)


def certificate_between(begin: datetime, end: datetime) -> x509.Certificate:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )


def failing(error: Exception) -> Callable[[Any], Any]:
    async def refresh(self: Any, reading: Any = ()) -> None:
        raise error

    return refresh


UP = {"status": "UP", "store": "UP", "certificate": "UP", "service": "UP"}


async def test_a_server_in_order_is_ready_for_whoever_asks(door: Door) -> None:
    assert await door.ready(KNOWN) == await door.ready(STRANGER) == (200, UP)


async def test_a_store_that_does_not_answer_is_told_and_in_words_to_known_clients_alone(
    server: Server, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(server.store), "refresh", failing(Unavailable("192.0.2.7 is silent")))
    down = UP | {"status": "DOWN", "store": "DOWN"}
    assert await door.ready(STRANGER) == (503, down)
    status, found = await door.ready(KNOWN)
    assert (status, list(found.pop("messages"))) == (503, ["store"])
    assert found == down


async def test_a_store_that_takes_no_changes_is_not_ready(server: Server, door: Door) -> None:
    server.store.stop(Reason.FORKED)
    status, found = await door.ready()
    assert (status, found["store"]) == (503, "DOWN")
    assert (await door.scrape())["strongroom_store_stopped"] == {(): 1}


async def test_a_server_that_stops_is_not_ready(server: Server, door: Door) -> None:
    server.shutdown.stop.set()
    status, found = await door.ready()
    assert (status, found["service"], found["store"]) == (503, "DOWN", "UP")


@pytest.mark.parametrize("begin, end", [(-2, -1), (1, 2)])
async def test_a_certificate_that_is_not_valid_now_is_not_ready(
    clock: Clock, door: Door, begin: int, end: int
) -> None:
    now = datetime.fromtimestamp(clock.now, UTC)
    valid = certificate_between(now - timedelta(days=1), now + timedelta(days=1))
    door.certificates = {"kmip": valid}
    assert (await door.ready())[0] == 200
    wrong = certificate_between(now + timedelta(days=begin), now + timedelta(days=end))
    door.certificates = {"kmip": valid, "https": wrong}
    status, found = await door.ready()
    assert (status, found["certificate"]) == (503, "DOWN")
    assert "https" in found["messages"]["certificate"]
    ends = (await door.scrape())["strongroom_certificate_end_seconds"]
    assert ends["https",] == (now + timedelta(days=end)).timestamp()


async def test_however_many_ask_the_store_is_asked_once_in_a_while(
    server: Server, door: Door, monkeypatch: pytest.MonkeyPatch, autojump_clock: Any
) -> None:
    calls = 0

    async def refresh(self: Any, reading: Any = ()) -> None:
        nonlocal calls
        calls += 1
        await trio.sleep(0.1)

    monkeypatch.setattr(type(server.store), "refresh", refresh)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(door.ready, STRANGER)
    assert calls == 1
    await trio.sleep(FRESH_SECONDS)
    await door.ready()
    assert calls == 2


async def test_metrics_are_for_known_clients(door: Door) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        with pytest.raises(HTTPError) as refused:
            await door.get("/metrics", STRANGER, **headers)
        assert refused.value.status == 401
    response = await door.get("/metrics")
    assert (response.status, response.content_type) == (200, CONTENT_TYPE)


async def test_however_many_scrape_the_metrics_are_written_once_in_a_while(
    server: Server, door: Door, autojump_clock: Any
) -> None:
    first = await door.get("/metrics")
    server.request_counts.messages += 1
    assert (await door.get("/metrics")).body == first.body
    await trio.sleep(FRESH_SECONDS)
    assert scraped((await door.get("/metrics")).body)["strongroom_messages_total"] == {(): 1}


async def test_a_scrape_agrees_with_what_was_done(ask: InProcessClient, door: Door) -> None:
    before = await door.scrape()
    keys = [await create(ask) for _ in range(3)]
    for key in keys * 4:
        await ask(Op.GET, unique_identifier=key)
    await ask.batch(ask.item(Op.GET, unique_identifier="nowhere"))
    door.acceptor.accepted += 2
    door.acceptor.refused[Cause.TOO_MANY] += 1
    found = await door.scrape()
    assert found["strongroom_requests_total"]["Get", "Success", ""] == 12
    assert found["strongroom_requests_total"]["Create", "Success", ""] == 3
    commits, number = ("strongroom_store_commits_total", "strongroom_store_commit_number")
    assert found[commits][()] - before[commits][()] == 6  # a key's first Get ends its being Fresh
    assert found[number][()] - before[number][()] == 6
    lookups = found["strongroom_object_cache_lookups_total"]
    assert lookups["hit",] + lookups["miss",] >= 12
    assert found["strongroom_connections_accepted_total"] == {(): 2}
    assert found["strongroom_connections_refused_total"]["too many",] == 1
    assert found["strongroom_turns_waiting"] == found["strongroom_threads_waiting"] == {(): 0}


async def test_a_commit_that_others_have_overtaken_is_counted_apart(
    server: Server, door: Door
) -> None:
    put = Put(b"a record", 0, b"", None, Terms())
    await server.store.commit([put])
    before = await door.scrape()
    with pytest.raises(Conflict):
        await server.store.commit([put])
    after = await door.scrape()
    assert after["strongroom_store_commits_total"] == before["strongroom_store_commits_total"]
    assert after["strongroom_store_conflicts_total"] == {(): 1}


@pytest.mark.parametrize("text", ["127.0.0.1:9", "[::1]:9", "localhost:9", "127.9.9.9:0"])
def test_addresses_of_this_machine_alone_may_be_served_in_the_clear(text: str) -> None:
    assert Config(metrics_address=text).metrics_address == text


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0:9", "[::]:9", "192.0.2.1:9", "localhost.example:9", "127.0.0.1,0.0.0.0:9"),
        *("[::ffff:0.0.0.0]:9", "127.1:9", "0:9", ":9", "127.0.0.1", "127.0.0.1:65536", "::1:9"),
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(Failure):
        Config(metrics_address=text)


def test_another_address_is_served_in_the_clear_where_a_setting_says_so() -> None:
    Config(metrics_address="0.0.0.0:9", insecure_allow_metrics_anywhere=True)


async def http_get(port: int, path: str) -> tuple[str, bytes]:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join([bytes(part) async for part in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().split("\r\n")[0], body


async def test_a_whole_server_is_scraped_at_an_address_of_its_own(tmp_path: Path) -> None:
    port = free_port()
    config = Config(
        data=tmp_path,
        kmip_port=0,
        https_port=0,
        store="memory:",
        audit="none",
        metrics_address=f"127.0.0.1:{port}",
    )
    serve.prepare(config, datetime.now(UTC))
    stop = trio.Event()

    async def exercise() -> None:
        assert await http_get(port, "/health") == ("HTTP/1.1 200 ", b'{"status": "UP"}')
        status, body = await http_get(port, "/ready")
        assert (status, json.loads(body)) == ("HTTP/1.1 200 ", UP)
        status, body = await http_get(port, "/metrics")
        found = scraped(body)
        assert set(found["strongroom_certificate_end_seconds"]) == {("kmip",), ("https",)}
        assert found["strongroom_connections_limit"] == {(): config.max_connections}
        assert (await http_get(port, "/kmip"))[0] == "HTTP/1.1 404 "
        stop.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:

            def started(up: service.Up) -> None:
                assert up.metrics == [f"127.0.0.1:{port}"]
                assert f"http://127.0.0.1:{port}/metrics" in serve.banner(config, up)
                nursery.start_soon(exercise)

            await service.serve(config, DiskSources(config), started=started, stop=stop)


async def test_an_address_that_another_program_has_ends_the_start_in_a_sentence(
    tmp_path: Path,
) -> None:
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken:
        address = f"127.0.0.1:{taken.socket.getsockname()[1]}"
        config = Config(data=tmp_path, kmip_port=0, store="memory:", metrics_address=address)
        with pytest.raises(Failure, match="metrics_address"):
            await service.serve(config, DiskSources(config))


PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


async def test_the_page_names_every_family_and_no_other(door: Door) -> None:
    names = {name for family in door.exposition.families() for name in family.sample_names}
    named = set(re.findall(r"^\| `(strongroom_\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    histogram = "strongroom_request_duration_seconds"
    assert {name for name in names if not name.startswith(histogram)} == named - {histogram}
    assert histogram in named
