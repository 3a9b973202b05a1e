"""Certificates with keys, servers that present them, and what verifies them, without a chip."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from enclave.client import Attested, client_context
from server.access.operator_credential import key_sha256
from tests.server.unprovisioned_server import certificate, pem

Session = Callable[[trio.SSLStream[trio.SocketStream]], Awaitable[None]]


@dataclass(frozen=True)
class Pair:
    """A key and its self-signed certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def attested(self) -> Attested:
        """Evidence, accepted, that names this key."""
        return cast(Attested, SimpleNamespace(pin=key_sha256(self.certificate)))

    def files(self, directory: Path) -> tuple[str, str]:
        """The certificate's file, and the key's."""
        paths = directory / "pair.pem", directory / "pair.key"
        directory.mkdir(exist_ok=True)
        paths[0].write_bytes(pem(self.certificate))
        pkcs8 = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        paths[1].write_bytes(pkcs8)
        return str(paths[0]), str(paths[1])

    def load_into(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The settings, which present this pair from now on."""
        with TemporaryDirectory() as directory:
            context.load_cert_chain(*self.files(Path(directory)))
        return context

    def trusting(self) -> ssl.SSLContext:
        """The settings of a client that looks at keys only."""
        return client_context()


def made(name: str) -> Pair:
    """A new one."""
    return Pair(*certificate(name=name))


@asynccontextmanager
async def listening(
    pair: Pair, session: Session, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A TLS server that presents a pair; its port."""
    context = context or pair.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    async def serve(tcp: trio.SocketStream) -> None:
        async with tcp:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                stream = trio.SSLStream(tcp, context, server_side=True)
                await stream.do_handshake()
                await session(stream)
                await stream.aclose()

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()
