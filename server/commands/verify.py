"""`strongroom verify`: is the server what it should be? Shows a verdict and pins the server."""

import argparse
from collections.abc import Iterator
from dataclasses import replace

import trio

from enclave.claims import Claims, Role
from enclave.pinned import Pinned
from enclave.policy import accepting_given_keys
from server.commands import Command, attested_server, say
from server.commands.server_options import add_server_options, server_of
from server.commands.verdict import verdict
from server.setup.failure import Failure


async def _verify(arguments: argparse.Namespace) -> None:
    server = server_of(arguments)
    role = Role(arguments.role)
    expectation = server.expectation(
        role, allow_insecure_simulated=arguments.allow_insecure_simulated
    )
    before = server.pinned(role)
    if arguments.new_key:
        expectation = replace(expectation, pin=None)
    if arguments.accept_changes:
        expectation = replace(expectation, pin=None, pinned=None)
    if arguments.allow_given_key:
        expectation = replace(expectation, policy=accepting_given_keys(expectation.policy))
    async with await attested_server.attested(server, expectation) as connection:
        attested = connection.attested
    claims = attested.claims
    if claims is None:
        raise Failure("The server makes no claims, and cannot be pinned.")
    say(verdict(f"{server.host} port {server.port}", attested))
    if before is not None:
        for note in _notes(before, claims):
            say(f"  note         {note}")
    server.keep(role, Pinned.of(claims))


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
    parser.add_argument(
        "--allow-given-key",
        action="store_true",
        help="accept a key that the operator brought (PKCS#12), which others may have too",
    )


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_verify, arguments)


COMMAND = Command(
    "verify", "verify a server's evidence and pin its key", _run, _arguments, frozenset()
)
