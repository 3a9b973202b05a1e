"""The options by which a command is given another secret for a store."""

import argparse
from pathlib import Path

from server.setup import open_store
from server.setup.password_input import read_password
from storage.secret import Secret


def add_new_secret(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare the options.

    Args:
        parser: of the command.
        default: what happens without them, as a phrase.
    """
    new = parser.add_mutually_exclusive_group()
    new.add_argument(
        "--new-password-file",
        metavar="FILE",
        help=f"read the new password from FILE; - is standard input (default: {default})",
    )
    new.add_argument(
        "--new-key-file", metavar="FILE", type=Path, help="open the store by this key file"
    )


def is_named(arguments: argparse.Namespace) -> bool:
    """Whether the options name one."""
    return bool(arguments.new_key_file or arguments.new_password_file)


def new_secret(arguments: argparse.Namespace) -> Secret:
    """The secret that the options name; a password is asked for where they name none.

    Raises:
        Failure: it cannot be used.
    """
    if arguments.new_key_file:
        return open_store.key_file(arguments.new_key_file)
    text = read_password(arguments.new_password_file, "New password", twice=True)
    return open_store.password(text)
