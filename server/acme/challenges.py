"""How a name is shown to be ours: a certificate on the service's port, or a file on a plain one.

Theory, tls-alpn-01: whoever validates opens TLS to port 443 of the name, names it (SNI), offers the
protocol `acme-tls/1` and nothing else (ALPN), and must be shown a certificate that holds the digest
of the key authorization. So that the service's other clients see nothing of it, the context of the
service's port hands over to the challenge's own context only where both hold: an order for that
name is pending, and the client offers that protocol. Python tells a server of the name but not of
the protocols; these are read from the first bytes of the handshake, as they pass by. A client that
puts them elsewhere in its greeting is shown the challenge's certificate, and has gained nothing.

http-01: whoever validates asks port 80 of the name for one path. The listener exists while an order
is pending, and answers that path and nothing else.

Source: RFC 8737 section 3; RFC 8555 section 8.3.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.acme.client import Challenge
from server.acme.replies import Refused
from server.setup.shutdown import Shutdown
from server.transport import tls
from server.transport.http import Request, Response, Route
from server.transport.listening import open_listeners
from server.transport.plain_http import PlainHTTP

PROTOCOL: Final = "acme-tls/1"
OFFER: Final = bytes([len(PROTOCOL)]) + PROTOCOL.encode()
"""The protocol as ALPN lists it (RFC 7301 section 3.1)."""
ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
MAX_HELLO_BYTES: Final = 16_384
"""What is looked through for an offer; validators greet with a few hundred bytes."""
CHALLENGE_LIFE: Final = timedelta(days=1)

WELL_KNOWN: Final = "/.well-known/acme-challenge/"


class _Overheard(ssl.SSLObject):
    """One TLS connection, the start of whose greeting is kept while a challenge is pending."""

    heard: bytes
    incoming: ssl.MemoryBIO
    challenges: dict[str, ssl.SSLContext]

    def do_handshake(self) -> None:
        """As the parent's; what has come in since the last call is heard, and put back."""
        if self.challenges and len(self.heard) < MAX_HELLO_BYTES:
            data = self.incoming.read()
            self.incoming.write(data)
            self.heard += data
        super().do_handshake()


class ServiceContext(ssl.SSLContext):
    """TLS settings of a port on which challenges are answered besides.

    Attributes:
        pending: the settings of each challenge, by name.
    """

    sslobject_class = _Overheard
    pending: dict[str, ssl.SSLContext]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As the parent's."""
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        assert isinstance(made, _Overheard)  # noqa: S101 - it is the class named above
        made.heard, made.incoming, made.challenges = b"", incoming, self.pending
        return made


def service_context() -> ServiceContext:
    """TLS 1.3 without a certificate yet, as `enclave.ratls.server_context`."""
    context = ServiceContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.pending = {}

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        challenge = context.pending.get((name or "").lower())
        if challenge and isinstance(connection, _Overheard) and OFFER in connection.heard:
            connection.context = challenge

    context.sni_callback = choose
    return context


@dataclass(frozen=True, slots=True)
class TLSALPN01:
    """Shows a name to be ours on the service's own port.

    Attributes:
        context: of that port.
        now: the clock, with a time zone.
    """

    context: ServiceContext
    now: Callable[[], datetime]
    kind: str = "tls-alpn-01"
    condition: str = "port 443 of the name must lead to this server's HTTPS port"

    @asynccontextmanager
    async def answered(self, challenge: Challenge) -> AsyncIterator[None]:
        """See `server.acme.client.Answering`."""
        self.context.pending[challenge.name] = challenge_context(challenge, self.now())
        try:
            yield
        finally:
            del self.context.pending[challenge.name]


def challenge_context(challenge: Challenge, now: datetime) -> ssl.SSLContext:
    """TLS settings that answer a challenge, and speak nothing but its protocol."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # what RFC 8737 lets validators have
    context.set_alpn_protocols([PROTOCOL])
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "challenge")])
    digest = sha256(challenge.authorization.encode()).digest()
    octets = b"\x04" + bytes([len(digest)]) + digest
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CHALLENGE_LIFE)
        .not_valid_after(now + CHALLENGE_LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(challenge.name)]), critical=False)
        .add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, octets), critical=True)
        .sign(key, hashes.SHA256())
    )
    tls.use_identity(context, tls.Identity(key, certificate, ()))
    return context


@dataclass(frozen=True, slots=True)
class HTTP01:
    """Shows a name to be ours on a plain port that is open for the moment only.

    Attributes:
        host: address to listen on.
        port: TCP port.
        nursery: runs the listener.
        shutdown: says when the server stops.
    """

    host: str
    port: int
    nursery: trio.Nursery = field(repr=False)
    shutdown: Shutdown = field(default_factory=Shutdown, repr=False)
    kind: str = "http-01"

    @property
    def condition(self) -> str:
        """See `server.acme.client.Answering`."""
        return f"port 80 of the name must lead to this server's port {self.port}"

    @asynccontextmanager
    async def answered(self, challenge: Challenge) -> AsyncIterator[None]:
        """See `server.acme.client.Answering`."""
        body = challenge.authorization.encode()

        async def show(request: Request) -> Response:
            return Response(body, content_type="application/octet-stream")

        routes = {("GET", WELL_KNOWN + challenge.token): Route(show)}
        try:
            listeners = await open_listeners(self.host, self.port)
        except OSError as error:
            why = error.strerror or error
            raise Refused(f"http-01: {self.host} port {self.port} cannot be had: {why}") from None
        plain = PlainHTTP(routes, self.shutdown)
        scope = await self.nursery.start(plain.listen, listeners)
        try:
            yield
        finally:
            scope.cancel()
            with trio.CancelScope(shield=True):
                await plain.closed.wait()
