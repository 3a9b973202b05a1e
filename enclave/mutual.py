"""One connection on which two servers attest themselves to each other, before anything is said.

`ssl` cannot ask a client for a certificate that no authority has signed, so one TLS session proves
one side. Here are two, the second within the first, each with the other side as its server:

    initiator                                     responder
        │── outer TLS: client ───────────────── server ──│  its certificate carries evidence
        │   judges that certificate                      │
        │── inner TLS: server ───────────────── client ──│  over the outer session's bytes
        │                     judges the initiator's certificate
        │◀─────────────────────────────── nonce, 32 ─────│
        │── evidence over it ───────────────────────────▶│  judges it
        │── nonce, 32 ──────────────────────────────────▶│
        │◀─────────────────────────── evidence over it ──│
        │   judges it                                    │
        │◀──────────────── messages, within both ───────▶│

What is sent then can be read by whoever holds the key in the initiator's evidence, and comes from
whoever holds the key in the responder's: both keys were used in a handshake of this connection.
Nobody can be in between. To the initiator they would have to present the responder's key; and
without it they are no part of the outer session in which the inner one is spoken. Nonces make both
pieces of evidence fresh, so a recorded connection, or evidence made for another, is of no use.

The initiator judges first and the responder's chip is asked last, so a stranger costs the responder
two handshakes and a look at what they show, and nothing of its chip's time. Each session names its
own protocol (ALPN): neither can be passed off as the other, nor as any other TLS of a server's.

Messages have a length in front, 4 bytes, big-endian.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import trio

from enclave.claims import Claims, Role
from enclave.client import (
    NONCE_BYTES,
    Attested,
    AttestedConnection,
    Expectation,
    client_context,
    judge,
    judge_answer,
)
from enclave.errors import InvalidEvidence
from enclave.peer_certificate import Presented, read_presented
from enclave.quote_request import MAX_ANSWER_BYTES
from enclave.ratls import Attester, server_context

OUTER: Final = "strongroom-peer/1"
INNER: Final = "strongroom-peer-inner/1"
SECONDS: Final = 60.0
"""For all of it: each side asks its chip once, which on TDX takes a second and may have a queue."""
_LENGTH_BYTES: Final = 4

Stream = trio.SSLStream[Any]
ExpectationFor = Callable[[Role], Awaitable[Expectation]]
"""What a peer must be that claims a role; raises `Refused` where none of that role is expected."""


@dataclass(frozen=True, slots=True)
class Party:
    """This side of such connections.

    Attributes:
        attester: makes its evidence.
        context: from `peer_context`, presented with a fresh certificate of the attester's.
        now: the clock, with a time zone.
    """

    attester: Attester
    context: ssl.SSLContext
    now: Callable[[], datetime]


def peer_context() -> ssl.SSLContext:
    """TLS settings of a side as a server, in the outer session or in the inner one."""
    context = server_context()
    context.set_alpn_protocols([OUTER, INNER])
    return context


@dataclass(frozen=True)
class MutualConnection(AttestedConnection):
    """An open connection, whose sides have attested themselves. Whoever has it closes it.

    Attributes:
        stream: the inner session.
        attested: the other side.
        claims: its claims.
    """

    claims: Claims

    async def send(self, message: bytes) -> None:
        """Send one message.

        Raises:
            trio.BrokenResourceError: the other side has gone.
        """
        await _send(self.stream, message)

    async def receive(self, most: int) -> bytes:
        """The next message, at most so many bytes.

        Raises:
            InvalidEvidence: it is longer.
            trio.BrokenResourceError: the connection ended before all of it was there.
        """
        return await _receive(self.stream, most)


async def connect(host: str, port: int, own: Party, expectation: Expectation) -> MutualConnection:
    """A connection to a peer that is what is expected, and accepts this side as what it is.

    Args:
        host: its name or address; no proof of anything.
        port: its port.
        own: this side.
        expectation: what the peer must be.

    Raises:
        InvalidEvidence, VerificationFailed, Refused: as `enclave.client.judge`.
        DeviceError, DeviceLost: this side's chip gives no evidence.
        OSError, trio.BrokenResourceError, trio.TooSlowError: no connection; as well where the peer
            does not accept this side.
    """
    with trio.fail_after(SECONDS):
        tcp = await trio.open_tcp_stream(host, port)
        outer = trio.SSLStream(tcp, _client(OUTER), server_hostname=host)
        try:
            await outer.do_handshake()
            _check_protocol(outer, OUTER)
            attested = judge(_certificate_of(outer), expectation, own.now())
            inner = trio.SSLStream(outer, own.context, server_side=True)
            await inner.do_handshake()
            _check_protocol(inner, INNER)
            await _answer(inner, own.attester)
            attested = await _challenge(inner, attested, expectation, own)
            return MutualConnection(inner, attested, _claimed(attested))
        except BaseException:
            await trio.aclose_forcefully(outer)
            raise


async def accept(outer: Stream, own: Party, expectation_for: ExpectationFor) -> MutualConnection:
    """The same as the responder, on a connection whose outer handshake is done.

    Args:
        outer: that connection; its context is `own.context`.
        own: this side.
        expectation_for: what the peer must be, by the role that its certificate claims.

    Raises:
        InvalidEvidence, VerificationFailed, Refused, DeviceError, DeviceLost,
        trio.BrokenResourceError, trio.TooSlowError: as `connect`.
    """
    with trio.fail_after(SECONDS):
        _check_protocol(outer, OUTER)
        inner = trio.SSLStream(outer, _client(INNER))
        try:
            await inner.do_handshake()
            _check_protocol(inner, INNER)
            certificate = _certificate_of(inner)
            expectation = await expectation_for(_claimed(read_presented(certificate)).role)
            attested = judge(certificate, expectation, own.now())
            attested = await _challenge(inner, attested, expectation, own)
            await _answer(inner, own.attester)
            return MutualConnection(inner, attested, _claimed(attested))
        except BaseException:
            await trio.aclose_forcefully(inner)
            raise


async def _challenge(
    stream: Stream, attested: Attested, expectation: Expectation, own: Party
) -> Attested:
    """The other side, attested over a nonce made just now.

    Args:
        stream: the inner session.
        attested: the other side, as its certificate showed it.
        expectation: what it must be.
        own: this side.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    await _send(stream, nonce)
    answer = await _receive(stream, MAX_ANSWER_BYTES)
    return judge_answer(answer, nonce, attested, expectation, own.now())


