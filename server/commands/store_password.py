"""`strongroom store password`, also `store-password`: change what opens the store.

Only the key slot that the present secret opens is written again, so it takes a moment whatever the
store holds. The server must not be running, unless the store is in Redis.
"""

import argparse
from dataclasses import replace

from server.commands import Command, config, say
from server.commands.new_secret import add_new_secret, new_secret
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage.secret import Secret
from storage.store import SealedStore


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_new_secret(parser, "ask on a terminal")
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
    new = new_secret(arguments)
    explanations.run(settings, _change, settings, new, keep=arguments.keep)
    say(f"The store {open_store.place(settings)} opens with the new secret.")


COMMAND = Command(
    "password",
    "change the password or key file that opens the store",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
OLD_COMMAND = replace(COMMAND, name="store-password", summary="the same as store password")
