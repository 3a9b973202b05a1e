"""`strongroom bootstrap-start`: verify a server in bootstrap mode and give it its secrets.

Everything is sent on the very connection on which the server was verified. Secrets come from files,
from standard input (-) or from a prompt.

With `--csr-out` it fetches a certificate signing request for the server's own key and starts
nothing. What an authority issues for it is given with `--certificate`, minutes or days later.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import trio
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.claims import Role
from enclave.client import AttestedConnection
from server.access import refused_certificates, revocation_lists
from server.commands import Command, attested_server, say
from server.commands.attested_server import Answer
from server.commands.operator_options import (
    SOURCE,
    add_operator_options,
    operator_context,
    operator_digest,
    operator_token,
    secret,
)
from server.commands.server_options import add_server_options, server_of
from server.commands.verdict import verdict
from server.setup import files, redis_store
from server.setup.failure import Failure


class Step(NamedTuple):
    """One request of the bootstrap: what the operator sends to which path."""

    path: str
    body: bytes
    content_type: str = "application/json"


def _json(**fields: object) -> bytes:
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def steps(arguments: argparse.Namespace) -> Iterator[Step]:
    """The requests that the arguments call for, in order.

    Raises:
        Failure: a file cannot be read.
    """
    octets = "application/octet-stream"
    if arguments.database_type == "sqlite":
        password = secret(arguments.database_password_file, "Password of the store")
        yield Step("/sqlite", _json(path=arguments.database_url, password=password))
    else:
        if arguments.key_file is not None:  # Redis is tried at once, with what opens the store
            yield Step("/key-file", files.read(arguments.key_file, "The key file"), octets)
        yield Step("/redis-findex", _redis(arguments))
        arguments.key_file = None
    for name, path, content_type in (
        ("key_file", "/key-file", octets),
        ("client_ca", "/client-ca", "application/x-pem-file"),
        ("api_policy", "/policy", "application/toml"),
        ("certificate", "/certificate", "application/x-pem-file"),
        ("https_p12_file", "/pkcs12", octets),
    ):
        file: Path | None = getattr(arguments, name)
        if file is not None:
            yield Step(path, files.read(file, f"The file for {path}", pipes=True), content_type)
    if arguments.revocation_lists is not None:
        lists = revocation_lists.pem_of(arguments.revocation_lists)
        yield Step("/revocation-lists", lists, "application/x-pem-file")
    if arguments.refused_certificates is not None:
        lines = refused_certificates.listed(arguments.refused_certificates)
        yield Step("/refused-certificates", _json(add=lines))
    p12_password = secret(arguments.https_p12_password_file, "Password of the PKCS#12")
    if p12_password is not None:
        yield Step("/pkcs12-password", _json(password=p12_password))
    now = round(datetime.now(UTC).timestamp())
    yield Step("/start", _json(restart=arguments.restart or None, time=now))


def _redis(arguments: argparse.Namespace) -> bytes:
    """What is sent of a store in Redis.

    Raises:
        Failure: a file cannot be read, or the URL has a password in it.
    """
    url = arguments.database_url
    if url is not None and redis_store.has_password(url):
        raise Failure(
            "The URL has a password in it, which others can read: give --database-password-file."
        )
    return _json(
        url=url,
        findex_label=arguments.redis_findex_label,
        master_password=secret(arguments.redis_master_password_file, "Redis master password"),
        password=secret(arguments.database_password_file, "Password of the Redis user"),
        ca=_pem(arguments.redis_tls_ca),
        certificate=_pem(arguments.redis_tls_certificate),
    )


def _pem(path: Path | None) -> str | None:
    return (
        None
        if path is None
        else files.read(path, "The file for Redis", pipes=True).decode("ascii", "replace")
    )


async def give(connection: AttestedConnection, step: Step, token: str | None) -> str:
    """Send one request; the server's message.

    Raises:
        Failure: the server refuses it.
    """
    headers = {"Content-Type": step.content_type, **_authorization(token)}
    answer = await attested_server.ask(connection, "POST", step.path, step.body, headers)
    return str(_accepted(answer, step.path).json().get("success", ""))


async def signing_request(connection: AttestedConnection, token: str | None) -> bytes:
    """A certificate signing request for the server's own key, PEM.

    Raises:
        Failure: the server refuses it, or what it gives is none.
    """
    headers = _authorization(token)
    answer = _accepted(await attested_server.ask(connection, "GET", "/csr", b"", headers), "/csr")
    try:
        request = x509.load_pem_x509_csr(answer.body)
        genuine = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        genuine = False
    if not genuine:
        raise Failure("What the server gives as /csr is no certificate signing request.")
    return request.public_bytes(Encoding.PEM)


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _accepted(answer: Answer, path: str) -> Answer:
    if answer.status != 200:
        why = str(answer.json().get("error", answer.status)).removesuffix(".")
        raise Failure(f"The server refuses {path}: {why}.")
    return answer


async def _start(arguments: argparse.Namespace) -> None:
    server = server_of(arguments)
    token = operator_token(arguments)
    requests = [] if arguments.csr_out is not None else list(steps(arguments))
    expectation = replace(
        server.expectation(
            Role.BOOTSTRAP, allow_insecure_simulated=arguments.allow_insecure_simulated
        ),
        operator_sha256=operator_digest(arguments, token),
    )
    async with await attested_server.attested(
        server, expectation, operator_context(arguments)
    ) as connection:
        say(verdict(f"{server.host} port {server.port}", connection.attested))
        if arguments.csr_out is not None:
            request = await signing_request(connection, token)
            files.replace(arguments.csr_out, request, files.PUBLIC)
            say(f"{'/csr':17} {arguments.csr_out}: for your authority; nothing was started")
        for step in requests:
            say(f"{step.path:17} {await give(connection, step, token)}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_server_options(parser)
    add_operator_options(parser)
    parser.add_argument("--database-type", choices=["sqlite", "redis-findex"], default="sqlite")
    parser.add_argument("--database-url", help="path of the store, or URL of Redis")
    parser.add_argument(
        "--database-password-file",
        metavar="FILE",
        help=f"password of the store, or of the Redis user in the URL: {SOURCE}",
    )
    parser.add_argument("--key-file", type=Path, help="the store's key, in place of a password")
    parser.add_argument(
        "--redis-master-password-file",
        metavar="FILE",
        help="password of a store in Redis, which Redis is never given",
    )
    parser.add_argument("--redis-findex-label", help="which store in the Redis")
    parser.add_argument("--redis-tls-ca", type=Path, help="authority that vouches for Redis, PEM")
    parser.add_argument(
        "--redis-tls-certificate", type=Path, help="what Redis is shown: certificate and key, PEM"
    )
    parser.add_argument("--client-ca", type=Path, help="authority of the KMIP clients, PEM")
    parser.add_argument(
        "--revocation-lists", type=Path, help="lists of those authorities: a file, or a directory"
    )
    parser.add_argument(
        "--refused-certificates", type=Path, help="a list as `refuse-certificate` writes it"
    )
    parser.add_argument("--api-policy", type=Path, help="which peers may get the same")
    parser.add_argument(
        "--csr-out",
        type=Path,
        metavar="FILE",
        help="write a signing request for the server's own key, and start nothing",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        help="what an authority issued for that request, with those above it, PEM",
    )
    parser.add_argument("--https-p12-file", type=Path, help="identity of the API")
    parser.add_argument("--https-p12-password-file", metavar="FILE", help=SOURCE)
    parser.add_argument(
        "--restart", action="store_true", help="the server may seal all this for a restart"
    )


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_start, arguments)


COMMAND = Command(
    "bootstrap-start",
    "verify a server in bootstrap mode, give it its secrets and start it",
    _run,
    _arguments,
    frozenset(),
)
