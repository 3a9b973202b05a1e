"""`strongroom verify`: is the server what it should be? Shows a verdict and pins the server."""

import argparse
from dataclasses import replace

import trio

from enclave.claims import Role
from server.commands import Command, attested_server, say
from server.commands.server_options import add_server_options, server_of
from server.commands.verdict import verdict


async def _verify(arguments: argparse.Namespace) -> None:
    server = server_of(arguments)
    role = Role(arguments.role)
    expectation = server.expectation(
        role, allow_insecure_simulated=arguments.allow_insecure_simulated
    )
    if arguments.new_key:
        expectation = replace(expectation, pin=None)
    before = server.pin(role)
    async with await attested_server.attested(server, expectation) as connection:
        attested = connection.attested
    server.keep(role, attested_server.Pin(attested.pin, attested.until))
    say(verdict(f"{server.host} port {server.port}", attested))
    if before is not None and before.key != attested.pin:
        say(f"  note         its key is another one than before: sha256 {before.key.hex()}")


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


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_verify, arguments)


COMMAND = Command(
    "verify", "verify a server's evidence and pin its key", _run, _arguments, frozenset()
)
