"""Who else comes by while a challenge is answered: garbage, the curious, the slow, too many."""

import ssl
from contextlib import suppress

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.acme.challenges import (
    HTTP01,
    MAX_HELLO_BYTES,
    OFFER,
    TLSALPN01,
    ServiceContext,
    service_context,
)
from server.acme.client import Challenge
from server.acme.replies import Refused
from server.transport import tls
from server.transport.plain_http import MAX_CONNECTIONS
from tests.free_ports import free_ports
from tests.server.acme.fake_directory import authority_pair, utc_now

CHALLENGE = Challenge("kms.example.test", "token", "token.thumbprint")


def service() -> ServiceContext:
    context = service_context()
    key, certificate = authority_pair("the service", utc_now())
    tls.use_identity(context, tls.Identity(key, certificate, ()))
    return context


def greet(context: ssl.SSLContext, name: str, protocols: list[str], piece: int) -> str | None:
    """The protocol that a client and this server agree on; greetings arrive in pieces."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.set_alpn_protocols(protocols)
    up, down, wire = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    mine = client.wrap_bio(down, wire, server_hostname=name)
    theirs = context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        with suppress(ssl.SSLWantReadError):
            mine.do_handshake()
        while data := wire.read(piece):
            up.write(data)
            with suppress(ssl.SSLWantReadError):
                theirs.do_handshake()
    return mine.selected_alpn_protocol()


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize(
    "name,protocols,agreed",
    [
        ("kms.example.test", ["acme-tls/1"], "acme-tls/1"),
        ("KMS.example.TEST", ["acme-tls/1"], "acme-tls/1"),
        ("other.example.test", ["acme-tls/1"], None),
        ("kms.example.test", ["http/1.1"], None),
        ("kms.example.test", ["acme-tls/10"], None),
    ],
)
async def test_who_is_shown_the_challenge(name, protocols, agreed, piece):
    context = service()
    async with TLSALPN01(context, utc_now).answered(CHALLENGE):
        assert greet(context, name, protocols, piece) == agreed
    assert greet(context, name, protocols, piece) is None


async def test_a_greeting_without_an_end_is_not_kept():
    context = service()
    async with TLSALPN01(context, utc_now).answered(CHALLENGE):
        up = ssl.MemoryBIO()
        theirs = context.wrap_bio(up, ssl.MemoryBIO(), server_side=True)
        record = b"\x16\x03\x01\x40\x00\x01\x01\xff\xfc" + bytes(0x4000 - 4)
        with suppress(ssl.SSLError):
            for _ in range(100):
                up.write(record)
                with suppress(ssl.SSLWantReadError):
                    theirs.do_handshake()
        assert len(theirs.heard) <= MAX_HELLO_BYTES + len(record)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), at=st.integers(0, 300))
async def test_garbage_is_an_error_of_tls(data, at):
    context = service()
    async with TLSALPN01(context, utc_now).answered(CHALLENGE):
        up = ssl.MemoryBIO()
        theirs = context.wrap_bio(up, ssl.MemoryBIO(), server_side=True)
        up.write(data[:at] + OFFER + data[at:])
        with pytest.raises(ssl.SSLError):
            theirs.do_handshake()


async def exchange(port: int, data: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(data)
        got = b""
        with suppress(trio.BrokenResourceError):
            while part := await stream.receive_some():
                got += part
    return got


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


async def test_the_plain_port_answers_one_path_and_nothing_else():
    (port,) = free_ports(1)
    async with trio.open_nursery() as nursery:
        way = HTTP01("127.0.0.1", port, nursery)
        async with way.answered(CHALLENGE):
            path = "/.well-known/acme-challenge/token"
            assert (await exchange(port, get(path))).endswith(b"\r\n\r\ntoken.thumbprint")
            for other in ("/", path + "x", path + "/", "/status", "/quote", path.upper()):
                assert b" 404 " in (await exchange(port, get(other))).splitlines()[0]
            assert b" 405 " in await exchange(port, get(path).replace(b"GET", b"POST"))
            assert b" 400 " in await exchange(port, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
            with pytest.raises(Refused, match=f"port {port} cannot be had"):
                async with way.answered(CHALLENGE):
                    pass
        with pytest.raises(OSError):
            await exchange(port, b"")


async def test_those_who_only_wait_keep_nobody_from_it():
    (port,) = free_ports(1)
    async with (
        trio.open_nursery() as nursery,
        HTTP01("127.0.0.1", port, nursery).answered(CHALLENGE),
    ):
        idle = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(MAX_CONNECTIONS)]
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert await exchange(port, get("/")) == b""  # closed at once, not queued
        for stream in idle:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert b" 404 " in await exchange(port, get("/"))


async def test_the_slow_are_left(autojump_clock):
    (port,) = free_ports(1)
    async with (
        trio.open_nursery() as nursery,
        HTTP01("127.0.0.1", port, nursery).answered(CHALLENGE),
    ):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        with suppress(trio.BrokenResourceError):
            while trio.current_time() < 60:
                await stream.send_all(b"x")
                await trio.sleep(1)
        assert trio.current_time() < 60
        await stream.aclose()
