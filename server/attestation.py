"""The server attests itself: which chip it has, what it claims, and the routes that say so.

    GET /status          what this is, for people and monitors
    GET /quote?nonce=    evidence over the verifier's nonce and the service's public key

Both are open to anybody: evidence is made to be shown, and holds nothing secret. What each one
proves is told in docs/attestation.md; the claims are those of `enclave.claims`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import secrets
import ssl
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import trio

from enclave import tee as chips
from enclave.claims import NONCE_BYTES, Role
from enclave.errors import DeviceError, EnclaveError
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee
from enclave.keys import Purpose, tls_key
from enclave.ratls import Attester
from enclave.tee import Tee
from server import files, settings
from server.config import Config
from server.http import HTTPError, Request, Response, Route, Routes, answer

log: Final = logging.getLogger(__name__)

CBOR: Final = "application/cbor"
INSTANCE_BYTES: Final = 16
CHIP_DIRECTORY: Final = "insecure-software-chip"

PURPOSES: Final = {Role.API: Purpose.API_TLS, Role.BOOTSTRAP: Purpose.BOOTSTRAP_TLS}
"""The key that the server uses in each role."""

# What makes two servers differ without making them another configuration.
_NOT_CONFIGURATION: Final = frozenset({"data", "kmip_port", "https_port", "log_level"})


def find_tee(config: Config, now: datetime) -> Tee | None:
    """The chip of this machine, or the pretended one where the settings ask for it.

    Returns:
        None where there is no chip, and none is to be pretended.
    """
    try:
        return chips.find()
    except DeviceError:
        if not config.insecure_software_chip:
            return None
    directory = config.data / CHIP_DIRECTORY
    files.make_directory(directory)
    log.warning("attestation is SIMULATED: the chip is a file and proves nothing")
    return SoftwareTee(SoftwareGuest(SoftwareChip.open(directory, now)))


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
    """This server's own number: 16 random bytes, made once and kept."""
    path = data / "instance"
    if not path.exists():
        files.make_directory(data)
        files.create(path, secrets.token_bytes(INSTANCE_BYTES))
    return files.read(path, "The instance number")[:INSTANCE_BYTES]


async def attester(
    config: Config,
    tee: Tee,
    role: Role,
    now: Callable[[], datetime],
    *,
    store: Callable[[], bytes | None] = lambda: None,
    operator_sha256: bytes | None = None,
) -> Attester:
    """What attests this server in a role.

    Args:
        config: the settings.
        tee: the chip.
        role: what the key is for.
        now: the clock.
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
        instance=instance(config.data),
        configuration_sha256=configuration_sha256(config),
        operator_sha256=operator_sha256,
        store=store,
        now=now,
    )


@dataclass(slots=True)
class Attestation:
    """The routes of a server that attests itself.

    Attributes:
        attester: makes evidence.
        state: what the server is doing, for `GET /status`.
    """

    attester: Attester
    state: Callable[[], str]
    routes: Routes = field(init=False)

    def __post_init__(self) -> None:
        self.routes = {
            ("GET", "/status"): Route(self.status),
            ("GET", "/quote"): Route(self.quote),
        }

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
        try:
            return Response(await self.attester.quote(nonce), content_type=CBOR)
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
        nonce = urlsafe_b64decode(text + "=" * (-len(text) % 4))
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
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep a TLS context presented with a fresh certificate that carries evidence, for ever."""
    await maker.serve(context, dns_names=names, task_status=task_status)
