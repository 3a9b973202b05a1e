"""An attested server as its operator and its users see it: expectation, pin, requests.

The client's configuration is a TOML file, named by an option or by KMS_CLI_CONF:

    server_url = "https://host:9998"
    policy = "policy.toml"              beside this file, or an absolute path
    deployment = "strongroom"           optional
    operator = "<64 digits>"            optional: the digest of the operator's credential

Beside it is `FILE.pin`, which `verify` writes: the digest of the server's public key and what it
claimed of its operator, its settings and its store (`enclave.pinned`). From then on a server with
another key, or other claims, is refused, until `verify` is told to accept the change or the file is
removed. The evidence has an end, the pin has none: each connection is verified in full, pinned or
not. Without a policy nothing is sent to anybody.
"""

from __future__ import annotations

import json
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import h11
import trio

from enclave.claims import KeyOrigin, Role
from enclave.client import AttestedConnection, Expectation, challenge, client_context, connect
from enclave.collateral import Collateral
from enclave.collateral_file import read_collateral
from enclave.errors import AttesterBusy, EnclaveError, InvalidPolicy
from enclave.evidence import TEE
from enclave.pinned import Pinned
from enclave.policy import Policy, read_policy
from enclave.quote_request import HTTPAsk
from server.setup import files
from server.setup.failure import Failure

VARIABLE: Final = "KMS_CLI_CONF"
DEFAULT_PORT: Final = 9998
KEYS: Final = {"server_url", "policy", "deployment", "collateral", "operator"}
MAX_ANSWER_BYTES: Final = 1 << 20
ANSWER_SECONDS: Final = 120.0
"""For `/start`, which opens a store of any size before it answers."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A server and what is expected of it.

    Attributes:
        host: its name or address.
        port: its port.
        policy: what evidence is accepted.
        deployment: the name it must claim; None: any.
        operator_sha256: the digest of its operator's credential, which it must claim; None: any.
        collateral: what the vendors publish.
        pin_file: the file of the pin; None: nothing is pinned.
    """

    host: str
    port: int
    policy: Policy
    deployment: str | None = None
    operator_sha256: bytes | None = None
    collateral: Mapping[TEE, Collateral] | None = None
    pin_file: Path | None = None

    def expectation(self, role: Role, *, allow_insecure_simulated: bool) -> Expectation:
        """What the server must be in this role, as it is pinned.

        Args:
            role: what its key is for.
            allow_insecure_simulated: accept a simulated TEE.
        """
        expected = Expectation(
            policy=self.policy,
            role=role,
            deployment=self.deployment,
            operator_sha256=self.operator_sha256,
            collateral=self.collateral or {},
            allow_insecure_simulated=allow_insecure_simulated,
        )
        pinned = self.pinned(role)
        if pinned is None:
            return expected
        return replace(expected, pin=pinned.key, pinned=pinned)

    def pinned(self, role: Role) -> Pinned | None:
        """The server as it was verified before in this role, if it was."""
        return _pins(self.pin_file).get(role)

    def keep(self, role: Role, pinned: Pinned) -> None:
        """Remember the server as it is now."""
        if self.pin_file is None:
            return
        pins = _pins(self.pin_file) | {role: pinned}
        rows = {each.value: _written(one) for each, one in pins.items()}
        files.replace(self.pin_file, json.dumps(rows, indent=1).encode())


def _written(pinned: Pinned) -> dict[str, Any]:
    row = asdict(pinned)
    return {name: row[name].hex() if isinstance(row[name], bytes) else row[name] for name in row}


