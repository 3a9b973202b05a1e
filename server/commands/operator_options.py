"""The options by which a command is told who the operator is, and their connection to a server.

A command that is about a server's own files becomes one for a running provisioned server when the
operator's credential is among its options: `at_running_server` says so.
"""

from __future__ import annotations

import argparse
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from enclave.claims import Role
from enclave.client import AttestedConnection, Expectation, client_context
from enclave.policy import accepting_given_keys
from server.access.operator_credential import OperatorCredential, token_sha256
from server.bootstrap.operator import check_token
from server.commands import attested_server
from server.commands.server_options import add_server_options, server_of
from server.setup import files
from server.setup.failure import Failure
from server.setup.password_input import read_password

SOURCE: Final = "FILE, - for standard input, or the word prompt"


def add_operator_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that name the operator's credential."""
    parser.add_argument("--operator-certificate", type=Path, help="PEM")
    parser.add_argument("--operator-key", type=Path, help="PEM; else in the certificate's file")
    parser.add_argument("--token-file", metavar="FILE", help=f"the operator's token: {SOURCE}")


def add_running_server_options(parser: argparse.ArgumentParser) -> None:
    """Declare all that reaches a running provisioned server."""
    add_server_options(parser)
    add_operator_options(parser)
    parser.add_argument(
        "--allow-given-key", action="store_true", help="accept a key that you brought (PKCS#12)"
    )


def at_running_server(arguments: argparse.Namespace) -> bool:
    """Whether the options name an operator: then the command is for a server that runs."""
    return arguments.operator_certificate is not None or arguments.token_file is not None


def secret(source: str | None, question: str) -> str | None:
    """A secret from a file, standard input (-) or a prompt; None where the option is absent."""
    if source is None:
        return None
    return read_password(None if source == "prompt" else source, question, twice=False)


def operator_context(arguments: argparse.Namespace) -> ssl.SSLContext:
    """TLS settings with the operator's certificate, where there is one.

    Raises:
        Failure: it cannot be used.
    """
    context = client_context()
    if arguments.operator_certificate is not None:
        key = arguments.operator_key or arguments.operator_certificate
        try:
            context.load_cert_chain(arguments.operator_certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise Failure(f"The operator's certificate cannot be used: {error}.") from None
    return context


def operator_token(arguments: argparse.Namespace) -> str | None:
    """The operator's token; None where the option is absent.

    Raises:
        Failure: it cannot be read, or can be no token.
    """
    token = secret(arguments.token_file, "Operator token")
    if token is not None:
        check_token(token)
    return token


def operator_digest(arguments: argparse.Namespace, token: str | None) -> bytes:
    """The digest (32 bytes) that the server must claim: that of this operator's credential.

    Raises:
        Failure: there is none, or it cannot be read.
    """
    certificate = None
    if arguments.operator_certificate is not None:
        data = files.read(arguments.operator_certificate, "The operator's certificate")
        try:
            certificate = x509.load_pem_x509_certificate(data)
        except ValueError:
            raise Failure("The operator's certificate is not PEM.") from None
    if certificate is None and token is None:
        raise Failure("Give --operator-certificate or --token-file: who is the operator?")
    known = None if token is None else token_sha256(token)
    return OperatorCredential(certificate, known).sha256


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A verified connection of the operator's to a provisioned server that runs.

    Attributes:
        connection: verified.
        token: the operator's; None: they come by a certificate.
    """

    connection: AttestedConnection
    token: str | None

    async def ask(self, method: str, path: str, body: bytes | dict[str, Any] = b"") -> Any:
        """What the server answers, an object.

        Raises:
            Failure: it refuses.
        """
        sent = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Content-Type": "application/json" if isinstance(body, dict) else BINARY}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = await attested_server.ask(self.connection, method, path, sent, headers)
        fields = answer.json()
        if answer.status != 200:
            why = str(fields.get("error", answer.status)).removesuffix(".")
            raise Failure(f"The server refuses {path}: {why}.")
        return fields


BINARY: Final = "application/octet-stream"


@asynccontextmanager
async def running_server(arguments: argparse.Namespace) -> AsyncIterator[RunningServer]:
    """The operator's connection to a server that runs, for the length of an `async with` block.

    The server is verified, also that it claims this operator, before anything is sent.

    Raises:
        Failure: it is not what is expected, or cannot be reached.
    """
    server, token = server_of(arguments), operator_token(arguments)
    expectation = _expectation(arguments, server, token)
    context = operator_context(arguments)
    async with await attested_server.attested(server, expectation, context) as connection:
        yield RunningServer(connection, token)


def _expectation(
    arguments: argparse.Namespace, server: attested_server.Remote, token: str | None
) -> Expectation:
    expectation = replace(
        server.expectation(Role.API, allow_insecure_simulated=arguments.allow_insecure_simulated),
        operator_sha256=operator_digest(arguments, token),
    )
    if arguments.allow_given_key:
        return replace(expectation, policy=accepting_given_keys(expectation.policy))
    return expectation
