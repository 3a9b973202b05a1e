"""`strongroom store anchor`: the state of a store, to be kept where its back end's owner is not."""

import argparse

from server.commands import Command, config, say
from server.setup import explanations, open_store
from server.setup.config import Config


async def _tell(settings: Config) -> None:
    say(str((await open_store.status(settings)).anchor))


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    explanations.run(settings, _tell, settings)


COMMAND = Command(
    "anchor",
    "print the state of a store, by which `serve --anchor` notices an older one",
    _run,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
