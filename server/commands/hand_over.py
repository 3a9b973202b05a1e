"""`strongroom hand-over allow|show|forbid`: which servers may take a running server's provisioning.

What the operator says holds for every server on the store of the one that is told.
"""

import argparse
from pathlib import Path

import trio

from server.commands import Command, say
from server.commands.operator_options import add_running_server_options, running_server
from server.setup import files
from server.setup.failure import Failure

PATH = "/policy"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["allow", "show", "forbid"])
    parser.add_argument(
        "takers", nargs="?", type=Path, help="the policy that the takers must meet, TOML"
    )
    add_running_server_options(parser)


async def _allow(arguments: argparse.Namespace) -> None:
    if arguments.takers is None:
        raise Failure("Name the policy that servers must meet to be given the same.")
    content = files.read(arguments.takers, "The policy of the takers", pipes=True)
    if not content.strip():
        raise Failure("The policy of the takers is empty; `hand-over forbid` allows nobody.")
    async with running_server(arguments) as server:
        say(str((await server.ask("POST", PATH, content))["success"]))


async def _show(arguments: argparse.Namespace) -> None:
    async with running_server(arguments) as server:
        policy = str((await server.ask("GET", PATH))["policy"])
    say(policy.rstrip() or "nothing is handed over to any server")


async def _forbid(arguments: argparse.Namespace) -> None:
    async with running_server(arguments) as server:
        say(str((await server.ask("POST", PATH))["success"]))


_ACTIONS = {"allow": _allow, "show": _show, "forbid": _forbid}


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_ACTIONS[arguments.action], arguments)


COMMAND = Command(
    "hand-over",
    "say which servers may take a running server's provisioning",
    _run,
    _arguments,
    frozenset(),
)
