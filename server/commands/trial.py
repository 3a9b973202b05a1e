"""`strongroom try`: make a key on a running server, fetch it and destroy it.

A client in a few lines, with this project's own protocol: it shows that the certificates, the
server and its store work together, and what a request is made of. With a policy, the server is
whom its evidence shows, and not whom an authority names.
"""

import argparse
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

import trio

from enclave.claims import Role
from enclave.client import Attested, client_context
from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.enums import CryptographicAlgorithm, NameType, ObjectType, Operation
from kmip.errors import KMIPError
from kmip.framing import Frames
from kmip.key_block import KeyValue
from kmip.masks import CryptographicUsageMask
from kmip.objects import key_block_of
from kmip.payloads.create import CreateRequest, CreateResponse
from kmip.payloads.destroy import DestroyRequest, DestroyResponse
from kmip.payloads.get import GetRequest, GetResponse
from kmip.structures import Structure
from kmip.tags import Tag
from server.commands import Command, config, say
from server.commands.attested_key import Verification, check_key
from server.commands.one_operation import request, response
from server.commands.server_options import (
    add_given_key_option,
    add_server_options,
    expectation_of,
    server_of,
)
from server.commands.verdict import verdict
from server.pki import local_authority
from server.setup import addresses
from server.setup.config import Config
from server.setup.failure import Failure

S = TypeVar("S", bound=Structure)

TIMEOUT_SECONDS: Final = 10.0
RECEIVE_BYTES: Final = 65_536
VERIFYING: Final = ("conf", "server", "policy", "allow_insecure_simulated", "allow_given_key")
"""Options of which any says that the server is to be verified."""

NAME: Final = Name(name_value="strongroom try", name_type=NameType.UNINTERPRETED_TEXT_STRING)
KEY: Final = CreateRequest(
    object_type=ObjectType.SYMMETRIC_KEY,
    attributes=Attributes(
        [
            (Tag.NAME, NAME),
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
            (Tag.CRYPTOGRAPHIC_LENGTH, 256),
            (
                Tag.CRYPTOGRAPHIC_USAGE_MASK,
                CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT,
            ),
        ]
    ),
)


class Session:
    """A connection, one request at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Frames(Tag.RESPONSE_MESSAGE)

    def perform(self, operation: Operation, payload: Structure, answer: type[S]) -> S:
        """Send a request, and the payload that answers it."""
        self._connection.sendall(request(operation, payload))
        while data := self._connection.recv(RECEIVE_BYTES):
            for message in self._frames.receive(data):
                return response(message, answer)
        raise Failure("The server closed the connection.")


class Verified(NamedTuple):
    """A server that was verified just now.

    Attributes:
        host: its name or address.
        attested: what it is.
    """

    host: str
    attested: Attested


@contextmanager
def _connected(config: Config, client: str, verified: Verified | None) -> Iterator[ssl.SSLSocket]:
    """A connection to the server whom an authority names, or who was verified."""
    own = local_authority.pair(config.tls_directory, local_authority.check_client_name(client))
    if verified is None:
        context = ssl.create_default_context(cafile=config.client_ca_file)
        host = addresses.reachable(config.kmip_host)
    else:
        context, host = client_context(), verified.host
    context.load_cert_chain(own.certificate, own.key)
    with (
        socket.create_connection((host, config.kmip_port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        if verified is not None:
            certificate = connection.getpeercert(binary_form=True)
            check_key(host, config.kmip_port, certificate or b"", verified.attested)
        yield connection


def _verified(arguments: argparse.Namespace) -> Verified | None:
    """The server, verified, where an option says by what; else None.

    Raises:
        Failure: it is not what is expected.
    """
    if not any(getattr(arguments, name) for name in VERIFYING):
        return None
    server = server_of(arguments)
    verify = Verification(server, lambda: expectation_of(arguments, server, Role.API))
    attested = trio.run(verify)
    say(verdict(f"{server.host} port {server.port}", attested))
    return Verified(server.host, attested)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--client", metavar="NAME", default="client", help="the client to be (default: client)"
    )
    add_server_options(parser)
    add_given_key_option(parser)


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    verified = _verified(arguments)
    host = settings.kmip_host if verified is None else verified.host
    place = f"{host} port {settings.kmip_port}"
    try:
        with _connected(settings, arguments.client, verified) as connection:
            say(f"connected to {place} by {connection.version()} as {arguments.client}")
            _exercise(Session(connection))
    except KMIPError as error:
        raise Failure(f"The server's answer cannot be read: {error}.") from None
    except OSError as error:
        raise Failure(f"{place} cannot be used: {error.strerror or error}.") from None


def _exercise(session: Session) -> None:
    made = session.perform(Operation.CREATE, KEY, CreateResponse)
    which = made.unique_identifier
    say(f"Create   an AES-256 key, {which}")
    got = session.perform(Operation.GET, GetRequest(unique_identifier=which), GetResponse)
    block = key_block_of(got.object)
    if block is None or not isinstance(block.key_value, KeyValue):
        raise Failure("The server's answer holds no key.")
    say(f"Get      a key of {block.cryptographic_length} bits")
    session.perform(Operation.DESTROY, DestroyRequest(unique_identifier=which), DestroyResponse)
    say("Destroy  done")


COMMAND = Command(
    "try",
    "make a key on a running server, fetch it and destroy it",
    _run,
    _arguments,
    settings=frozenset({"data", "kmip_host", "kmip_port"}),
)