def _pins(path: Path | None) -> dict[Role, Pinned]:
    if path is None or not files.is_there(path):
        return {}
    try:
        rows = json.loads(files.read(path, "The pin file"))
        return {Role(role): _read_pin(row) for role, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise Failure(
            f"The pin file {path} cannot be read; remove it and verify the server anew."
        ) from None


def _read_pin(row: dict[str, Any]) -> Pinned:
    return Pinned(
        key=bytes.fromhex(row["key"]),
        operator_sha256=_bytes(row["operator_sha256"]),
        deployment=str(row["deployment"]),
        key_origin=KeyOrigin(row["key_origin"]),
        configuration_sha256=bytes.fromhex(row["configuration_sha256"]),
        insecure_settings=tuple(map(str, row["insecure_settings"])),
        store=_bytes(row["store"]),
    )


def _bytes(digits: str | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits)


def read_remote(
    file: Path | None, url: str | None, policy: Path | None, collateral: Path | None
) -> Remote:
    """The server that a configuration file, or options in its place, name.

    Args:
        file: the configuration file.
        url: in place of its `server_url`; another server than that has no pin.
        policy: in place of its `policy`.
        collateral: a JSON file with what the vendors publish, in place of its `collateral`.

    Raises:
        Failure: something is missing or cannot be read.
    """
    entries: dict[str, Any] = {}
    if file is not None:
        try:
            entries = tomllib.loads(
                files.read(file, "The client configuration", pipes=True).decode()
            )
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Failure(f"The client configuration {file} is not TOML: {error}.") from None
        if unknown := entries.keys() - KEYS:
            raise Failure(f"{file} has unknown keys: {', '.join(sorted(unknown))}.")
        if wrong := sorted(key for key, value in entries.items() if not isinstance(value, str)):
            raise Failure(f"{file} has something else than a text as {', '.join(wrong)}.")
        here = file.parent
        policy = policy or (here / entries["policy"] if "policy" in entries else None)
        collateral = collateral or (
            here / entries["collateral"] if "collateral" in entries else None
        )
    is_other = url not in (None, entries.get("server_url"))
    url = url or entries.get("server_url")
    if not url:
        raise Failure("No server is named: give --server, or server_url in the configuration.")
    if policy is None:
        raise Failure(
            "No policy says which server to accept: give --policy; `strongroom measure` writes one."
        )
    host, port = place(url)
    pin_file = None if file is None or is_other else file.with_name(file.name + ".pin")
    return Remote(
        host,
        port,
        _policy(policy),
        entries.get("deployment"),
        _operator(entries.get("operator")),
        collateral_in(collateral),
        pin_file,
    )


def _operator(digits: str | None) -> bytes | None:
    if digits is None:
        return None
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise Failure("The operator in the client configuration is 64 hexadecimal digits.")
    return digest


def place(url: str) -> tuple[str, int]:
    """The host and port of an HTTPS address.

    Raises:
        Failure: it is none.
    """
    try:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise Failure(f"{url!r} is not an address with a port.") from None
    if parts.scheme != "https" or not parts.hostname:
        raise Failure(f"{url!r} is not the address of an HTTPS server.")
    return parts.hostname, port


def _policy(path: Path) -> Policy:
    try:
        return read_policy(files.read(path, "The policy", pipes=True).decode())
    except (UnicodeDecodeError, InvalidPolicy) as error:
        raise Failure(f"The policy {path} cannot be used: {error}.") from None


def collateral_in(path: Path | None) -> dict[TEE, Collateral]:
    """The collateral in a file, by TEE; None: there is none.

    Raises:
        Failure: it cannot be read.
    """
    if path is None:
        return {}
    try:
        return read_collateral(files.read(path, "The collateral", pipes=True))
    except EnclaveError as error:
        raise Failure(f"The collateral {path} cannot be used: {error}.") from None


async def attested(
    remote: Remote, expectation: Expectation, context: ssl.SSLContext | None = None
) -> AttestedConnection:
    """A connection to the server, verified over a fresh nonce.

    Raises:
        Failure: it is not what is expected, or does not answer; it was sent nonces and no more.
    """
    seen = None if expectation.pinned is None else expectation.pinned.store
    ask_it = HTTPAsk(remote.host, store=seen)
    with failures_told(remote.host, remote.port):
        connection = await connect(
            remote.host,
            remote.port,
            expectation,
            now=lambda: datetime.now(UTC),
            context=context or client_context(),
            ask=ask_it,
        )
        claims = connection.attested.claims
        if claims is not None and claims.nonce is not None:
            return connection  # its certificate has no evidence, so that it was asked already
        return await challenge(connection, ask_it, expectation, now=lambda: datetime.now(UTC))


@contextmanager
def failures_told(host: str, port: int) -> Iterator[None]:
    """Have what goes wrong with a connection in the block end in a sentence.

    Raises:
        Busy: the server has no time for evidence now.
        Failure: it is not what is expected, or cannot be reached.
    """
    where = f"{host} port {port}"
    try:
        yield
    except AttesterBusy as error:
        raise Busy(f"{where} does not answer: {error}.") from None
    except EnclaveError as error:
        raise Failure(f"{where} is not accepted: {error}.") from None
    except (OSError, UnicodeError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise Failure(f"{where} cannot be reached: {why(error)}.") from None


class Busy(Failure):
    """The server has no time for evidence now, and may have in some seconds."""


def why(error: Exception) -> str:
    """What went wrong with a connection, for people."""
    if isinstance(error, trio.TooSlowError):
        return "it does not answer in time"
    if isinstance(error, trio.BrokenResourceError):
        alert = getattr(error.__cause__, "reason", None)
        return f"the connection broke ({alert})" if alert else "the connection broke"
    if isinstance(error, UnicodeError):
        return "this is no host's name"
    cause: BaseException | None = error.__cause__  # trio tries each of a host's addresses
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return getattr(cause or error, "strerror", None) or str(error)


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object; empty where it is none."""
        try:
            fields = json.loads(self.body)
        except ValueError:
            return {}
        return fields if isinstance(fields, dict) else {}


async def ask(
    connection: AttestedConnection,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on an attested connection, which stays open.

    Raises:
        Failure: there is no proper answer in time.
    """
    http = h11.Connection(h11.CLIENT)
    fields = {"Host": "strongroom", "Content-Length": str(len(body)), **(headers or {})}
    request = h11.Request(method=method, target=path, headers=list(fields.items()))
    parts = (request, h11.Data(data=body), h11.EndOfMessage())
    data = b"".join(http.send(part) or b"" for part in parts)
    try:
        with trio.fail_after(ANSWER_SECONDS):
            await connection.stream.send_all(data)
            return await _answer(http, connection)
    except h11.RemoteProtocolError:
        raise Failure(f"The server gave no proper answer to {path}.") from None
    except (trio.BrokenResourceError, trio.TooSlowError) as error:
        raise Failure(f"The server gave no answer to {path}: {why(error)}.") from None


async def _answer(http: h11.Connection, connection: AttestedConnection) -> Answer:
    status, body = 0, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await connection.stream.receive_some(65_536)))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_ANSWER_BYTES:
                raise Failure("The server's answer is too long.")
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, body)
        elif isinstance(event, h11.ConnectionClosed):
            raise Failure("The server closed the connection in place of an answer.")
