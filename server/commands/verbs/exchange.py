"""One operation, asked of an attested server at `POST /kmip` in TTLV.

The server is attested first, by the policy and the pin of `verify`, on the connection on which it
is then asked. The user comes by their certificate as a client of KMIP, or by a bearer token.
"""

from __future__ import annotations

import argparse
import re
import ssl
from typing import Final, TypeVar

import trio

from enclave.claims import Role
from enclave.client import AttestedConnection, Expectation, client_context
from kmip.encodings import ttlv
from kmip.enums import Operation
from kmip.errors import KMIPError
from kmip.structures import Structure
from server.commands import attested_server
from server.commands.attested_key import BUSY_SECONDS, PATIENCE_SECONDS
from server.commands.one_operation import LONGEST, plain, request, response
from server.commands.operator_options import secret
from server.commands.server_options import expectation_of, server_of, user_context, user_of
from server.setup.config import Config
from server.setup.failure import Failure

S = TypeVar("S", bound=Structure)

PATH: Final = "/kmip"
MAX_TOKEN_CHARACTERS: Final = 8_192
"""JWTs have one or two thousand; all headers of a request together are limited at the server."""


def token_of(arguments: argparse.Namespace) -> str | None:
    """The user's bearer token; None where the option is absent.

    Raises:
        Failure: it cannot be read, or can be no token.
    """
    token = secret(arguments.token_file, "Token")
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise Failure("A token is of ASCII characters without spaces.")
    if token is not None and len(token) > MAX_TOKEN_CHARACTERS:
        raise Failure(f"A token has at most {MAX_TOKEN_CHARACTERS} characters.")
    return token


async def answer_to(
    arguments: argparse.Namespace,
    settings: Config,
    token: str | None,
    operation: Operation,
    payload: Structure,
    answer: type[S],
) -> S:
    """What the server answers.

    Args:
        arguments: name the server, and the user's certificate.
        settings: say where that is, where the arguments do not.
        token: the user's, in place of a certificate.
        operation: what is asked for.
        payload: of the request.
        answer: the class of the response's payload.

    Raises:
        Failure: the server is not what is expected, refuses, or gives no proper answer.
    """
    server = server_of(arguments)
    headers = {"Content-Type": ttlv.MESSAGE.media_type}
    if token is None:
        user = user_of(arguments, settings)
        context = user_context(str(user.certificate), str(user.key))
    else:
        context = client_context()
        headers["Authorization"] = f"Bearer {token}"
    expectation = expectation_of(arguments, server, Role.API)
    sent = _message(operation, payload)
    async with await _attested(server, expectation, context) as connection:
        got = await attested_server.ask(connection, "POST", PATH, sent, headers)
    if got.status != 200:
        why = got.json().get("error") or got.body.decode(errors="replace")
        raise Failure(f"The server refuses: {plain(str(why)[:LONGEST].strip().rstrip('.'))}.")
    try:
        return response(got.body, answer)
    except KMIPError as error:
        raise Failure(f"The server's answer cannot be read: {plain(error)}.") from None


def _message(operation: Operation, payload: Structure) -> bytes:
    """The request, which what was typed may not go into: a number too large, half a character."""
    try:
        return request(operation, payload)
    except (KMIPError, ValueError, OverflowError):
        raise Failure(f"What was given does not fit into a {operation.title} of KMIP.") from None


async def _attested(
    server: attested_server.Remote, expectation: Expectation, context: ssl.SSLContext
) -> AttestedConnection:
    """A connection to the server, which is asked again while it has no time for evidence.

    Nothing but a nonce has been sent by then, so that no operation is done twice. A script of many
    verbs goes on at the pace at which the server gives evidence.
    """
    with trio.move_on_after(PATIENCE_SECONDS):
        while True:
            try:
                return await attested_server.attested(server, expectation, context)
            except attested_server.Busy:
                await trio.sleep(BUSY_SECONDS)
    raise Failure(f"{server.host} port {server.port} has no time for evidence.")