async def _answer(stream: Stream, attester: Attester) -> None:
    nonce = await _receive(stream, NONCE_BYTES)
    await _send(stream, await attester.quote(nonce))


async def _send(stream: Stream, message: bytes) -> None:
    await stream.send_all(len(message).to_bytes(_LENGTH_BYTES, "big") + message)


async def _receive(stream: Stream, most: int) -> bytes:
    length = int.from_bytes(await _exactly(stream, _LENGTH_BYTES), "big")
    if length > most:
        raise InvalidEvidence("message", f"{length} bytes, more than {most}")
    return await _exactly(stream, length)


async def _exactly(stream: Stream, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        more = await stream.receive_some(length - len(data))
        if not more:
            raise trio.BrokenResourceError("the peer has closed the connection")
        data += more
    return bytes(data)


def _client(protocol: str) -> ssl.SSLContext:
    context = client_context()
    context.set_alpn_protocols([protocol])
    return context


def _check_protocol(stream: Stream, protocol: str) -> None:
    if stream.selected_alpn_protocol() != protocol:
        raise InvalidEvidence("TLS", f"the peer does not speak {protocol}")


def _certificate_of(stream: Stream) -> bytes:
    certificate = stream.getpeercert(binary_form=True)
    if certificate is None:
        raise InvalidEvidence("TLS", "the peer has no certificate")
    return bytes(certificate)


def _claimed(by: Attested | Presented) -> Claims:
    if by.claims is None:
        raise InvalidEvidence("claims", "the peer makes none")
    return by.claims
