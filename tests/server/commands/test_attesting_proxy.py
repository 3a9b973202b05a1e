"""The proxy between a client and a server whose evidence is accepted, or is not."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio.testing

from enclave.client import Attested
from server.__main__ import main
from server.commands.attested_key import FreshEvidence
from server.commands.attesting_proxy import AttestingProxy, Forward, local_context
from server.commands.server_options import user_context
from server.setup.failure import Failure
from tests.server.commands.tls_pairs import Pair, Session, listening, made

USER, PROXY, SERVER = made("user"), made("proxy"), made("server")
LARGE = 32 << 20

Stream = trio.SSLStream[trio.SocketStream]


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some():
        await stream.send_all(data)


@dataclass
class Place:
    """A proxy that runs.

    Attributes:
        port: its port.
        evidence: what the server's evidence is found to be.
        verified: how many times it was looked at.
        streams: its clients' connections, closed with it.
    """

    directory: Path
    evidence: Attested | Failure = field(default_factory=lambda: SERVER.attested)
    verified: int = 0
    port: int = 0
    streams: list[Stream] = field(default_factory=list)

    async def verify(self) -> Attested:
        self.verified += 1
        await trio.lowlevel.checkpoint()
        if isinstance(self.evidence, Failure):
            raise self.evidence
        return self.evidence

    @asynccontextmanager
    async def proxy(self, port: int, *, user: Pair | None = USER, limit: int = 10):
        near = local_context(
            *PROXY.files(self.directory / "proxy"), None if user is None else user.certificate
        )
        far = user_context(*USER.files(self.directory / "user"))
        proxy = AttestingProxy("127.0.0.1", FreshEvidence(self.verify), limit)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(proxy.serve, [Forward(listeners, near, port, far)])
            try:
                yield self
            finally:
                nursery.cancel_scope.cancel()
                for stream in self.streams:
                    stream.transport_stream.socket.close()

    async def visit(self, as_user: Pair | None = USER) -> Stream:
        """A client's connection to the proxy."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if as_user is not None:
            as_user.load_into(context)
        tcp = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(tcp, context, https_compatible=True)
        self.streams.append(stream)
        return stream


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@asynccontextmanager
async def between(place: Place, session: Session = echo, **more) -> AsyncIterator[Place]:
    with trio.fail_after(30):
        async with listening(SERVER, session) as port, place.proxy(port, **more):
            yield place


async def ends(stream: Stream) -> bytes:
    """What still comes until the connection ends, however it does."""
    got = b""
    try:
        while data := await stream.receive_some():
            got += data
    except trio.BrokenResourceError:
        pass
    return got


async def test_bytes_are_forwarded_as_they_are_and_each_connection_is_attested(place: Place):
    async with between(place):
        for count in (1, 2, 3):
            stream = await place.visit()
            for sent in (b"one", bytes(range(256)) * 1000):
                got = b""
                await stream.send_all(sent)
                while len(got) < len(sent):
                    got += await stream.receive_some()
                assert got == sent
            assert place.verified == count
            await stream.aclose()


async def test_the_server_sees_the_users_certificate(place: Place):
    names: list[bytes] = []

    async def note(stream: Stream) -> None:
        names.append(stream.getpeercert(True) or b"")
        await stream.send_all(b"seen")

    asking = SERVER.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    asking.load_verify_locations(*USER.files(place.directory / "trusted")[:1])
    async with listening(SERVER, note, asking) as port, place.proxy(port):
        stream = await place.visit()
        assert await ends(stream) == b"seen"
    (presented,) = names
    assert presented == ssl.PEM_cert_to_DER_cert(Path(USER.files(place.directory)[0]).read_text())


async def test_where_the_evidence_is_refused_nobody_is_connected_to(place: Place, caplog):
    connections: list[Stream] = []

    async def note(stream: Stream) -> None:
        connections.append(stream)

    place.evidence = Failure("The server is not accepted: its settings changed.")
    async with between(place, note):
        stream = await place.visit()
        await stream.send_all(b"secret")
        assert await ends(stream) == b""
    assert connections == []
    assert "its settings changed" in caplog.text


async def test_a_server_with_another_key_than_the_evidence_names_is_sent_nothing(
    place: Place, caplog
):
    got: list[bytes] = []

    async def note(stream: Stream) -> None:
        got.append(bytes(await stream.receive_some()))

    place.evidence = made("another").attested
    async with between(place, note):
        stream = await place.visit()
        await stream.send_all(b"secret")
        assert await ends(stream) == b""
    assert got in ([], [b""])
    assert "another key than the evidence names" in caplog.text


