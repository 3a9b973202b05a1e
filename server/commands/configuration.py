"""`strongroom config`: every setting with its value and where it came from."""

import argparse

from server.commands import Command, gather, say
from server.setup.config import Config
from server.setup.settings import rows, written


def _run(arguments: argparse.Namespace) -> None:
    gathered = gather(arguments)
    data = written(gathered["data"].value)
    for row in rows(Config):
        sourced = gathered[row.name]
        value = written(sourced.value) or row.written_default.replace("DATA", data) or "(none)"
        say(f"{row.name} = {value}  # {sourced.source}")


COMMAND = Command("config", "print every setting, its value and who gave it", _run, settings=None)
