"""`strongroom verify`: is the server what it should be? Shows a verdict and pins the server."""

import argparse
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import trio
from cryptography import x509

from enclave.claims import Claims, Role
from enclave.client import Attested, client_context
from enclave.pinned import Pinned
from server.commands import Command, attested_server, say
from server.commands.attested_key import certificate_of, connect_to_key
from server.commands.attested_server import Remote
from server.commands.server_options import (
    DEFAULT_KMIP_PORT,
    add_given_key_option,
    add_server_options,
    expectation_of,
    server_of,
)
from server.commands.verdict import verdict
from server.setup import files
from server.setup.failure import Failure


async def _verify(arguments: argparse.Namespace) -> None:
    server = server_of(arguments)
    role = Role(arguments.role)
    expectation = expectation_of(arguments, server, role)
    before = server.pinned(role)
    if arguments.new_key:
        expectation = replace(expectation, pin=None)
    if arguments.accept_changes:
        expectation = replace(expectation, pin=None, pinned=None)
    async with await attested_server.attested(server, expectation) as connection:
        attested = connection.attested
        presented = [certificate_of(connection.stream)]
    claims = attested.claims
    if claims is None:
        raise Failure("The server makes no claims, and cannot be pinned.")
    say(verdict(f"{server.host} port {server.port}", attested))
    if before is not None:
        for note in _notes(before, claims):
            say(f"  note         {note}")
    server.keep(role, Pinned.of(claims))
    if arguments.certificate_out is not None:
        if role is Role.API:
            presented.insert(0, await _of_kmip(server, arguments.kmip_port, attested))
        _write(arguments.certificate_out, presented)


async def _of_kmip(server: Remote, port: int, attested: Attested) -> bytes:
    """The certificate (DER) at the KMIP port, which is for the key that was verified."""
    stream = await connect_to_key(server.host, port, attested, client_context())
    certificate = certificate_of(stream)
    await trio.aclose_forcefully(stream)
    return certificate


def _write(path: Path, certificates: list[bytes]) -> None:
    """Write what clients are to trust, each once, and say for how long it will do."""
    each_once = list(dict.fromkeys(certificates))
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, each_once))
    files.replace(path, pem.encode(), files.PUBLIC)
    end = min(x509.load_der_x509_certificate(each).not_valid_after_utc for each in each_once)
    say(f"  certificate  {path}, presented until {end:%Y-%m-%d %H:%M:%S} UTC at most")


def _notes(before: Pinned, claims: Claims) -> Iterator[str]:
    """What is not as it was, and was accepted by an option, a line each."""
    if before.key != claims.public_key_sha256:
        yield f"its key is another one than before: sha256 {before.key.hex()}"
    yield from before.changes(claims, challenged=claims.store_since is not None)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_server_options(parser)
    parser.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.API.value, help="default: api"
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="the server was started or installed anew: accept another key than the pinned one",
    )
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="accept whatever differs from the pin: key, operator, settings, store; shown as notes",
    )
    add_given_key_option(parser)
    parser.add_argument(
        "--certificate-out",
        type=Path,
        metavar="FILE",
        help="write the certificate of the verified server's KMIP and HTTPS ports, as PEM",
    )
    parser.add_argument(
        "--kmip-port",
        type=int,
        default=DEFAULT_KMIP_PORT,
        help="where the server serves KMIP, for --certificate-out (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_verify, arguments)


COMMAND = Command(
    "verify", "verify a server's evidence and pin its key", _run, _arguments, frozenset()
)
