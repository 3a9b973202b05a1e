"""The commands of `strongroom`, one module each; `server.__main__` has their table.

What a running server needs does not belong here.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from server.setup import settings
from server.setup.config import Config

CONFIG_VARIABLE: Final = "STRONGROOM_CONFIG"


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: as it is typed.
        summary: what it does, as a phrase.
        run: does it, or raises `Failure`.
        arguments: declares what it takes besides settings.
        settings: the settings that have a flag; None is all.
    """

    name: str
    summary: str
    run: Callable[[argparse.Namespace], None]
    arguments: Callable[[argparse.ArgumentParser], None] | None = None
    settings: frozenset[str] | None = frozenset({"data"})


@dataclass(frozen=True)
class Group:
    """Several commands under one word.

    Attributes:
        name: the word.
        summary: what they are about, as a phrase.
        commands: what follows the word.
    """

    name: str
    summary: str
    commands: tuple[Command, ...]


def add_settings(parser: argparse.ArgumentParser, names: frozenset[str] | None) -> None:
    """Give a command's parser the flags of these settings (None: all), and `--config`."""
    group = parser.add_argument_group(
        "settings", "each may also be set in the environment or in a file; docs/configuration.md"
    )
    group.add_argument("--config", metavar="FILE", help="TOML file with settings")
    settings.add_flags(group, Config, names)


def gather(
    arguments: argparse.Namespace, variables: Mapping[str, str] = os.environ
) -> dict[str, settings.Sourced]:
    """Every setting with its value and who gave it.

    Raises:
        Failure: something given is unknown, of the wrong type or out of range.
    """
    file = arguments.config or variables.get(CONFIG_VARIABLE)
    return settings.gather(Config, vars(arguments), variables, Path(file) if file else None)


def config(arguments: argparse.Namespace, variables: Mapping[str, str] = os.environ) -> Config:
    """The settings that a command is to use.

    Raises:
        Failure: as `gather`, or settings contradict each other.
    """
    return settings.build(Config, gather(arguments, variables))


def say(text: str, stream: TextIO | None = None) -> None:
    """Write lines to a stream, at once, for whoever waits at a pipe's other end.

    Whoever has read enough and left, as `head` does, misses the rest and ends nothing.

    Args:
        text: the lines, without the last newline.
        stream: in place of standard output.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
