"""`strongroom client-certificate NAME`: let another client in."""

import argparse
from datetime import UTC, datetime

from server.commands import Command, config, say
from server.pki import local_authority


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the client's name, which becomes the owner of its objects")


def _run(arguments: argparse.Namespace) -> None:
    directory = config(arguments).tls_directory
    made = local_authority.ensure_client(directory, arguments.name, datetime.now(UTC))
    say(
        f"certificate  {made.certificate}\nkey          {made.key}\nauthority    {directory}/ca.pem"
    )


COMMAND = Command(
    "client-certificate",
    "make a client's certificate and key, or renew it near its end",
    _run,
    _arguments,
)