@pytest.mark.parametrize("who", [None, made("another user")], ids=["nobody", "another user"])
async def test_only_who_shows_the_users_certificate_is_let_in(place: Place, who: Pair | None):
    async with between(place):
        stream = await place.visit(who)
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"secret")
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    assert place.verified == 0


async def test_without_a_user_everybody_is_let_in(place: Place):
    async with between(place, user=None):
        stream = await place.visit(None)
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"


async def test_a_client_that_has_ended_its_sending_side_gets_the_answer(place: Place):
    half_closed = trio.Event()

    async def answer(stream: Stream) -> None:
        assert await stream.receive_some() == b"the last request"
        while await stream.transport_stream.socket.recv(1, socket.MSG_PEEK):
            await stream.transport_stream.socket.recv(1)
        half_closed.set()
        await stream.send_all(b"the answer")

    async with between(place, answer):
        stream = await place.visit()
        await stream.send_all(b"the last request")
        await stream.transport_stream.send_eof()
        assert await ends(stream) == b"the answer"
        assert half_closed.is_set(), "the server was told that no more comes"


async def test_a_server_that_breaks_off_is_not_made_a_proper_end(place: Place):
    async def break_off(stream: Stream) -> None:
        await stream.send_all(b"the first half")
        await trio.aclose_forcefully(stream.transport_stream)

    async with between(place, break_off):
        stream = await place.visit()
        assert await stream.receive_some() == b"the first half"
        stream._https_compatible = False
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()


async def test_what_the_server_does_not_take_is_not_read_from_the_client(place: Place):
    taken = trio.Event()
    got = sent = 0

    async def slow(stream: Stream) -> None:
        nonlocal got
        await taken.wait()
        while got < LARGE:
            got += len(await stream.receive_some())
        await stream.send_all(b"done")

    async with between(place, slow):
        stream = await place.visit()

        async def send() -> None:
            nonlocal sent
            for _ in range(LARGE // 65_536):
                await stream.send_all(bytes(65_536))
                sent += 65_536

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            before = -1
            while before != sent:
                before = sent
                await trio.testing.wait_all_tasks_blocked(0.05)
            assert 0 < sent < LARGE, "it waits in the client"
            taken.set()
        assert await stream.receive_some() == b"done"
    assert (sent, got) == (LARGE, LARGE)


async def test_connections_beyond_the_limit_are_closed_and_places_come_back(place: Place):
    async with between(place, limit=1):
        first = await place.visit()
        await first.do_handshake()
        second = await place.visit()
        with pytest.raises(trio.BrokenResourceError):
            await second.do_handshake()
        await trio.aclose_forcefully(first)
        await trio.testing.wait_all_tasks_blocked(0.05)
        third = await place.visit()
        await third.send_all(b"hello")
        assert await third.receive_some() == b"hello"


def test_a_certificate_that_does_not_fit_its_key_is_told(tmp_path: Path):
    certificate, _ = USER.files(tmp_path / "one")
    _, key = SERVER.files(tmp_path / "two")
    with pytest.raises(Failure, match="cannot be used"):
        user_context(certificate, key)


@pytest.mark.parametrize(
    "words,why",
    [
        (("--certificate", "absent"), "absent cannot be read"),
        (("--certificate", "policy.toml"), "is not PEM"),
        (("--client", "../x"), "cannot name a client"),
        (("--policy", "absent"), "absent cannot be read"),
        (("--server", "https://127.0.0.1:1"), "cannot be reached"),
    ],
)
def test_what_is_wrong_ends_in_a_sentence(
    tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str], words, why
):
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text("")
    certificate, key = USER.files(tmp_path / "user")
    usual = {
        "--server": "https://127.0.0.1:1",
        "--policy": "policy.toml",
        "--certificate": certificate,
        "--key": key,
        "--data": "data",
    }
    if words[0] == "--client":
        del usual["--certificate"]
    options = usual | dict([words])
    assert main(["proxy", *(word for pair in options.items() for word in pair)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("strongroom: ")
    assert said.count("\n") == 1
    assert why in said


@pytest.mark.parametrize(
    "words", [("--max-connections", "0"), ("--kmip-port", "65536"), ("--https-port", "x")]
)
def test_numbers_that_make_no_sense_are_refused(words, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["proxy", *words])
    assert caught.value.code == 2
    assert "invalid" in capsys.readouterr().err
