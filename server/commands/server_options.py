"""The options by which a command is told which server to reach, and what to expect of it."""

import argparse
import os
from pathlib import Path

from server.commands import attested_server


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name a server and what is expected of it."""
    parser.add_argument(
        "--conf", type=Path, help=f"client configuration; else {attested_server.VARIABLE}"
    )
    parser.add_argument("--server", metavar="URL", help="the server, such as https://host:9998")
    parser.add_argument("--policy", type=Path, help="which server to accept, TOML")
    parser.add_argument("--collateral", type=Path, help="what the vendors publish, JSON")
    parser.add_argument(
        "--allow-insecure-simulated",
        action="store_true",
        help="accept a simulated TEE, which proves nothing",
    )


def server_of(arguments: argparse.Namespace) -> attested_server.Remote:
    """The server that the options name.

    Raises:
        Failure: see `attested_server.read_remote`.
    """
    file = arguments.conf
    if file is None and attested_server.VARIABLE in os.environ:
        file = Path(os.environ[attested_server.VARIABLE])
    return attested_server.read_remote(
        file, arguments.server, arguments.policy, arguments.collateral
    )
