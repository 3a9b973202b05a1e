"""The `strongroom` command.

What a person can mend ends as one sentence on standard error and exit status 1 (`Failure`);
arguments that make no sense, as argparse's message and status 2; an interrupt, as status 130.
Anything else is a fault of ours and shows its traceback.
"""

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from server.setup import conflicts
from server.setup.failure import Failure

if TYPE_CHECKING:
    from server.commands import Command, Group

    Choice: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name


def parser() -> argparse.ArgumentParser:
    """The command line, from the table of commands."""
    # Imported here because `conflicts.check` must come first: it tells whether they are ours.
    from server.commands import (
        Command,
        Group,
        access_rights,
        audit_log,
        bootstrap_start,
        client_certificate,
        collateral,
        configuration,
        hand_over,
        measure,
        proxy,
        refuse_certificate,
        revocation_lists,
        serve,
        store,
        store_password,
        tickets,
        token,
        trial,
        user,
        verbs,
        verify,
    )

    commands: tuple[Command | Group, ...] = (
        serve.COMMAND, client_certificate.COMMAND, user.COMMAND, tickets.COMMAND,
        store.GROUP, audit_log.GROUP, store_password.OLD_COMMAND, trial.COMMAND,
        configuration.COMMAND, verify.COMMAND, proxy.COMMAND, measure.COMMAND,
        bootstrap_start.COMMAND,
        refuse_certificate.COMMAND, collateral.COMMAND, revocation_lists.COMMAND, hand_over.COMMAND,
        access_rights.COMMAND, token.COMMAND, *verbs.COMMANDS,
    )  # fmt: skip
    whole = argparse.ArgumentParser(
        prog="strongroom", description=importlib.metadata.metadata("strongroom")["Summary"]
    )
    whole.add_argument(
        "--version", action="version", version=importlib.metadata.version("strongroom")
    )
    choice = whole.add_subparsers(metavar="COMMAND", required=True)
    for command in commands:
        if isinstance(command, Group):
            group = _parser_of(choice, command)
            within = group.add_subparsers(metavar="COMMAND", required=True)
            for one in command.commands:
                _add(within, one)
        else:
            _add(choice, command)
    return whole


def _parser_of(choice: "Choice", command: "Command | Group") -> argparse.ArgumentParser:
    return choice.add_parser(
        command.name, help=command.summary, description=command.summary, allow_abbrev=False
    )


def _add(choice: "Choice", command: "Command") -> None:
    from server.commands import add_settings

    one = _parser_of(choice, command)
    if command.arguments:
        command.arguments(one)
    add_settings(one, command.settings)
    one.set_defaults(run=command.run)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (without the program's name) give; the exit status."""
    try:
        conflicts.check()
        arguments = parser().parse_args(words)
        arguments.run(arguments)
    except Failure as failure:
        sys.stderr.write(f"strongroom: {failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
