"""Connections to the ports of a server whose key its fresh evidence names.

A server attests itself at its HTTPS port. At its KMIP port it presents the same key, and nothing
there could be asked for evidence over a nonce. So the evidence comes first, over a nonce made for
it, and names a key; then a connection to any port of the server is that server's if its TLS
handshake proves the very same key.

Where several connections wait for evidence at once, one request answers them all: its nonce was
made after the last of them began to wait, and so the evidence is fresh for each. Servers limit how
often one address may ask.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enclave.claims import Role
from enclave.client import HANDSHAKE_SECONDS, Attested, Expectation
from enclave.pinned import Pinned
from server.commands import attested_server
from server.commands.attested_server import Busy, Remote
from server.setup.failure import Failure

BUSY_SECONDS: Final = 2.0
"""Until a server that had no time is asked again; it gives an address a quote in two seconds."""
PATIENCE_SECONDS: Final = 30.0

TLSStream = trio.SSLStream[trio.SocketStream]


@dataclass(slots=True)
class Verification:
    """One server, verified whenever its evidence is needed.

    Attributes:
        server: the server, with its policy and its pin.
        expectation: what it must be, by the policy and the pin of this moment.
        pinned: as it was last accepted here; None: it was not.
    """

    server: Remote
    expectation: Callable[[], Expectation]
    pinned: Pinned | None = None

    async def __call__(self) -> Attested:
        """The server, verified over a fresh nonce, and pinned as it is.

        Raises:
            Failure: it is not what is expected, does not answer, or has no time.
        """
        expected = self._expected()
        with trio.move_on_after(PATIENCE_SECONDS):
            while True:
                try:
                    connection = await attested_server.attested(self.server, expected)
                except Busy:
                    await trio.sleep(BUSY_SECONDS)
                    continue
                async with connection:
                    return self._accepted(connection.attested)
        raise Failure(f"{self.server.host} port {self.server.port} has no time for evidence.")

    def _expected(self) -> Expectation:
        """The pin in the file counts, which `verify` may have changed; else the one from before."""
        expected = self.expectation()
        if expected.pinned is None and self.pinned is not None:
            return replace(expected, pin=self.pinned.key, pinned=self.pinned)
        return expected

    def _accepted(self, attested: Attested) -> Attested:
        if attested.claims is None:
            raise Failure("The server makes no claims, and cannot be pinned.")
        before, self.pinned = self.pinned, Pinned.of(attested.claims)
        if before != self.pinned:
            self.server.keep(Role.API, self.pinned)
        return attested


@dataclass(slots=True)
class FreshEvidence:
    """Evidence that was made after it was asked for, shared by all who wait at that moment.

    Attributes:
        verify: verifies the server over a nonce made then. Raises `Failure`.
    """

    verify: Callable[[], Awaitable[Attested]]
    _last: Attested | Failure | None = field(default=None, init=False)
    _requests: int = field(default=0, init=False)
    _answered: int = field(default=0, init=False)
    _turn: trio.Lock = field(default_factory=trio.Lock, init=False)

    async def get(self) -> Attested:
        """The server, verified over a nonce that did not exist when this was called.

        Raises:
            Failure: it is not what is expected, or does not answer.
        """
        self._requests += 1
        number = self._requests
        async with self._turn:
            if self._answered < number:
                begun = self._requests
                try:
                    self._last = await self.verify()
                except Failure as failure:
                    self._last = failure
                self._answered = begun
            if isinstance(self._last, Failure):
                raise Failure(str(self._last)) from None
            assert self._last is not None  # noqa: S101 - this request has been answered
            return self._last


async def connect_to_key(
    host: str, port: int, attested: Attested, context: ssl.SSLContext
) -> TLSStream:
    """A TLS connection to a port that presents the key of an attested server.

    Args:
        host: the server's name or address.
        port: the port.
        attested: the server, verified.
        context: from `enclave.client.client_context`, perhaps with a client certificate.

    Raises:
        Failure: it presents another key, or cannot be reached; it was sent nothing but, in the
            handshake, the client certificate, where there is one.
    """
    with attested_server.failures_told(host, port), trio.fail_after(HANDSHAKE_SECONDS):
        tcp = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(tcp, context, server_hostname=host)
        try:
            await stream.do_handshake()
            check_key(host, port, certificate_of(stream), attested)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return stream


def certificate_of(stream: TLSStream) -> bytes:
    """The certificate (DER) that the other end of a connection presented."""
    certificate = stream.getpeercert(binary_form=True)
    return bytes(certificate or b"")


def check_key(host: str, port: int, certificate: bytes, attested: Attested) -> None:
    """Let pass a certificate (DER) for the key that the evidence names.

    Raises:
        Failure: it is for another one.
    """
    if not certificate or _key_sha256(certificate) != attested.pin:
        raise Failure(
            f"{host} port {port} is not accepted: it presents another key than the evidence names."
        )


def _key_sha256(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
