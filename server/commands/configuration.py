"""`strongroom config`: every setting with its value and where it came from."""

import argparse

from server.commands import Command, gather, say
from server.settings import shown


def _run(arguments: argparse.Namespace) -> None:
    for name, given in gather(arguments).items():
        say(f"{name} = {shown(given.value) or '(none)'}  # {given.source}")


COMMAND = Command("config", "print every setting, its value and who gave it", _run, settings=None)
