"""The options by which a command is told which server to reach, what to expect of it, as whom."""

import argparse
import os
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Final

from enclave.claims import Role
from enclave.client import Expectation, client_context
from enclave.policy import accepting_given_keys
from server.commands import attested_server
from server.pki import local_authority
from server.setup.config import Config
from server.setup.failure import Failure

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


def add_user_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name the user's certificate."""
    parser.add_argument("--certificate", type=Path, help="the user's certificate, PEM")
    parser.add_argument("--key", type=Path, help="its key, PEM; else in the certificate's file")
    parser.add_argument(
        "--client",
        metavar="NAME",
        default="client",
        help="without --certificate: the user is DATA/tls/NAME.pem (default: client)",
    )


def user_of(arguments: argparse.Namespace, settings: Config) -> local_authority.Pair:
    """The files of the user's certificate and key."""
    if arguments.certificate is not None:
        return local_authority.Pair(arguments.certificate, arguments.key or arguments.certificate)
    return local_authority.pair(
        settings.tls_directory, local_authority.check_client_name(arguments.client)
    )


def user_context(certificate: str, key: str) -> ssl.SSLContext:
    """The TLS settings towards the server, with the user's certificate.

    Args:
        certificate: the file of the user's certificate, PEM, perhaps with those above it.
        key: the file of its key, PEM.

    Raises:
        Failure: they cannot be used.
    """
    context = client_context()
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Failure(
            f"The certificate {certificate} and its key cannot be used: {error}."
        ) from None
    return context


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
