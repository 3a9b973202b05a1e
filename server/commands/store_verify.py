"""`strongroom store verify`: read everything in a store, and compare it with what was written."""

import argparse

from server.commands import Command, config, say
from server.commands.progress import Progress
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure
from storage.store import SealedStore


async def verified(opened: SealedStore, where: str) -> str:
    """A sentence on a store that was found whole; progress is shown, and what is damaged.

    Args:
        opened: the store.
        where: its place, for sentences.

    Raises:
        Failure: some of it is damaged.
        storage.errors.StorageError: as `SealedStore.verify`.
    """
    found = await opened.verify(Progress("verifying"))
    for name, error in sorted(found.damaged.items()):
        say(f"{name.decode(errors='backslashreplace')!r}: {error}")
    if found.damaged:
        count = len(found.damaged)
        raise Failure(
            f"Of the store {where}, {count} of {found.records + count} records are damaged: each "
            "is named above. The others are as they were written."
        )
    return (
        f"All {found.records} records of the store {where} are as they were written, "
        f"{found.size} bytes; its anchor is {opened.anchor}."
    )


async def _verify(settings: Config) -> None:
    async with open_store.opened(settings, create=False) as opened:
        say(await verified(opened, str(open_store.place(settings))))


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    explanations.run(settings, _verify, settings)


COMMAND = Command(
    "verify",
    "read everything in a store and compare it with what was written",
    _run,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
