"""The server attests itself: which chip it has, what it claims, and the routes that say so.

    GET /status          what this is, for people and monitors
    GET /quote?nonce=    evidence over the verifier's nonce and the service's public key
    GET /tee/attestation_report?nonce=    the same for `ckms verify` 4.10, by a setting only

All are open to anybody: evidence is made to be shown, and holds nothing secret. What each one
proves is told in docs/attestation.md; the claims are those of `enclave.claims`.

The chip answers about once in a second. One asker gets a few quotes at once and then one in two
seconds, and who asks again with the same nonce is given the same evidence, so that neither a loop
nor a nervous verifier keeps the others from it.

Danger of the last route: the first half of what the chip signs is whatever the caller chose, so it
says nothing but that this code answered, and its form has neither role nor time. It cannot pass for
the other forms, whose second half is zero (`enclave.report_data`). It is there for those who have
that client, and off for all others.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import secrets
import ssl
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import trio

from enclave import report_data
from enclave import tee as chips
from enclave.claims import NONCE_BYTES, Role
from enclave.errors import DeviceError, EnclaveError
from enclave.evidence_formats import write_bare
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee
from enclave.keys import Purpose, tls_key
from enclave.ratls import Attester, Issued, keep_fresh, use_certificate
from enclave.tee import Tee
from server.sessions.rate_limits import Rates
from server.setup import files, settings
from server.setup.config import Config
from server.setup.failure import Failure
from server.transport.http import HTTPError, Request, Response, Route, Routes, answer

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

CBOR: Final = "application/cbor"
INSTANCE_BYTES: Final = 16
CHIP_DIRECTORY: Final = "insecure-software-chip"

QUOTE_BURST: Final = 16
"""For one address, behind which several verifiers may be."""
QUOTES_PER_SECOND: Final = 0.5
"""Half of what the chip can do: one address cannot have all of it."""
CACHED_QUOTES: Final = 64
CACHED_SECONDS: Final = 60.0
CKMS_NONCE_BYTES: Final = 32

PURPOSES: Final = {Role.API: Purpose.API_TLS, Role.BOOTSTRAP: Purpose.BOOTSTRAP_TLS}
"""The key that the server uses in each role."""

# What makes two servers differ without making them another configuration.
_NOT_CONFIGURATION: Final = frozenset({"data", "kmip_port", "https_port", "log_level"})


def find_tee(config: Config, now: datetime) -> Tee | None:
    """The chip of this machine, or the pretended one where the settings ask for it.

    Returns:
        None where there is no chip, and none is to be pretended.

    Raises:
        Failure: the pretended one is damaged or cannot be kept.
    """
    try:
        return chips.find(circumstances=circumstances(config))
    except DeviceError:
        if not config.insecure_software_chip:
            return None
    directory = config.data / CHIP_DIRECTORY
    files.make_directory(directory)
    log.warning("attestation is SIMULATED: the chip is a file and proves nothing")
    try:
        return SoftwareTee(SoftwareGuest(SoftwareChip.open(directory, now)))
    except DeviceError as error:
        raise Failure(f"The pretended chip cannot be used: {error}.") from None
    except OSError as error:
        raise Failure(f"The pretended chip cannot be kept: {error.strerror}.") from None


def circumstances(config: Config) -> chips.Circumstances:
    """What the settings tell of the machine: no derived key unless the launch is measured."""
    return chips.Circumstances(firmware_only=not config.measured_launch)


def configuration_sha256(config: Config) -> bytes:
    """The digest of the settings in force, which the claims hold (32 bytes).

    It covers every setting but those that only say where this one server is; secrets are not among
    the settings.
    """
    rows = {
        row.name: str(getattr(config, row.name))
        for row in settings.rows(Config)
        if row.name not in _NOT_CONFIGURATION
    }
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).digest()


def instance(data: Path) -> bytes:
    """This server's own number: 16 random bytes, made once and kept.

    A server that trusts nothing on its disk makes a `new_instance` at each start instead: what lies
    there can be copied, and two servers of one number not be told apart.

    Raises:
        Failure: it cannot be read or kept, or is none.
    """
    path = data / "instance"
    if not path.exists():
        files.make_directory(data)
        files.create(path, new_instance())
    found = files.read(path, "The instance number")
    if len(found) != INSTANCE_BYTES:
        raise Failure(f"The instance number {path} is damaged; remove it, and another is made.")
    return found


def new_instance() -> bytes:
    """A number for a server that did not have one: 16 random bytes."""
    return secrets.token_bytes(INSTANCE_BYTES)


async def attester(
    config: Config,
    tee: Tee,
    role: Role,
    now: Callable[[], datetime],
    *,
    instance: bytes,
    store: Callable[[], bytes | None] = lambda: None,
    operator_sha256: bytes | None = None,
) -> Attester:
    """What attests this server in a role.

    Args:
        config: the settings.
        tee: the chip.
        role: what the key is for.
        now: the clock.
        instance: the server's number.
        store: the state of the store; None while none is open.
        operator_sha256: the digest of the credential of the operator who may provision it.

    Raises:
        DeviceError, DeviceLost: the chip gives no key.
    """
    return Attester(
        tee=tee,
        key=await tls_key(tee, PURPOSES[role]),
        role=role,
        deployment=config.deployment,
        instance=instance,
        configuration_sha256=configuration_sha256(config),
        operator_sha256=operator_sha256,
        store=store,
        now=now,
        for_ckms=config.insecure_allow_ckms_verify,
    )


@dataclass(slots=True)
class Attestation:
    """The routes of a server that attests itself.

    Attributes:
        attester: makes evidence for the key that is shown now; may be replaced while serving.
        state: what the server is doing, for `GET /status`.
        certificate: the one that is shown now, DER.
        allow_ckms: whether to answer `ckms verify` 4.10.
    """

    attester: Attester
    state: Callable[[], str]
    certificate: bytes = b""
    allow_ckms: bool = False
    routes: Routes = field(init=False)
    _rates: Rates = field(init=False, repr=False)
    _made: OrderedDict[bytes, tuple[float, Attester, bytes]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rates = Rates(QUOTE_BURST, QUOTES_PER_SECOND)
        self._made = OrderedDict()
        routes = {
            ("GET", "/status"): Route(self.status),
            ("GET", "/quote"): Route(self.quote),
        }
        if self.allow_ckms:
            routes[("GET", "/tee/attestation_report")] = Route(self.ckms_report)
        self.routes = routes

    async def status(self, request: Request) -> Response:
        """What this is."""
        return answer(
            {
                "product": "strongroom",
                "version": importlib.metadata.version("strongroom"),
                "state": self.state(),
                "tee": self.attester.tee.kind.value,
                "simulated": self.attester.tee.simulated,
                "role": self.attester.role.value,
                "deployment": self.attester.deployment,
            }
        )

    async def quote(self, request: Request) -> Response:
        """Evidence over the nonce; 503 while the chip has no time for it."""
        nonce = nonce_of(request)
        body = self._made_before(nonce)
        if body is None:
            self._check_rate(request)
            attester = self.attester
            body = await _from_chip(attester.quote(nonce))
            self._made[nonce] = (trio.current_time() + CACHED_SECONDS, attester, body)
            while len(self._made) > CACHED_QUOTES:
                self._made.popitem(last=False)
        return Response(body, content_type=CBOR)

    async def ckms_report(self, request: Request) -> Response:
        """Evidence over the nonce and the certificate, as a JSON string of base64."""
        try:
            nonce = b64decode(request.query.get("nonce", ""), validate=True)
        except ValueError:
            nonce = b""
        if len(nonce) != CKMS_NONCE_BYTES:
            raise HTTPError(400, f"a nonce of {CKMS_NONCE_BYTES} bytes in base64 is needed")
        self._check_rate(request)
        pem = ssl.DER_cert_to_PEM_cert(self.certificate).encode()
        chosen = report_data.of_nonce_and_certificate(nonce, pem)
        evidence = await _from_chip(self.attester.tee.evidence(chosen))
        return answer(b64encode(write_bare(evidence)).decode())

    def _made_before(self, nonce: bytes) -> bytes | None:
        """The answer to the same question, if it was asked just now and the key is still shown."""
        until, attester, body = self._made.get(nonce, (0.0, None, b""))
        return body if attester is self.attester and trio.current_time() < until else None

    def _check_rate(self, request: Request) -> None:
        if not self._rates.take(request.peer.address, trio.current_time()):
            raise HTTPError(429, "too many questions from this address; try again in a moment")


async def _from_chip(asked: Awaitable[T]) -> T:
    """What the chip gives.

    Raises:
        HTTPError: nothing now.
    """
    try:
        return await asked
    except EnclaveError as error:
        log.warning("no evidence: %s", error)
        raise HTTPError(503, "the chip gives no evidence now; try again") from None


def nonce_of(request: Request) -> bytes:
    """The verifier's nonce: base64url, 32 to 64 bytes.

    Raises:
        HTTPError: it is missing or of another length.
    """
    text = request.query.get("nonce", "")
    try:
        nonce = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise HTTPError(400, "the nonce is not base64url") from None
    if len(nonce) not in NONCE_BYTES:
        least, most = NONCE_BYTES[0], NONCE_BYTES[-1]
        raise HTTPError(400, f"a nonce of {least} to {most} bytes is needed")
    return nonce


async def keep_presented(
    maker: Attester,
    context: ssl.SSLContext,
    names: tuple[str, ...],
    shown: Callable[[bytes], None] = lambda certificate: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep a TLS context presented with a fresh certificate that carries evidence, for ever.

    Args:
        maker: makes it.
        context: is presented with it.
        names: by which clients reach the server.
        shown: is told each certificate (DER) once it is in place.
        task_status: started once there is one.
    """

    async def issue() -> Issued:
        return await maker.certificate(dns_names=names)

    def install(issued: Issued) -> None:
        use_certificate(context, maker.key, issued.certificate)
        shown(issued.certificate)

    await keep_fresh(issue, install, maker.now, task_status=task_status)
