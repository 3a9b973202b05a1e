"""`strongroom token add|remove|list`: API tokens, for clients of the HTTPS port."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kmip.enums import Operation
from server.access import api_tokens
from server.commands import Command, config, say
from server.setup import files
from server.setup.failure import Failure

DEFAULT_DAYS: Final = 90.0
"""As long as a password is commonly left: a token is copied into files and forgotten there."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=sorted(_ACTIONS))
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


def _add(arguments: argparse.Namespace) -> None:
    granted = _operations(arguments)
    if arguments.out is not None and files.is_there(arguments.out):
        raise Failure(f"{arguments.out} exists.")
    now = datetime.now(UTC).timestamp()
    token = api_tokens.add(
        config(arguments).api_tokens_file,
        arguments.name,
        now,
        arguments.days,
        granted,
        replace=arguments.replace,
    )
    if arguments.out is None:
        say(token)
    elif not files.create(arguments.out, token.encode() + b"\n"):
        raise Failure(f"{arguments.out} exists; make the token again, with --replace.")


def _operations(arguments: argparse.Namespace) -> frozenset[Operation] | None:
    """What the token may be used for; None: everything."""
    if arguments.read_only and arguments.operations is not None:
        raise Failure("Give --read-only or --operations, not both.")
    if arguments.read_only:
        return api_tokens.READ_ONLY
    if arguments.operations is None:
        return None
    return api_tokens.operations_of(arguments.operations.split(","))


def _remove(arguments: argparse.Namespace) -> None:
    api_tokens.remove(config(arguments).api_tokens_file, arguments.name)
    say(f"The token {arguments.name} is not taken any more.")


def _list(arguments: argparse.Namespace) -> None:
    tokens = api_tokens.read(config(arguments).api_tokens_file)
    now = datetime.now(UTC)
    for name in sorted(tokens):
        token = tokens[name]
        until = datetime.fromtimestamp(token.until, UTC)
        ends = "ended" if until <= now else "until"
        say(f"{name}  {ends} {until:%Y-%m-%d %H:%M} UTC  {_rights(token)}")


def _rights(token: api_tokens.APIToken) -> str:
    if token.operations is None:
        return "all operations"
    if token.operations == api_tokens.READ_ONLY:
        return "read only"
    return ", ".join(sorted(each.title for each in token.operations))


_ACTIONS = {"add": _add, "remove": _remove, "list": _list}


def _run(arguments: argparse.Namespace) -> None:
    _ACTIONS[arguments.action](arguments)


COMMAND = Command("token", "make, list and remove API tokens for HTTPS", _run, _arguments)
