"""`strongroom store-password`: change what opens the store.

Only the key slot that the present secret opens is written again, so it takes a moment whatever the
store holds. The server must not be running, unless the store is in Redis.
"""

import argparse
from pathlib import Path

from server.commands import Command, config, say
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.password_input import read_password
from storage.secret import Secret
from storage.store import SealedStore


def _arguments(parser: argparse.ArgumentParser) -> None:
    new = parser.add_mutually_exclusive_group()
    new.add_argument(
        "--new-password-file",
        metavar="FILE",
        help="read the new password from FILE; - is standard input (default: ask on a terminal)",
    )
    new.add_argument(
        "--new-key-file", metavar="FILE", type=Path, help="open the store by this key file"
    )
    parser.add_argument(
        "--keep", action="store_true", help="let the present password or key file open it too"
    )


async def _change(settings: Config, new: Secret, *, keep: bool) -> None:
    async with open_store.opened(settings, create=False) as opened:
        if keep:
            await _add(opened, new)
        else:
            await opened.replace_slot(opened.slot, new)


async def _add(opened: SealedStore, new: Secret) -> None:
    try:
        await opened.add_slot(new)
    except ValueError as error:
        raise Failure(f"The secret cannot be added: {error}.") from None


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    if arguments.new_key_file:
        new: Secret = open_store.key_file(arguments.new_key_file)
    else:
        file, question = arguments.new_password_file, "New password"
        new = open_store.password(read_password(file, question, twice=True))
    explanations.run(settings, _change, settings, new, keep=arguments.keep)
    say(f"The store {open_store.place(settings)} opens with the new secret.")


COMMAND = Command(
    "store-password",
    "change the password or key file that opens the store",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
