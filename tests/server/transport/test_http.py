"""HTTP over memory streams: routes, errors, limits."""

import contextlib
import json

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.access.client import Client
from server.setup.shutdown import Shutdown
from server.transport.acceptor import Peer
from server.transport.http import (
    LINGER_SECONDS,
    HTTPConnection,
    HTTPError,
    Limits,
    Request,
    Response,
    Route,
    answer,
)

LIMITS = Limits(idle_seconds=60, read_seconds=10, write_seconds=10)
PEER = Peer("test", Client("alice"), b"certificate")


async def echo(request: Request) -> Response:
    return answer({"body": request.body.decode(), "query": dict(request.query)})


async def refuse(request: Request) -> Response:
    raise HTTPError(422, "that will not do")


async def broken(request: Request) -> Response:
    raise RuntimeError("the secret is hunter2")


ROUTES = {
    ("GET", "/echo"): Route(echo),
    ("POST", "/echo"): Route(echo, max_body_bytes=100),
    ("POST", "/refuse"): Route(refuse, max_body_bytes=100),
    ("GET", "/broken"): Route(broken),
}


async def serve(stream: trio.abc.Stream, shutdown: Shutdown | None = None) -> None:
    await HTTPConnection(stream, PEER, ROUTES, LIMITS, shutdown or Shutdown()).serve()
    await stream.aclose()


async def exchange(nursery: trio.Nursery, data: bytes, step: int = 10_000) -> bytes:
    mine, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve, theirs)
    with contextlib.suppress(trio.BrokenResourceError):  # the server may have closed before
        for at in range(0, len(data), step):
            await mine.send_all(data[at : at + step])
        await mine.send_eof()
    got = b""
    while part := await mine.receive_some():
        got += part
    return got


def post(path: bytes, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)


def status(data: bytes) -> int:
    return int(data.split(b" ")[1])


@pytest.mark.parametrize("step", [1, 10, 10_000])
async def test_requests_are_answered_however_they_are_cut(nursery, step):
    got = await exchange(nursery, post(b"/echo?a=1&a=2", b"hello") * 2, step)
    assert got.count(b"HTTP/1.1 200") == 2
    body = json.loads(got[got.rindex(b"\r\n\r\n") :])
    assert body == {"body": "hello", "query": {"a": "2"}}


