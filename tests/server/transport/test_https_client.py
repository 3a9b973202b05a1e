"""Requests over real TLS to servers that behave, and to others."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.setup.failure import Failure
from server.transport import https_client, tls
from server.transport.https_client import Fetcher, FetchFailed, client_context
from tests.server.acme.fake_directory import localhost, utc_now

Answer = Callable[[trio.abc.Stream, bytes], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nReplay-Nonce: n\r\n\r\nhello"


@pytest.fixture(scope="module")
def vouched(tmp_path_factory: pytest.TempPathFactory) -> tuple[tls.Identity, Fetcher]:
    """An identity for localhost, and who accepts it."""
    identity, authority = localhost(utc_now())
    file: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    file.write_bytes(authority)
    return identity, Fetcher(client_context(file))


@asynccontextmanager
async def serving(identity: tls.Identity, answer: Answer) -> AsyncIterator[str]:
    """A server that reads a request's head; where it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.use_identity(context, identity)

    async def serve(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError):
            request = b""
            while b"\r\n\r\n" not in request:
                part = await stream.receive_some()
                if not part:
                    return
                request += part
            await answer(stream, request)
            await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"https://localhost:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def saying(data: bytes) -> Answer:
    async def answer(stream: trio.abc.Stream, request: bytes) -> None:
        await stream.send_all(data)

    return answer


async def test_a_reply_and_what_was_asked(vouched):
    identity, fetch = vouched
    requests = []

    async def answer(stream: trio.abc.Stream, request: bytes) -> None:
        requests.append(request)
        await stream.send_all(OK)

    async with serving(identity, answer) as url:
        reply = await fetch("POST", f"{url}/a/b?c=d", b"body", "text/plain")
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.headers["replay-nonce"] == "n"
    (request,) = requests
    assert request.startswith(b"POST /a/b?c=d HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\nbody")
    for line in (b"Content-Type: text/plain", b"User-Agent: strongroom/", b"Content-Length: 4"):
        assert line in request


async def test_a_refusal_is_a_reply_and_a_head_has_no_body(vouched):
    identity, fetch = vouched
    async with serving(identity, saying(OK.replace(b"200 OK", b"404 No"))) as url:
        assert (await fetch("GET", url)).status == 404
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with serving(identity, saying(head)) as url:
        assert (await fetch("HEAD", url)).body == b""


@pytest.mark.parametrize(
    "data,sentence",
    [
        (b"", "does not speak HTTP|ended before"),
        (b"SMTP is spoken here\r\n\r\n", "does not speak HTTP"),
        (OK[:-1], "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(https_client.MAX_REPLY_BYTES + 1), "too long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "does not speak HTTP"),
    ],
    ids=["nothing", "another protocol", "a part", "too much", "a long head"],
)
async def test_no_reply_is_told_in_a_clause(vouched, data, sentence):
    identity, fetch = vouched
    async with serving(identity, saying(data)) as url:
        with pytest.raises(FetchFailed, match=sentence):
            await fetch("GET", url)


async def test_nobody_is_believed_without_an_authority(vouched):
    identity, _ = vouched
    async with serving(identity, saying(OK)) as url:
        with pytest.raises(FetchFailed, match="certificate is not accepted"):
            await Fetcher(client_context())("GET", url)
        address = url.replace("localhost", "127.0.0.1")
        with pytest.raises(FetchFailed, match="certificate is not accepted"):
            await vouched[1]("GET", address)


async def test_who_is_not_there_or_slow(vouched):
    identity, fetch = vouched
    with pytest.raises(FetchFailed, match="cannot be reached"):
        await fetch("GET", "https://localhost:1/")

    async def wait(stream: trio.abc.Stream, request: bytes) -> None:
        await trio.sleep_forever()

    async with serving(identity, wait) as url:
        with pytest.raises(FetchFailed, match="in time"):
            await replace(fetch, seconds=0.2)("GET", url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "https://",
        "ftp://localhost",
        "https://user@localhost/",
        "https://localhost:99999999/",
        "https://localhost/a b",
        "https://localhost/\r\nX: y",
        "https://[::1",
        "",
    ],
)
async def test_addresses_that_are_not_asked(vouched, url):
    with pytest.raises(FetchFailed, match="address"):
        await vouched[1]("GET", url)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=st.text(max_size=30).map("https://".__add__) | st.text(max_size=30))
def test_any_text_as_an_address(url):
    with suppress(FetchFailed):
        https_client._place(url)


def test_authorities_that_are_none(tmp_path):
    file = tmp_path / "ca.pem"
    with pytest.raises(Failure, match=r"ca\.pem"):
        client_context(file)
    file.write_text("nothing")
    with pytest.raises(Failure, match=r"ca\.pem"):
        client_context(file)
