"""The door of the real server: TLS versions, certificates, resumption, limits, and a bad press."""

import base64
import secrets
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, Operation
from kmip.masks import CryptographicUsageMask
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import V2_1
from server.__main__ import main
from server.pki import local_authority
from tests.e2e.program import Program, Remote, running
from tests.server.conftest import Failed, InProcessClient

pytestmark = pytest.mark.slow

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
PATIENCE = 30
"""Seconds after which a test has failed; nothing is concluded from being faster."""


async def works(program: Program) -> None:
    """Let a client in and answer it."""
    async with program.client() as ask:
        await ask(Operation.QUERY)


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_both_tls_versions_are_spoken(program: Program, version: ssl.TLSVersion):
    async with program.client(context=only(program.tls(), version)) as ask:
        await ask(Operation.QUERY)
        assert ask.stream.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_older_tls_is_not(program: Program):
    context = program.tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(trio.BrokenResourceError):
        async with program.client(context=only(context, ssl.TLSVersion.TLSv1_1)):
            pass
    await works(program)


async def test_tls_1_2_can_be_switched_off(tmp_path: Path):
    with running(tmp_path / "data", "--tls-minimum-version", "1.3") as program:
        await works(program)
        with pytest.raises(trio.BrokenResourceError):
            async with program.client(context=only(program.tls(), VERSIONS[0])):
                pass


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_without_a_certificate_nobody_comes_in(program: Program, version: ssl.TLSVersion):
    context = ssl.create_default_context(cafile=program.data / "tls" / "ca.pem")
    with pytest.raises(trio.BrokenResourceError):
        async with program.client(context=only(context, version)) as ask:
            await ask(Operation.QUERY)
    await works(program)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_a_certificate_of_another_authority_is_refused(
    program: Program, tmp_path: Path, version: ssl.TLSVersion
):
    pair = local_authority.ensure_client(tmp_path, "client", datetime.now(UTC))
    context = ssl.create_default_context(cafile=program.data / "tls" / "ca.pem")
    context.load_cert_chain(pair.certificate, pair.key)
    with pytest.raises(trio.BrokenResourceError):
        async with program.client(context=only(context, version)) as ask:
            await ask(Operation.QUERY)
    await works(program)


def query() -> bytes:
    message = RequestMessage(
        request_header=RequestHeader(protocol_version=V2_1, batch_count=1),
        batch_item=(InProcessClient(None, None).item(Operation.QUERY),),  # type: ignore[arg-type]
    )
    return ttlv.encode(to_item(message, Tag.REQUEST_MESSAGE, V2_1))


