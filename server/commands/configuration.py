"""`strongroom config`: every setting with its value and where it came from."""

import argparse

from server.commands import Command, gather, say
from server.setup.config import Config
from server.setup.settings import rows, shown


def _run(arguments: argparse.Namespace) -> None:
    gathered = gather(arguments)
    data = shown(gathered["data"].value)
    for row in rows(Config):
        given = gathered[row.name]
        value = shown(given.value) or row.shown_default.replace("DATA", data) or "(none)"
        say(f"{row.name} = {value}  # {given.source}")


COMMAND = Command("config", "print every setting, its value and who gave it", _run, settings=None)
