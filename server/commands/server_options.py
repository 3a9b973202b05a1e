"""The options by which a command is told which server to reach, and what to expect of it."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from enclave.claims import Role
from enclave.client import Expectation
from enclave.policy import accepting_given_keys
from server.commands import attested_server

DEFAULT_KMIP_PORT: Final = 5696
"""IANA's number for KMIP."""


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


def add_given_key_option(parser: argparse.ArgumentParser) -> None:
    """Declare the option to accept a key that was not born in the server."""
    parser.add_argument(
        "--allow-given-key",
        action="store_true",
        help="accept a key that the operator brought (PKCS#12), which others may have too",
    )


def expectation_of(
    arguments: argparse.Namespace, server: attested_server.Remote, role: Role
) -> Expectation:
    """What the server must be in this role, by the policy, the pin and the options.

    Raises:
        Failure: the pin cannot be read.
    """
    expectation = server.expectation(
        role, allow_insecure_simulated=arguments.allow_insecure_simulated
    )
    if arguments.allow_given_key:
        return replace(expectation, policy=accepting_given_keys(expectation.policy))
    return expectation


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
