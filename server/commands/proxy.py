"""`strongroom proxy`: let any client use an attested server, through a port on its own machine.

The proxy's certificate, and the authority that clients are to trust, are in `DATA/proxy`.
"""

import argparse
import logging
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final

import trio
from cryptography import x509

from enclave.claims import Role
from enclave.client import client_context
from server.commands import Command, config, say
from server.commands.attested_key import FreshEvidence, Verification
from server.commands.attesting_proxy import (
    AttestingProxy,
    Forward,
    first,
    local_context,
)
from server.commands.server_options import (
    DEFAULT_KMIP_PORT,
    add_given_key_option,
    add_server_options,
    add_user_options,
    expectation_of,
    server_of,
    user_context,
    user_of,
)
from server.commands.verdict import verdict
from server.pki import local_authority
from server.setup import files, logs
from server.setup.config import Config
from server.setup.failure import Failure
from server.sources import closing
from server.transport.listening import address_of, open_listeners

LOOPBACK: Final = "127.0.0.1"
MAX_CONNECTIONS: Final = 256
"""At once; a client has a few, and each may hold about a third of a MiB of buffers."""

log: Final = logging.getLogger(__name__)


async def _proxy(arguments: argparse.Namespace, settings: Config) -> None:
    server = server_of(arguments)
    user = user_of(arguments, settings)
    pem = files.read(user.certificate, "The user's certificate")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise Failure(f"The user's certificate {user.certificate} is not PEM.") from None
    hosts = arguments.open_to_network or LOOPBACK
    own = local_authority.ensure_server(
        settings.data / "proxy", local_authority.own_names(hosts), datetime.now(UTC)
    )
    upstream = user_context(str(user.certificate), str(user.key))
    verify = Verification(server, lambda: expectation_of(arguments, server, Role.API))
    say(verdict(f"{server.host} port {server.port}", await verify()))
    proxy = AttestingProxy(server.host, FreshEvidence(verify), arguments.proxy_connections)
    async with AsyncExitStack() as stack:
        forwards = []
        for what, port, to, near, far in (
            ("KMIP", arguments.local_kmip_port, arguments.server_kmip_port, certificate, upstream),
            ("HTTPS", arguments.local_https_port, server.port, None, client_context()),
        ):
            if port is None:
                continue
            listeners = await _listeners(hosts, port)
            await stack.enter_async_context(closing(listeners))
            context = local_context(str(own.certificate), str(own.key), near)
            forwards.append(Forward(listeners, context, to, far))
            where = ", ".join(map(address_of, listeners))
            say(f"forwards {what} from {where} to {server.host} port {to}")
        say(f"  clients trust   {own.certificate.with_name('ca.pem')}")
        say(f"  and show        {user.certificate}")
        await _until_signalled(proxy, forwards)


async def _listeners(hosts: str, port: int) -> list[trio.SocketListener]:
    try:
        return await open_listeners(hosts, port)
    except OSError as error:
        raise Failure(f"{hosts} port {port} cannot be had: {error.strerror}.") from None


async def _until_signalled(proxy: AttestingProxy, forwards: list[Forward]) -> None:
    """Forward until a signal comes; connections that are open end."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(proxy.serve, forwards)
            async for number in signals:
                log.info("stopping on %s", signal.Signals(number).name)
                nursery.cancel_scope.cancel()
                break


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_server_options(parser)
    add_given_key_option(parser)
    add_user_options(parser)
    parser.add_argument(
        "--kmip-port",
        dest="local_kmip_port",
        metavar="PORT",
        type=_port,
        default=DEFAULT_KMIP_PORT,
        help="where the proxy listens for KMIP; 0: any free one (default: %(default)s)",
    )
    parser.add_argument(
        "--https-port",
        dest="local_https_port",
        metavar="PORT",
        type=_port,
        help="where the proxy listens for HTTPS; anyone who reaches it may ask (default: nowhere)",
    )
    parser.add_argument(
        "--server-kmip-port",
        metavar="PORT",
        type=_port,
        default=DEFAULT_KMIP_PORT,
        help="where the server serves KMIP (default: %(default)s)",
    )
    parser.add_argument(
        "--open-to-network",
        metavar="ADDRESSES",
        help="listen there in place of loopback: whoever reaches these addresses and has the "
        "user's certificate and key uses the server as this user; :: for all",
    )
    parser.add_argument(
        "--max-connections",
        dest="proxy_connections",
        metavar="NUMBER",
        type=_count,
        default=MAX_CONNECTIONS,
        help="at once (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    logs.configure(settings, logs.standard_error(settings))
    try:
        trio.run(_proxy, arguments, settings)
    except* Failure as group:
        raise first(group) from None


COMMAND = Command(
    "proxy",
    "attest a server for each connection, and forward KMIP and HTTPS of any client to it",
    _run,
    _arguments,
    settings=frozenset({"data", "log_level"}),
)
