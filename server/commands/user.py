"""`strongroom user add|remove|list`: who may identify by a password in the KMIP header."""

import argparse

from server.access import password_file
from server.access.password_file import Kind
from server.commands import Command, config, say
from server.setup.password_input import read_password


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=sorted(_ACTIONS))
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


def _add(arguments: argparse.Namespace) -> None:
    file = config(arguments).users_file
    password_file.check_name(file, _kind(arguments), arguments.name)
    password = read_password(arguments.password_file, f"Password of {arguments.name}", twice=True)
    is_first = not any(password_file.read(file).values())
    password_file.add(file, _kind(arguments), arguments.name, password, replace=arguments.replace)
    say(f"The {_kind(arguments)} {arguments.name} may identify by a password.")
    if is_first:
        say(
            "From now on a password in a request must be right, also beside a certificate: clients "
            "that send an example's are refused."
        )


def _remove(arguments: argparse.Namespace) -> None:
    password_file.remove(config(arguments).users_file, _kind(arguments), arguments.name)
    say(f"The {_kind(arguments)} {arguments.name} may not identify any more.")


def _list(arguments: argparse.Namespace) -> None:
    for name in sorted(password_file.read(config(arguments).users_file)[_kind(arguments)]):
        say(name)


def _kind(arguments: argparse.Namespace) -> Kind:
    return Kind.DEVICE if arguments.device else Kind.USER


_ACTIONS = {"add": _add, "remove": _remove, "list": _list}


def _run(arguments: argparse.Namespace) -> None:
    _ACTIONS[arguments.action](arguments)


COMMAND = Command("user", "say who may identify by a password in the KMIP header", _run, _arguments)
