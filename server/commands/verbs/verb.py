"""A verb: one operation on an attested server as a person types it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from kmip.enums import Operation
from kmip.payloads import PAYLOADS
from server.commands import Command, config, say
from server.commands.one_operation import plain
from server.commands.server_options import (
    add_given_key_option,
    add_server_options,
    add_user_options,
)
from server.commands.verbs.exchange import answer_to, token_of
from server.setup import files
from server.setup.failure import Failure

STANDARD: Final = "-"
"""In place of a file: standard input, or standard output."""
MAX_DATA_BYTES: Final = 1_000_000
"""Of data in one request: a message has 1 MiB, and the data are all of it but some hundred bytes.
"""

Fields = Callable[[argparse.Namespace], Mapping[str, Any]]
Show = Callable[[argparse.Namespace, Any], None]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument, as `argparse` is told of it.

    Attributes:
        names: its flags, or the one name of a positional argument.
        more: what else `argparse` is told.
    """

    names: tuple[str, ...]
    more: Mapping[str, Any]


def argument(*names: str, **more: Any) -> Argument:
    """An argument of these names; `more` is as for `add_argument`."""
    return Argument(names, more)


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb.

    Attributes:
        words: what is typed after the command; none where the command is the verb.
        summary: what it does, as a phrase.
        operation: what the server is asked for.
        arguments: what it takes.
        fields: of what was typed, the fields of the request; raises `Failure` before anything
            is sent. What it reads from files is read here.
        show: of what was typed and the answer's payload, what is told and written.
    """

    words: tuple[str, ...]
    summary: str
    operation: Operation
    arguments: tuple[Argument, ...]
    fields: Fields
    show: Show


KEY_ID: Final = argument("-k", "--key-id", required=True, metavar="ID", help="the key")
OUTPUT: Final = argument(
    "-o",
    "--output",
    type=Path,
    required=True,
    metavar="FILE",
    help="a new file that only its owner reads; - is standard output",
)
FILE: Final = argument("file", type=Path, metavar="FILE", help="- is standard input")


def of_key(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """The fields of a request that names the key alone."""
    return {"unique_identifier": arguments.key_id}


def say_identifier(_: argparse.Namespace, answer: Any) -> None:
    """Tell which object it was."""
    say(plain(answer.unique_identifier))


def read_data(path: Path, what: str, limit: int = MAX_DATA_BYTES) -> bytes:
    """The bytes of a file, or of standard input.

    Args:
        path: the file.
        what: what it is, to begin a sentence with.
        limit: bytes that it has at most.

    Raises:
        Failure: it cannot be read, or is too long for one request.
    """
    if str(path) != STANDARD:
        return files.read(path, what, limit, pipes=True)
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise Failure(f"{what} is longer than {limit} bytes.")
    return content


def write_output(path: Path, content: bytes) -> None:
    """Put bytes into a new file that only its owner reads, or on standard output.

    Raises:
        Failure: the file exists, or cannot be written.
    """
    if str(path) == STANDARD:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    elif not files.create(path, content):
        raise Failure(f"{path} exists.")


def command(name: str, summary: str, verbs: Iterable[Verb]) -> Command:
    """The command that has these verbs."""
    return Command(name, summary, _run, lambda parser: _declare(parser, tuple(verbs)))


def _declare(parser: argparse.ArgumentParser, verbs: tuple[Verb, ...], depth: int = 0) -> None:
    """Give a parser the verbs that begin as the words before it."""
    if not verbs[0].words[depth:]:
        _declare_one(parser, verbs[0])
        return
    choice = parser.add_subparsers(metavar="VERB", required=True)
    for word in dict.fromkeys(verb.words[depth] for verb in verbs):
        within = tuple(verb for verb in verbs if verb.words[depth] == word)
        is_verb = len(within[0].words) == depth + 1
        summary = within[0].summary if is_verb else "what is done with the keys themselves"
        one = choice.add_parser(word, help=summary, description=summary, allow_abbrev=False)
        _declare(one, within, depth + 1)


def _declare_one(parser: argparse.ArgumentParser, verb: Verb) -> None:
    for each in verb.arguments:
        parser.add_argument(*each.names, **each.more)
    add_server_options(parser)
    add_given_key_option(parser)
    add_user_options(parser)
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="come by an API token or JWT in place of a certificate; - is standard input",
    )
    parser.set_defaults(verb=verb)


def _run(arguments: argparse.Namespace) -> None:
    verb: Verb = arguments.verb
    output = getattr(arguments, "output", None)
    if output is not None and str(output) != STANDARD and files.is_there(output):
        raise Failure(f"{output} exists.")
    token = token_of(arguments)
    payloads = PAYLOADS[verb.operation]
    request = payloads.request(**verb.fields(arguments))
    answer = trio.run(
        answer_to, arguments, config(arguments), token, verb.operation, request, payloads.response
    )
    verb.show(arguments, answer)
