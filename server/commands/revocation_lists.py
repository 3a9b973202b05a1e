"""`strongroom revocation-lists give|list`: the lists of a provisioned server that runs.

A server that takes what it needs from its own disk reads `tls_client_revocation_lists`, and this
command is not for it.
"""

import argparse
from pathlib import Path

import trio

from server.access import revocation_lists
from server.commands import Command, say
from server.commands.operator_options import add_running_server_options, running_server
from server.setup.failure import Failure
from server.setup.logs import quoted

PATH = "/revocation-lists"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["give", "list"])
    parser.add_argument("lists", nargs="?", type=Path, help="a file (PEM or DER), or a directory")
    add_running_server_options(parser)


async def _give(arguments: argparse.Namespace) -> None:
    if arguments.lists is None:
        raise Failure("Name the file or directory of the revocation lists.")
    content = revocation_lists.pem_of(arguments.lists)
    async with running_server(arguments) as server:
        say(str((await server.ask("POST", PATH, content))["success"]))


async def _list(arguments: argparse.Namespace) -> None:
    async with running_server(arguments) as server:
        for row in (await server.ask("GET", PATH))["revocation_lists"]:
            issuer = quoted(str(row["issuer"]))[1:-1]
            say(f"{issuer}: {row['revoked']} revoked, the next is due by {row['next_update']}")


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_give if arguments.action == "give" else _list, arguments)


COMMAND = Command(
    "revocation-lists",
    "give a provisioned server the revocation lists of its clients' authorities",
    _run,
    _arguments,
    frozenset(),
)
