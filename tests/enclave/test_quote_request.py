import pytest
import trio
import trio.testing

from enclave.errors import AttesterBusy, InvalidEvidence
from enclave.quote_request import MAX_ANSWER_BYTES, HTTPAsk

NONCE = bytes(range(32))


def http(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status.encode(), len(body)) + body


async def exchange(raw, piece=None, *, close=False):
    """The request that a server got, and what its answer `raw` was understood as."""
    client, server = trio.testing.memory_stream_pair()
    request = b""

    async def answer():
        nonlocal request
        while b"\r\n\r\n" not in request:
            request += await server.receive_some()
        size = piece or len(raw) or 1
        for start in range(0, len(raw), size):
            await server.send_all(raw[start : start + size])
        if close:
            await server.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        try:
            answered = await HTTPAsk("kms.example")(client, NONCE)
        except (AttesterBusy, InvalidEvidence) as error:
            answered = error
        nursery.cancel_scope.cancel()
    return request, answered


async def test_the_request_and_its_answer():
    request, body = await exchange(http(b"evidence"))
    assert body == b"evidence"
    assert request.startswith(
        b"GET /quote?nonce=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 HTTP/1.1\r\n"
    )
    assert b"Host: kms.example\r\n" in request


@pytest.mark.parametrize("piece", [1, 7, None])
async def test_an_answer_may_come_in_pieces_or_chunks(piece):
    assert (await exchange(http(b"evidence"), piece))[1] == b"evidence"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"4\r\nevid\r\n4\r\nence\r\n0\r\n\r\n"
    assert (await exchange(chunked, piece))[1] == b"evidence"


@pytest.mark.parametrize(
    "raw, why",
    [
        (http(b"no", "500 Internal Server Error"), "answers 500"),
        (http(bytes(MAX_ANSWER_BYTES + 1)), "more than"),
        (http(b"x") + b"and more", "bytes follow"),
        (b"SSH-2.0\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200000, "not HTTP"),
    ],
)
async def test_what_is_no_answer(raw, why):
    _, error = await exchange(raw)
    assert isinstance(error, InvalidEvidence)
    assert why in str(error)


@pytest.mark.parametrize("raw", [b"", http(b"evidence")[:-1], http(b"evidence")[:9]])
async def test_an_answer_cut_short(raw):
    _, error = await exchange(raw, close=True)
    assert isinstance(error, InvalidEvidence)


async def test_no_answer_at_all(autojump_clock):
    client, _server = trio.testing.memory_stream_pair()
    with pytest.raises(trio.TooSlowError):
        await HTTPAsk("kms.example")(client, NONCE)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_server_without_time_is_told_from_one_that_refuses(status):
    _, error = await exchange(http(b"no", status))
    assert isinstance(error, AttesterBusy)
