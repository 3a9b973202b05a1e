"""`strongroom tickets end CLIENT`: end the tickets that a client has been given.

Where several servers share a store, they are removed from it. A server that has its store for
itself holds it while it runs: it is told by a file. With the operator's credential it is told to a
provisioned server that runs, which takes nothing from its disk.
"""

import argparse
from datetime import UTC, datetime

import trio

from server.access import ended_tickets
from server.commands import Command, config, say
from server.commands.operator_options import (
    add_running_server_options,
    at_running_server,
    running_server,
)
from server.sessions.tickets import Tickets
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["end"])
    parser.add_argument("client", help="the client, as the audit log calls it")
    add_running_server_options(parser)


async def _tell(arguments: argparse.Namespace) -> None:
    async with running_server(arguments) as server:
        await server.ask("POST", "/tickets/end", {"client": arguments.client})


async def _remove(settings: Config, client: str) -> None:
    async with open_store.opened(settings, create=False) as store:
        await Tickets(store).end_all(client)


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.client:
        raise Failure(ended_tickets.NOBODY)
    if at_running_server(arguments):
        trio.run(_tell, arguments)
    elif open_store.is_shared(settings := config(arguments)):
        explanations.run(settings, _remove, settings, arguments.client)
    else:
        now = datetime.now(UTC).timestamp()
        ended_tickets.end(settings.ended_tickets_file, arguments.client, now)
    say(f"The tickets that {arguments.client} has been given up to now are over.")


COMMAND = Command(
    "tickets",
    "end the tickets that a client has been given",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