@pytest.mark.parametrize(
    "request_,expected",
    [
        (post(b"/nothing", b""), 404),
        (post(b"/broken", b""), 405),
        (post(b"/echo", b"x" * 101), 413),
        (post(b"/refuse", b""), 422),
        (b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", 500),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /echo HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /echo?" + b"a=1&" * 20 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
    ids=["path", "method", "body", "refused", "fault", "tls", "head", "query"],
)
async def test_what_is_refused_says_so_and_no_more(nursery, request_, expected):
    got = await exchange(nursery, request_)
    assert status(got) == expected
    assert set(json.loads(got[got.rindex(b"\r\n\r\n") :])) == {"error"}
    assert b"hunter2" not in got


@given(data=st.binary(max_size=300))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_get_a_proper_answer_or_a_clean_close(nursery, data):
    got = await exchange(nursery, data)
    assert got == b"" or got.startswith(b"HTTP/1.1 ")


async def test_a_slow_request_is_cut_off(nursery, autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    start = trio.current_time()
    nursery.start_soon(serve, theirs)
    await mine.send_all(b"GET /ec")
    assert await mine.receive_some() == b""
    assert trio.current_time() - start == pytest.approx(LIMITS.read_seconds)


async def test_an_idle_client_is_let_go(nursery, autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    start = trio.current_time()
    nursery.start_soon(serve, theirs)
    assert await mine.receive_some() == b""
    assert trio.current_time() - start == pytest.approx(LIMITS.idle_seconds)


def test_secrets_do_not_show():
    request = Request("POST", "/x", {"t": "hunter2"}, {"a": "hunter2"}, b"hunter2", PEER)
    assert "hunter2" not in repr(request)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(body):
    with pytest.raises(HTTPError):
        Request("POST", "/x", {}, {}, body, PEER).json()


async def test_the_answer_to_head_has_no_body(nursery):
    got = await exchange(nursery, b"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status(got) == 200
    assert b"Content-Length: 25" in got  # of what GET would give
    assert got.endswith(b"\r\n\r\n")
    got = await exchange(nursery, b"HEAD /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status(got) == 405
    assert got.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", [b"get", b"Get", b"gET", b"post"])
async def test_methods_differ_by_case(nursery, method):
    got = await exchange(nursery, method + b" /echo HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status(got) == 405
    assert b"\r\nAllow: GET, POST, HEAD, OPTIONS\r\n" in got


HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
LENGTHS = (
    b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n",
    b"transfer-encoding: Chunked\r\ncontent-length: 15\r\n",
    b"Content-Length: 0\r\nX: y\r\nTransfer-Encoding: chunked\r\n",
)


@pytest.mark.parametrize("step", [1, 10_000])
@pytest.mark.parametrize(
    "request_",
    [
        *(HEAD + both + b"\r\n5\r\nhello\r\n0\r\n\r\n" for both in LENGTHS),
        HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: a\r\n\tb\r\nContent-Length: 0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\n Host: x\r\n\r\n",
        b"POST /echo HTTP/1.1\nHost: x\r\nContent-Length: 0\r\n\r\n",
        HEAD + b"X: a\nContent-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\n",
        HEAD + b"Content-Length: 0\n\n",
        HEAD + b"Content-Length: 0\n\r\n",
        b"\n" + HEAD + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"\n",
        CHUNKED + b"X: a\n\r\n",
        CHUNKED + b"X: a\r\n b\r\n\r\n",
    ],
)
async def test_what_another_reader_could_take_for_two_requests_is_refused(nursery, request_, step):
    """RFC 9112: sections 6.1 (two lengths), 2.2 (bare LF), 5.2 (obs-fold)."""
    got = await exchange(nursery, request_ + post(b"/echo", b""), step)
    assert status(got) == 400
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in got


@pytest.mark.parametrize("step", [1, 10_000])
async def test_chunked_bodies_with_a_trailer_are_taken(nursery, step):
    got = await exchange(nursery, (CHUNKED + b"\r\n") + (CHUNKED + b"X: a\r\n\r\n"), step)
    assert got.count(b"HTTP/1.1 200") == 2


async def test_a_target_that_is_no_url_is_refused(nursery):
    assert status(await exchange(nursery, b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n")) == 400


async def test_a_stranger_is_refused_before_the_body_is_kept(nursery):
    seen = []

    def admit(request: Request) -> str:
        seen.append(request.body)
        if request.headers.get("authorization") != "right":
            raise HTTPError(401, "not you")
        return "operator"

    async def handle(request: Request) -> Response:
        return answer({"who": request.who, "body": len(request.body)})

    routes = {("POST", "/x"): Route(handle, 100_000, admit)}

    async def ask(head: bytes, body: bytes) -> bytes:
        mine, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(HTTPConnection(theirs, PEER, routes, LIMITS, Shutdown()).serve)
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        for _ in range(2):
            await mine.send_all(b"POST /x HTTP/1.1\r\nHost: x\r\n" + head + length + body)
        await mine.send_eof()
        got = b""
        while got.count(b"HTTP/1.1") < 2 or not got.endswith(b"}"):
            got += await mine.receive_some()
        return got

    # Refused and read to its end, so that the connection goes on; never kept.
    assert (await ask(b"", b"x" * 90_000)).count(b"HTTP/1.1 401") == 2
    got = await ask(b"Authorization: right\r\n", b"x" * 90_000)
    assert got.count(b'{"who": "operator", "body": 90000}') == 2
    assert seen == [b""] * 4


@pytest.mark.parametrize("head", [b"Expect: 100-continue\r\n", b""])
async def test_a_stranger_with_too_much_to_say_is_cut_off(nursery, autojump_clock, head):
    def admit(request: Request) -> str:
        raise HTTPError(401, "not you")

    mine, theirs = trio.testing.memory_stream_pair()
    routes = {("POST", "/x"): Route(echo, 100, admit)}

    async def run() -> None:
        await HTTPConnection(theirs, PEER, routes, LIMITS, Shutdown()).serve()
        await theirs.aclose()

    nursery.start_soon(run)
    await mine.send_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n" + head + b"\r\n")
    if not head:
        await mine.send_all(b"x" * 500)
    got = b""
    while part := await mine.receive_some():
        got += part
    assert status(got) == 401
    assert b"Connection: close" in got


async def test_a_client_that_takes_no_answer_is_let_go(autojump_clock):
    sent, stuck = trio.testing.memory_stream_one_way_pair()
    one = trio.testing.MemorySendStream(send_all_hook=trio.sleep_forever)
    stream = trio.StapledStream(one, stuck)
    await sent.send_all(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
    start = trio.current_time()
    await HTTPConnection(stream, PEER, ROUTES, LIMITS, Shutdown()).serve()
    assert trio.current_time() - start == pytest.approx(LIMITS.write_seconds)


async def test_a_refused_client_may_send_to_its_end_before_it_reads(nursery, autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve, theirs)
    start = trio.current_time()
    await mine.send_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(10):
        await mine.send_all(b"x" * 10_000)
        await trio.sleep(0.1)
    got = await mine.receive_some()
    assert status(got) == 413
    assert await mine.receive_some() == b""
    assert trio.current_time() - start < 1 + LINGER_SECONDS
