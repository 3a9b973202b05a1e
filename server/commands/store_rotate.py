"""`strongroom store rotate`: new keys for everything in a store.

For when a secret, or a copy of the store together with it, may have leaked. Servers on a store in
Redis go on; a store in a file must not be in use.
"""

import argparse
from typing import Final

from server.commands import Command, config, say
from server.commands.new_secret import add_new_secret, is_named, new_secret
from server.commands.progress import Progress
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage.errors import Part, RotationUnderway, Tampered, Unavailable
from storage.secret import Secret

AGAIN: Final = (
    "`strongroom store status` tells whether one is under way, and `strongroom store rotate "
    "--resume` goes on with it"
)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_new_secret(parser, "the present one opens the store afterwards too")
    parser.add_argument(
        "--resume", action="store_true", help="go on with a rotation that was interrupted"
    )
    parser.add_argument(
        "--alone",
        action="store_true",
        help="give the new keys to no server that runs, so that each must be started again: for an "
        "attacker who had the old secret and could write to the store",
    )


async def _rotate(settings: Config, new: Secret | None, *, alone: bool) -> None:
    where = open_store.place(settings)
    present = open_store.secret(settings, is_new=False)
    opening = open_store.present(settings, present)
    async with open_store.opened(settings, create=False, opening=opening) as opened:
        try:
            await opened.rotate(new or present, tell=Progress("sealing again"), alone=alone)
        except RotationUnderway:
            raise Failure(
                f"Another rotation of the keys of the store {where} is not finished, or was first; "
                f"nothing was changed. {AGAIN}."
            ) from None
        except Unavailable as error:
            raise Failure(
                f"The rotation of the keys of the store {where} was interrupted: {error}. {AGAIN}."
            ) from None
        except Tampered as error:
            raise _of_damage(error, str(where)) from None
        anchor = opened.anchor
    opener = "the present secret" if new is None else "the new secret"
    say(
        f"The store {where} has new keys, and opens with {opener} alone; other key slots are gone. "
        f"Its anchor is {anchor}."
    )


def _of_damage(error: Tampered, where: str) -> Exception:
    """What to tell of a body that cannot be sealed again; any other damage is told as it is."""
    if error.part is not Part.BODY:
        return error
    return Failure(
        f"The store {where} has new keys, but some record is damaged ({error}), and the old ones "
        "are kept for it: `strongroom store verify` names it. Once its object is destroyed, "
        "`strongroom store rotate --resume` finishes."
    )


async def _resume(settings: Config) -> None:
    where = open_store.place(settings)
    async with open_store.opened(settings, create=False) as opened:
        if not opened.is_rotating:
            raise Failure(f"No rotation of the keys of the store {where} is under way.")
        try:
            await opened.reseal(Progress("sealing again"))
        except Tampered as error:
            raise _of_damage(error, str(where)) from None
        say(f"The rotation of the keys of the store {where} is finished.")


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    if arguments.resume:
        if arguments.alone or is_named(arguments):
            raise Failure("A rotation that is resumed has its secret already: give none.")
        explanations.run(settings, _resume, settings)
        return
    new = new_secret(arguments) if is_named(arguments) else None
    explanations.run(settings, _rotate, settings, new, alone=arguments.alone)


COMMAND = Command(
    "rotate",
    "give a store new keys, and seal everything in it again",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
