"""`strongroom token add|remove|list`: API tokens, for clients of the HTTPS port.

Where several servers share a store, tokens are kept in it, and the command opens it as a server
does. A server that has its store for itself holds it while it runs: its tokens are in a file. With
the operator's credential it is told to a provisioned server that runs, which keeps them in its
store. The token itself is made here, and is sent and kept nowhere.
"""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio

from kmip.enums import Operation
from server.access import api_tokens
from server.access.api_tokens import APIToken
from server.access.kept_tokens import KeptTokens
from server.commands import Command, config, say
from server.commands.operator_options import (
    add_running_server_options,
    at_running_server,
    running_server,
)
from server.setup import explanations, files, open_store
from server.setup.config import Config
from server.setup.failure import Failure

PATH: Final = "/tokens"
DEFAULT_DAYS: Final = 90.0
"""As long as a password is commonly left: a token is copied into files and forgotten there."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["add", "list", "remove"])
    parser.add_argument("name", nargs="?", default="", help="the client will be called token:NAME")
    parser.add_argument(
        "--days",
        type=float,
        default=DEFAULT_DAYS,
        help=f"add: how long the token is good for (default: {DEFAULT_DAYS:g})",
    )
    parser.add_argument(
        "--operations",
        metavar="NAME,NAME",
        help="add: the operations that it may be used for, such as Get,Locate (default: all)",
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        help="add: it may be used for finding and reading objects alone",
    )
    parser.add_argument(
        "--replace", action="store_true", help="add: make another in place of one that exists"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="add: write the token to a new file that only its owner reads (default: print it)",
    )
    add_running_server_options(parser)


def _new(arguments: argparse.Namespace) -> tuple[str, APIToken]:
    """A new token, as the arguments have it."""
    now = datetime.now(UTC).timestamp()
    return api_tokens.new(arguments.name, now, arguments.days, _operations(arguments))


def _operations(arguments: argparse.Namespace) -> frozenset[Operation] | None:
    """What the token may be used for; None: everything."""
    if arguments.read_only and arguments.operations is not None:
        raise Failure("Give --read-only or --operations, not both.")
    if arguments.read_only:
        return api_tokens.READ_ONLY
    if arguments.operations is None:
        return None
    return api_tokens.operations_of(arguments.operations.split(","))


def _give(arguments: argparse.Namespace, text: str) -> None:
    """Hand a new token to whoever asked for it."""
    if arguments.out is None:
        say(text)
    elif not files.create(arguments.out, text.encode() + b"\n"):
        raise Failure(f"{arguments.out} exists; make the token again, with --replace.")


def _tell_removed(arguments: argparse.Namespace) -> None:
    say(f"The token {arguments.name} is not taken any more.")


def _show(tokens: Iterable[APIToken]) -> None:
    now = datetime.now(UTC)
    for token in sorted(tokens, key=lambda token: token.name):
        until = datetime.fromtimestamp(token.until, UTC)
        ends = "ended" if until <= now else "until"
        say(f"{token.name}  {ends} {until:%Y-%m-%d %H:%M} UTC  {_rights(token)}")


def _rights(token: APIToken) -> str:
    if token.operations is None:
        return "all operations"
    if token.operations == api_tokens.READ_ONLY:
        return "read only"
    return ", ".join(sorted(each.title for each in token.operations))


def _in_file(settings: Config, arguments: argparse.Namespace) -> None:
    """Do it to the file of tokens."""
    file = settings.api_tokens_file
    if arguments.action == "list":
        _show(api_tokens.read(file).values())
    elif arguments.action == "remove":
        api_tokens.remove(file, arguments.name)
        _tell_removed(arguments)
    else:
        text, token = _new(arguments)
        api_tokens.put(file, token, replace=arguments.replace)
        _give(arguments, text)


async def _in_store(settings: Config, arguments: argparse.Namespace) -> None:
    """Do it to the store."""
    async with open_store.opened(settings, create=False) as store:
        tokens = KeptTokens(store)
        if arguments.action == "list":
            _show(await tokens.all())
        elif arguments.action == "remove":
            await tokens.remove(arguments.name)
            _tell_removed(arguments)
        else:
            text, token = _new(arguments)
            await tokens.add(token, replace=arguments.replace)
            _give(arguments, text)


async def _at_server(arguments: argparse.Namespace) -> None:
    """Have a server that runs do it."""
    fields = {"name": arguments.name}
    text, token = _new(arguments) if arguments.action == "add" else ("", None)
    async with running_server(arguments) as server:
        if arguments.action == "list":
            rows = (await server.ask("GET", PATH))["tokens"]
            unknown = {"sha256": bytes(32).hex()}
            _show(api_tokens.token_of(name, {**row, **unknown}) for name, row in rows.items())
        elif token is None:
            await server.ask("POST", f"{PATH}/remove", fields)
            _tell_removed(arguments)
        else:
            row = {**fields, **api_tokens.row_of(token), "replace": arguments.replace}
            await server.ask("POST", f"{PATH}/add", row)
            _give(arguments, text)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.out is not None and files.is_there(arguments.out):
        raise Failure(f"{arguments.out} exists.")
    if at_running_server(arguments):
        trio.run(_at_server, arguments)
        return
    settings = config(arguments)
    if open_store.is_shared(settings):
        explanations.run(settings, _in_store, settings, arguments)
    else:
        _in_file(settings, arguments)


COMMAND = Command(
    "token",
    "make, list and remove API tokens for HTTPS",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
