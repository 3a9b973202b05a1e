"""`strongroom tickets end CLIENT`: end the tickets that a client has been given."""

import argparse
from datetime import UTC, datetime

from server.access import ended_tickets
from server.commands import Command, config, say


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["end"])
    parser.add_argument("client", help="the client, as the audit log calls it")


def _run(arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC).timestamp()
    ended_tickets.end(config(arguments).ended_tickets_file, arguments.client, now)
    say(f"The tickets that {arguments.client} has been given up to now are over.")


COMMAND = Command("tickets", "end the tickets that a client has been given", _run, _arguments)