def visit(
    program: Program, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[bool | None, ssl.SSLSession | None]:
    """Ask one question on a new connection; whether the session was resumed, and its own."""
    with (
        socket.create_connection(("127.0.0.1", program.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as stream,
    ):
        stream.sendall(query())
        assert stream.recv(8)[:3] == b"\x42\x00\x7b"
        return stream.session_reused, stream.session


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
async def test_sessions_are_resumed(program: Program, version: ssl.TLSVersion):
    context = only(program.tls(), version)
    reused, session = await trio.to_thread.run_sync(visit, program, context, None)
    assert not reused
    assert session is not None
    assert session.has_ticket
    for _ in range(3):
        reused, session = await trio.to_thread.run_sync(visit, program, context, session)
        assert reused


async def test_a_session_does_not_outlive_the_process(tmp_path: Path):
    sessions = []
    with running(tmp_path / "data") as program:
        for version in VERSIONS:
            context = only(program.tls(), version)
            sessions.append(
                (context, (await trio.to_thread.run_sync(visit, program, context, None))[1])
            )
    with running(tmp_path / "data") as program:
        for context, session in sessions:
            reused, _ = await trio.to_thread.run_sync(visit, program, context, session)
            assert not reused


async def test_a_refused_certificate_ends_its_connections_and_comes_in_no_more(tmp_path: Path):
    with running(tmp_path / "data") as program, trio.fail_after(PATIENCE):
        tls = program.data / "tls"
        local_authority.ensure_client(tls, "other", datetime.now(UTC))
        sessions = []
        for version in VERSIONS:
            context = only(program.tls(), version)
            _, session = await trio.to_thread.run_sync(visit, program, context, None)
            sessions.append((context, session))
        async with program.client() as ask, program.client(context=program.tls("other")) as other:
            await ask(Operation.QUERY)
            words = ("add", tls / "client.pem", "--data", program.data)
            assert main(["refuse-certificate", *map(str, words)]) == 0
            assert await until_closed(ask.stream) == b""
            await other(Operation.QUERY)
            for context, session in sessions:
                for kept in (None, session):
                    with pytest.raises((OSError, AssertionError)):
                        await trio.to_thread.run_sync(visit, program, context, kept)
            await other(Operation.QUERY)
        said = program.said()
        assert "the connection of client from 127.0.0.1 ends: certificate refused" in said
        assert "the client client from 127.0.0.1 is refused: certificate refused" in said


async def test_a_refused_handshake_is_told_to_the_client_and_to_the_operator(
    program: Program, tmp_path: Path
):
    pair = local_authority.ensure_client(tmp_path, "stranger", datetime.now(UTC))
    context = ssl.create_default_context(cafile=program.data / "tls" / "ca.pem")
    context.load_cert_chain(pair.certificate, pair.key)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert unknown ca"):
        await trio.to_thread.run_sync(visit, program, context, None)
    with trio.fail_after(PATIENCE):  # the alert goes out before the line is written
        while "(certificate of stranger)" not in program.said():
            await trio.lowlevel.checkpoint()


# What a bad press can do

Press = Callable[[Program], Awaitable[None]]


async def until_closed(stream: trio.abc.ReceiveStream) -> bytes:
    """What still comes before the server closes."""
    data = b""
    try:
        while more := await stream.receive_some():
            data += more
    except trio.BrokenResourceError:
        pass
    return data


async def talks_http(program: Program) -> None:
    async with await program.socket() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until_closed(stream)


async def sends_noise(program: Program) -> None:
    async with await program.socket() as stream:
        await stream.send_all(secrets.token_bytes(1000))
        await until_closed(stream)


async def hangs_up(program: Program) -> None:
    await (await program.socket()).aclose()


async def hangs_up_within_a_record(program: Program) -> None:
    stream = await program.socket()
    await stream.send_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20))
    await stream.aclose()


async def resets(program: Program) -> None:
    stream = await program.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.send_all(b"\x16\x03\x01")
    await trio.aclose_forcefully(stream)


async def resets_after_the_handshake(program: Program) -> None:
    async with program.client() as ask:
        transport = ask.stream.transport_stream
        transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def resets_before_its_answer(program: Program) -> None:
    async with program.client() as ask:
        await ask.send(ask.item(Operation.RNG_RETRIEVE, data_length=500_000))
        transport = ask.stream.transport_stream
        transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def breaks_a_record_after_the_handshake(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.transport_stream.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        await until_closed(ask.stream.transport_stream)


async def leaves_within_a_record_after_the_handshake(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.transport_stream.send_all(b"\x17\x03\x03\x40\x00" + bytes(100))


async def leaves_within_a_message(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.send_all(query()[:50])


async def sends_noise_in_tls(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.send_all(secrets.token_bytes(1000))
        assert await until_closed(ask.stream)  # a message that says why


async def sends_noise_in_a_message(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.send_all(b"\x42\x00\x78\x01\x00\x00\x03\xe8" + secrets.token_bytes(1000))
        answer = await ask.receive()
        assert len(answer.batch_item) == 1
        await ask(Operation.QUERY)


async def sends_the_next_before_its_answers(program: Program) -> None:
    async with program.client() as ask:
        await ask.stream.send_all(query() * 20)
        for _ in range(20):
            ask.payload(*(await ask.receive()).batch_item)


async def closes_politely(program: Program) -> None:
    async with program.client() as ask:
        await ask(Operation.QUERY)
        await ask.stream.aclose()


PRESS: list[Press] = [
    talks_http,
    sends_noise,
    hangs_up,
    hangs_up_within_a_record,
    resets,
    resets_after_the_handshake,
    resets_before_its_answer,
    breaks_a_record_after_the_handshake,
    leaves_within_a_record_after_the_handshake,
    leaves_within_a_message,
    sends_noise_in_tls,
    sends_noise_in_a_message,
    sends_the_next_before_its_answers,
    closes_politely,
]


@pytest.mark.parametrize("press", PRESS, ids=lambda press: press.__name__)
async def test_a_bad_press_is_let_go_and_others_are_served(program: Program, press: Press):
    with trio.fail_after(PATIENCE):
        await press(program)
        await works(program)
    assert "Traceback" not in program.said()


# Limits


async def test_handshakes_and_messages_have_their_time(tmp_path: Path):
    words = ("--handshake-seconds", 1, "--read-seconds", 0.2)
    with running(tmp_path / "data", *words) as program, trio.fail_after(PATIENCE):
        async with await program.socket() as silent, await program.socket() as half:
            await half.send_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
            assert await until_closed(silent) == b""
            assert await until_closed(half) == b""
        async with program.client() as ask:
            await ask.stream.send_all(query()[:50])
            assert await until_closed(ask.stream) == b""
        await works(program)
        assert "not done in time" in program.said()


@pytest.mark.parametrize(
    "words",
    [("--max-connections", 3), ("--max-connections-per-address", 3)],
    ids=["in all", "for one address"],
)
async def test_connections_have_a_limit(tmp_path: Path, words: tuple[object, ...]):
    with running(tmp_path / "data", *words) as program, trio.fail_after(PATIENCE):
        first = await program.socket()  # one that is still in its handshake counts
        async with program.client() as second, program.client() as third:
            await second(Operation.QUERY)
            async with await program.socket() as fourth:
                assert await until_closed(fourth) == b""
            await first.aclose()
            await second(Operation.QUERY)
            await third(Operation.QUERY)
            await again(program)
        assert "too many connections" in program.said()


async def again(program: Program) -> None:
    """Come in as soon as the server has noticed that there is room."""
    while True:
        try:
            await works(program)
        except trio.BrokenResourceError:
            continue
        return


# Nobody waits for others


def named(name: str) -> Attributes:
    return Attributes([(Tag.OBJECT_GROUP, name)])


def key(algorithm: CryptographicAlgorithm, length: int, mask: CryptographicUsageMask) -> Attributes:
    return Attributes(
        [
            (Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm),
            (Tag.CRYPTOGRAPHIC_LENGTH, length),
            (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask),
        ]
    )


def rsa() -> Attributes:
    return key(CryptographicAlgorithm.RSA, 4096, CryptographicUsageMask.SIGN)


def creation(ask: InProcessClient, name: str) -> RequestBatchItem:
    """A batch item that makes a key in the group `name`."""
    attributes = key(CryptographicAlgorithm.AES, 256, CryptographicUsageMask.ENCRYPT)
    attributes.update(named(name))
    item: RequestBatchItem = ask.item(
        Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes
    )
    return item


async def test_the_silent_and_the_slow_delay_nobody(program: Program):
    with trio.fail_after(PATIENCE):
        silent = [await program.socket() for _ in range(20)]
        async with program.client() as slow, program.client() as deaf, program.client() as ask:
            await slow.stream.send_all(query()[:-1])
            for _ in range(20):  # more than the sockets take on the way; nobody reads it
                await deaf.send(deaf.item(Operation.RNG_RETRIEVE, data_length=200_000))
            for _ in range(50):
                await ask(Operation.QUERY)
            await slow.stream.send_all(query()[-1:])
            slow.payload(*(await slow.receive()).batch_item)
        for one in silent:
            await one.aclose()


async def under_way(ask: Remote, name: str) -> None:
    """Wait until a batch whose first item makes an object of that name has begun."""
    while not (await ask(Operation.LOCATE, attributes=named(name))).unique_identifier:
        pass


async def test_a_long_batch_delays_nobody(program: Program):
    with trio.fail_after(PATIENCE):
        async with program.client() as long, program.client() as ask:
            items = [creation(long, "long batch")] + [creation(long, "x") for _ in range(200)]
            await long.send(*items)
            order = []
            async with trio.open_nursery() as nursery:

                async def answered() -> None:
                    assert len((await long.receive()).batch_item) == len(items)
                    order.append("long")

                nursery.start_soon(answered)
                await under_way(ask, "long batch")
                await ask(Operation.QUERY)
                order.append("other")
    assert order == ["other", "long"]


async def test_slow_key_generation_delays_nobody(program: Program):
    with trio.fail_after(60):
        async with program.client() as slow, program.client() as ask:
            pairs = [
                slow.item(Operation.CREATE_KEY_PAIR, common_attributes=rsa()) for _ in range(3)
            ]
            await slow.send(creation(slow, "slow keys"), *pairs)
            order = []
            async with trio.open_nursery() as nursery:

                async def answered() -> None:
                    for item in (await slow.receive()).batch_item:
                        slow.payload(item)
                    order.append("slow")

                nursery.start_soon(answered)
                await under_way(ask, "slow keys")
                for _ in range(5):
                    await ask(Operation.QUERY)
                order.append("other")
    assert order == ["other", "slow"]


# The end


async def test_a_stop_answers_what_is_in_flight_and_waits_for_nobody_else(tmp_path: Path):
    with running(tmp_path / "data", "--stop-seconds", 600) as program, trio.fail_after(PATIENCE):
        async with (
            await program.socket() as silent,
            program.client() as idle,
            program.client() as busy,
            program.client() as ask,
        ):
            await idle(Operation.QUERY)
            items = [creation(busy, "in flight")] + [creation(busy, "x") for _ in range(200)]
            await busy.send(*items)
            await under_way(ask, "in flight")
            program.process.terminate()
            for item in (await busy.receive()).batch_item:
                busy.payload(item)
            assert await until_closed(idle.stream) == b""
            assert await until_closed(busy.stream) == b""
            assert await until_closed(silent) == b""
        assert await trio.to_thread.run_sync(program.process.wait) == 0
    assert "Traceback" not in program.said()


async def test_a_stop_does_not_wait_for_ever(tmp_path: Path):
    with running(tmp_path / "data", "--stop-seconds", 0.2) as program, trio.fail_after(PATIENCE):
        async with program.client() as slow:
            await slow.stream.send_all(query()[:-1])
            await works(program)
            program.process.terminate()
            assert await until_closed(slow.stream) == b""
        assert await trio.to_thread.run_sync(program.process.wait) == 0
    assert "Traceback" not in program.said()


async def test_a_client_replaces_its_certificate_and_comes_by_the_new_one(tmp_path: Path):
    with running(tmp_path / "data") as program:
        async with program.client() as ask:
            made = await ask(Operation.REPROVISION)
            wanted = {"key_format_type": KeyFormatType.PKCS_8}
            got = await ask(Operation.GET, unique_identifier=made.unique_identifier, **wanted)
            pem = pem_of("PRIVATE KEY", got.object.key_block.key_material)
            found = await ask(Operation.GET_ATTRIBUTES, unique_identifier=made.unique_identifier)
            link = next(
                each.linked_object_identifier
                for each in found.attributes.all(Tag.LINK)
                if each.link_type == LinkType.CERTIFICATE_LINK
            )
            got = await ask(Operation.GET, unique_identifier=link)
            pem += pem_of("CERTIFICATE", got.object.certificate_value)
        new = tmp_path / "new.pem"
        new.write_text(pem)
        context = ssl.create_default_context(cafile=program.data / "tls" / "ca.pem")
        context.load_cert_chain(new)
        async with program.client(context=context) as ask:
            await ask(Operation.GET, unique_identifier=made.unique_identifier)
            await ask(Operation.QUERY)
        async with program.client() as ask:
            with pytest.raises(Failed):
                await ask(Operation.QUERY)


def pem_of(label: str, der: bytes) -> str:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"
