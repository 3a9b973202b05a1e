"""`strongroom user add|remove|list`: who may identify by a password in the KMIP header.

Where several servers share a store, users are kept in it, and the command opens it as a server
does. A server that has its store for itself holds it while it runs: its users are in a file. With
the operator's credential it is told to a provisioned server that runs, which keeps them in its
store.
"""

import argparse
from typing import Any

import trio

from server.access import kept_users, password_file
from server.access.kept_users import KeptUsers
from server.access.password_file import Kind
from server.commands import Command, config, say
from server.commands.operator_options import (
    add_running_server_options,
    at_running_server,
    running_server,
)
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.password_input import read_password

PATH = "/users"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["add", "list", "remove"])
    parser.add_argument(
        "name", nargs="?", default="", help="the user's name, or the device's serial number"
    )
    parser.add_argument("--device", action="store_true", help="a device, and not a user")
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="add: read the password from FILE, - is standard input (default: ask on a terminal)",
    )
    parser.add_argument(
        "--replace", action="store_true", help="add: change the password of one that exists"
    )
    add_running_server_options(parser)


def _password(arguments: argparse.Namespace) -> str:
    return read_password(arguments.password_file, f"Password of {arguments.name}", twice=True)


def _tell(arguments: argparse.Namespace, *, is_first: bool = False) -> None:
    """Say what was done."""
    who = f"The {_kind(arguments)} {arguments.name}"
    if arguments.action == "remove":
        say(f"{who} may not identify any more.")
        return
    say(f"{who} may identify by a password.")
    if is_first:
        say(
            "From now on a password in a request must be right, also beside a certificate: clients "
            "that send an example's are refused."
        )


def _kind(arguments: argparse.Namespace) -> Kind:
    return Kind.DEVICE if arguments.device else Kind.USER


def _in_file(settings: Config, arguments: argparse.Namespace) -> None:
    """Do it to the users' file."""
    file, kind, name = settings.users_file, _kind(arguments), arguments.name
    if arguments.action == "list":
        for each in sorted(password_file.read(file)[kind]):
            say(each)
        return
    if arguments.action == "remove":
        password_file.remove(file, kind, name)
        _tell(arguments)
        return
    password_file.check_name(file, kind, name)
    password = _password(arguments)
    is_first = not any(password_file.read(file).values())
    password_file.add(file, kind, name, password, replace=arguments.replace)
    _tell(arguments, is_first=is_first)


async def _in_store(settings: Config, arguments: argparse.Namespace) -> None:
    """Do it to the store."""
    kind, name = _kind(arguments), arguments.name
    async with open_store.opened(settings, create=False) as store:
        users = KeptUsers(store)
        if arguments.action == "list":
            for each in await users.names(kind):
                say(each)
            return
        if arguments.action == "remove":
            await users.remove(kind, name)
            _tell(arguments)
            return
        await users.check_name(kind, name)
        verifier = kept_users.verifier_of(_password(arguments))
        is_first = await users.is_empty()
        await users.add(kind, name, verifier, replace=arguments.replace)
        _tell(arguments, is_first=is_first)


async def _at_server(arguments: argparse.Namespace) -> None:
    """Have a server that runs do it."""
    fields: dict[str, Any] = {"kind": _kind(arguments), "name": arguments.name}
    if arguments.action == "add":
        fields["verifier"] = kept_users.verifier_of(_password(arguments))
        fields["replace"] = arguments.replace
    async with running_server(arguments) as server:
        if arguments.action == "list":
            for each in (await server.ask("GET", PATH))[_kind(arguments)]:
                say(str(each))
            return
        await server.ask("POST", f"{PATH}/{arguments.action}", fields)
    _tell(arguments)


def _run(arguments: argparse.Namespace) -> None:
    if at_running_server(arguments):
        trio.run(_at_server, arguments)
        return
    settings = config(arguments)
    if open_store.is_shared(settings):
        explanations.run(settings, _in_store, settings, arguments)
    else:
        _in_file(settings, arguments)


COMMAND = Command(
    "user",
    "say who may identify by a password in the KMIP header",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
