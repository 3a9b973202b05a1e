"""`strongroom store slots`: what opens a store; and letting a secret open it no more."""

import argparse
from typing import Final

from server.commands import Command, config, say
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage.secret import SlotKind
from storage.slot import Slot

KINDS: Final = {SlotKind.PASSWORD: "password", SlotKind.KEY_FILE: "key file"}


def line(slot: Slot, opened: int) -> str:
    """A key slot as a line.

    Args:
        slot: the slot.
        opened: number of the one that opens with the secret that was given.
    """
    text = f"{slot.number}  {KINDS[slot.kind]}"
    if slot.kind is SlotKind.PASSWORD:
        cost = slot.cost
        text += f", Argon2id: {cost.memory_kib} KiB, {cost.iterations} passes, {cost.lanes} lanes"
    return text + (", the one given" if slot.number == opened else "")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--remove", metavar="NUMBER", type=int, help="let the secret of this slot open it no more"
    )


async def _list(settings: Config) -> None:
    status = await open_store.status(settings)
    say("\n".join(line(slot, status.slot) for slot in status.slots))


async def _remove(settings: Config, number: int) -> None:
    async with open_store.opened(settings, create=False) as opened:
        if number == opened.slot:
            raise Failure(
                f"Key slot {number} is the one that the secret given opens: give another one, or "
                "change it by `strongroom store password`."
            )
        try:
            await opened.remove_slot(number)
        except ValueError as error:
            raise Failure(f"Key slot {number} cannot be removed: {error}.") from None
    say(
        f"The secret of key slot {number} does not open the store {open_store.place(settings)} any "
        "more. It opens copies from before: `strongroom store rotate` makes them useless for what "
        "is written afterwards."
    )


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    if arguments.remove is None:
        explanations.run(settings, _list, settings)
    else:
        explanations.run(settings, _remove, settings, arguments.remove)


COMMAND = Command(
    "slots",
    "list the passwords and key files that open a store, or remove one",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
