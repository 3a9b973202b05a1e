"""The evidence of one server: its chip, its number, its claims, and a certificate kept fresh.

What the claims mean is told in `enclave.claims` and docs/attestation.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import trio

from enclave import configfs, detection
from enclave.certificates import read_certificate, read_pem_chain
from enclave.claims import KeyOrigin, Role
from enclave.errors import DeviceError, InvalidEvidence
from enclave.evidence import MAX_CERTIFICATES
from enclave.insecure.chip import SoftwareChip, SoftwareGuest
from enclave.insecure.tee import SoftwareTee
from enclave.keys import OwnKey, Purpose, own_key
from enclave.owner import OwnedTee, Owner, check_host_data
from enclave.ratls import Attester, Issued, NoStore, StoreState, keep_fresh, use_certificate
from enclave.supported import TEES
from enclave.tee import Circumstances, Tee
from server.access.operator_credential import operator_sha256
from server.acme.sealed_state import SealedState
from server.setup import files, settings
from server.setup.config import Config
from server.setup.failure import Failure

log: Final = logging.getLogger(__name__)

INSTANCE_BYTES: Final = 16
CHIP_DIRECTORY: Final = "insecure-software-chip"

PURPOSES: Final = {Role.API: Purpose.API_TLS, Role.BOOTSTRAP: Purpose.BOOTSTRAP_TLS}
"""The key that the server uses in each role."""


# What makes two servers differ without making them another configuration.
_NOT_CONFIGURATION: Final = frozenset(
    {
        *("data", "endorsements", "kmip_port", "https_port", "bootstrap_server_port"),
        *("log_level", "log_format"),
        *("peer_address", "handover_from", "peer_collateral"),
    }
)
_WEAKENING: Final = ("insecure_", "allow_")


def find_tee(config: Config, now: datetime) -> Tee | None:
    """The TEE of this machine, or the simulated one where the settings enable it.

    Returns:
        It as its owner's (`enclave.owner`); None where there is no TEE, and none is to be
        simulated.

    Raises:
        Failure: the simulated one is damaged or cannot be kept, or no operator or endorsement can
            be read.
    """
    tee = _found(config, now)
    return None if tee is None else OwnedTee.of(tee, owner(config))


def owner(config: Config) -> Owner:
    """Whom the server belongs to, by its settings.

    Raises:
        Failure: see `server.access.operator_credential.configured`.
    """
    return Owner(operator_sha256(config), config.deployment)


def _found(config: Config, now: datetime) -> Tee | None:
    known = circumstances(config)
    try:
        return detection.find(circumstances=known)
    except DeviceError:
        if not config.insecure_software_chip:
            return None
    directory = config.data / CHIP_DIRECTORY
    files.make_directory(directory)
    log.warning("attestation is SIMULATED: the chip is a file and proves nothing")
    try:
        return SoftwareTee(SoftwareGuest(SoftwareChip.open(directory, now)))
    except DeviceError as error:
        raise Failure(f"The simulated TEE cannot be used: {error}.") from None
    except OSError as error:
        raise Failure(f"The simulated TEE cannot be kept: {error.strerror}.") from None


def circumstances(config: Config) -> Circumstances:
    """What the settings tell of the machine: no derived key unless the launch is measured.

    Raises:
        Failure: the file of endorsements cannot be used.
    """
    return Circumstances(
        vmpl=config.vmpl,
        firmware_only=not config.measured_launch,
        endorsements=() if config.endorsements is None else endorsements_in(config.endorsements),
    )


def endorsements_in(path: Path) -> tuple[bytes, ...]:
    """The certificates in a file, PEM or one in DER; as DER.

    Raises:
        Failure: there is none, or something else.
    """
    data = files.read(path, "The file of endorsements", pipes=True)
    try:
        if b"-----BEGIN" in data:
            found = tuple(each.der for each in read_pem_chain(data))
        else:
            found = (read_certificate(data).der,)
    except InvalidEvidence as error:
        raise Failure(f"The endorsements {path} cannot be used: {error}.") from None
    if len(found) > MAX_CERTIFICATES:
        raise Failure(f"The endorsements {path} are more than {MAX_CERTIFICATES} certificates.")
    return found


async def check_endorsed(config: Config, tee: Tee) -> None:
    """Refuse endorsements that are not for this machine's chip at its reported TCB.

    Raises:
        Failure: they are not, and the host has none that are: no verifier could use the evidence.
        DeviceError, DeviceLost: the chip does not answer.
    """
    if config.endorsements is None:
        return
    evidence = await tee.evidence(bytes(configfs.REPORT_DATA_BYTES))
    if not TEES[evidence.tee].endorsed(evidence):
        raise Failure(
            f"The endorsements {config.endorsements} are not for this machine's chip at the TCB "
            "that it reports; `strongroom collateral fetch` gets those that are."
        )


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


def insecure_settings(config: Config) -> tuple[str, ...]:
    """The names of the settings in force that weaken the server, sorted; the claims hold them."""
    names = (row.name for row in settings.rows(Config))
    return tuple(
        sorted(name for name in names if name.startswith(_WEAKENING) and getattr(config, name))
    )


def instance(data: Path) -> bytes:
    """This server's own number: 16 random bytes, made once and kept.

    A server that trusts nothing on its disk makes a `new_instance` at each start instead: what lies
    there can be copied, and two servers of one number not be told apart.

    Raises:
        Failure: it cannot be read or kept, or is none.
    """
    path = data / "instance"
    if not files.is_there(path):
        files.make_directory(data)
        files.create(path, new_instance())
    found = files.read(path, "The instance number")
    if len(found) != INSTANCE_BYTES:
        raise Failure(f"The instance number {path} is damaged; remove it, and another is made.")
    return found


def new_instance() -> bytes:
    """A number for a server that did not have one: 16 random bytes."""
    return secrets.token_bytes(INSTANCE_BYTES)


async def make_attester(
    config: Config,
    tee: Tee,
    role: Role,
    now: Callable[[], datetime],
    *,
    instance: bytes,
    store: StoreState | None = None,
    key: OwnKey | None = None,
) -> Attester:
    """What attests this server in a role, as that of the operator whom the settings name.

    Args:
        config: the settings.
        tee: the chip.
        role: what the key is for.
        now: the clock.
        instance: the server's number.
        store: the state of the store; None: none is open.
        key: the server's in this role; None: `server_key`.

    Raises:
        AnotherOwner: the host set at launch that the server is another operator's.
        DeviceError, DeviceLost: the chip gives no key.
        Failure: no operator can be read, or the endorsements are another chip's.
    """
    whose = owner(config)
    owned = OwnedTee.of(tee, whose)
    await check_endorsed(config, owned)
    await check_host_data(owned, whose)
    made = key or await server_key(config, owned, role)
    return Attester(
        tee=owned,
        key=made.key,
        key_origin=made.origin,
        key_tcb=made.tcb,
        role=role,
        deployment=config.deployment,
        instance=instance,
        configuration_sha256=configuration_sha256(config),
        operator_sha256=whose.operator_sha256,
        insecure_settings=insecure_settings(config),
        store=store or NoStore(),
        now=now,
        for_ckms=config.insecure_allow_ckms_verify,
    )


async def server_key(config: Config, tee: Tee, role: Role) -> OwnKey:
    """The key that the server has in a role: the one that a directory certifies, or the chip's.

    Args:
        config: the settings.
        tee: the chip.
        role: what the key is for.

    Raises:
        DeviceError, DeviceLost: the chip gives no key.
        Failure: no operator can be read.
    """
    tee = OwnedTee.of(tee, owner(config))
    if role is not Role.API or not config.use_certbot:
        return await own_key(tee, PURPOSES[role])
    kept = SealedState(config.data, tee, config.acme_directory, config.certbot_hostname.lower())
    return OwnKey(await kept.certificate_key(), KeyOrigin.ACME, None)


async def keep_presented(
    attester: Attester,
    context: ssl.SSLContext,
    names: tuple[str, ...],
    on_certificate: Callable[[bytes], None] = lambda certificate: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep a TLS context presented with a fresh certificate that carries evidence, for ever.

    Args:
        attester: makes it.
        context: is presented with it.
        names: by which clients reach the server.
        on_certificate: callback(certificate) for each one (DER), once it is in place.
        task_status: started once there is one.
    """

    async def issue() -> Issued:
        return await attester.certificate(dns_names=names)

    def install(issued: Issued) -> None:
        use_certificate(context, attester.key, issued.certificate)
        on_certificate(issued.certificate)

    await keep_fresh(issue, install, attester.now, task_status=task_status)
