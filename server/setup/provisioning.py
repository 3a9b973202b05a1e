"""What an operator gives an unprovisioned server, and how it survives a restart.

    store place     scheme and place, as the setting `store`
    store secret    a password, or the content of a key file
    API identity    a PKCS#12 with a certificate and key, and its password; or a certificate for
                    the server's own key, with those above it (PEM); or none
    client CA       whose certificates KMIP clients must have (PEM)
    refusals        revocation lists, and certificates that are refused; or none
    policy          which other servers may be given the same (TOML, `enclave.policy`); or none
    restart         whether this may be sealed on disk, for a restart without the operator

Sealed provisioning opens only for the same code on the same chip (`enclave.keys`), for the same
operator and deployment (`enclave.owner`). It holds the digest of the settings, so that nobody
starts the server with other ones, and a number that the store holds too, so that an older sealed
file is noticed. A start that is not to be repeated without the operator raises that number too:
what was sealed before it is of no use any more. The state of the store, by which an older store is
noticed, and the highest time are in a file beside it that moves with the store
(`server.setup.sealed_head`).

Where several servers share a store, each has a number of its own in it, under its lineage. A start
then raises the number of the lineage whose sealed file is on its own disk, besides its own: what
other servers have sealed stays good.

The head is written before the file, and the file before the number: a crash in between leaves a
head and a file with a higher number than the store's, which are the newer ones and hold. A head of
a lower number than the file's is an old one that was put back.
"""

from __future__ import annotations

import json
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from enclave.errors import EnclaveError
from enclave.keys import MAX_SEALED_BYTES, DerivedKey, NoDerivedKey, Purpose, seal, unseal
from enclave.tee import Tee
from server.setup import files, sealed_head
from server.setup import open_store as stores
from server.setup.config import Config, DatabaseType
from server.setup.failure import Failure
from server.setup.redis_store import RedisAccess
from server.setup.sealed_head import Head, SealedHead
from storage import Anchor, KeyFile, Put, SealedStore, Secret, Terms

log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "provisioning.sealed"
RECORD: Final = b"server/provisioning"
MAX_FILE_BYTES: Final = 2 * MAX_SEALED_BYTES
_COUNTER_BYTES: Final = 8
_LINEAGE_BYTES: Final = 16
_BINARY: Final = (
    "key_file",
    "pkcs12",
    "certificate_rules",
)  # fields that JSON cannot hold as they are


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What the operator has given so far; `replace` gives the next state.

    Attributes:
        store: where the store is; empty: the setting's or the default place.
        password: opens the store, or
        key_file: does, the content of one.
        pkcs12: the API identity.
        pkcs12_password: opens it.
        certificate: for the server's own key, with those above it, PEM.
        client_ca: PEM.
        certificate_rules: which client certificates are revoked or refused, as
            `server.access.kept_rules` writes it; empty: nothing was said. It goes into the store.
        policy: TOML.
        restart: whether it may be sealed for a restart.
        configuration: the digest of the settings that it was sealed under, in hexadecimal.
        time: the highest that the operator's clock or the server's has shown, seconds since 1970.
        anchor: the least state of the store to accept; from the sealed head.
        number: how many times the store has been provisioned.
        redis: for a store in Redis, what the URL does not say.
        lineage: names what one operator has given to one server, over all its restarts; 16 random
            bytes in hexadecimal, empty until it is kept.
    """

    store: str = ""
    password: str | None = field(default=None, repr=False)
    key_file: bytes | None = field(default=None, repr=False)
    pkcs12: bytes | None = field(default=None, repr=False)
    pkcs12_password: str = field(default="", repr=False)
    certificate: str = ""
    client_ca: str = ""
    certificate_rules: bytes = field(default=b"", repr=False)
    policy: str = ""
    restart: bool = False
    configuration: str = ""
    time: int = 0
    anchor: str = ""
    number: int = 0
    redis: RedisAccess | None = None
    lineage: str = ""

    @property
    def secret(self) -> Secret | None:
        """What opens the store.

        Raises:
            Failure: it is too short or too long.
        """
        if self.password is not None:
            return stores.password(self.password)
        if self.key_file is None:
            return None
        try:
            return KeyFile(self.key_file)
        except ValueError as error:
            raise Failure(f"The key file cannot be used: {error}.") from None

    def encode(self) -> bytes:
        """As bytes to be sealed."""
        members: dict[str, Any] = asdict(self)
        for name in _BINARY:
            if members[name] is not None:
                members[name] = b64encode(members[name]).decode()
        return json.dumps(members).encode()

    @classmethod
    def decode(cls, data: bytes) -> Provisioning:
        """What `encode` wrote.

        Raises:
            ValueError: it is none of ours.
        """
        return cls.of_members(json.loads(data))

    @classmethod
    def of_members(cls, members: Any) -> Provisioning:
        """What `encode` wrote, as JSON gives it.

        Raises:
            ValueError, TypeError: it is none of ours.
        """
        if not isinstance(members, dict) or members.keys() != {one.name for one in fields(cls)}:
            raise ValueError("not provisioning of this version")
        for name in _BINARY:
            if members[name] is not None:
                members[name] = b64decode(members[name], validate=True)
        if members["redis"] is not None:
            members["redis"] = RedisAccess(**members["redis"])
        return cls(**members)


def opening(provisioning: Provisioning) -> stores.Opening:
    """How the provisioned store is opened.

    Raises:
        Failure: there is nothing to open it with.
    """
    secret = provisioning.secret
    if secret is None:
        raise Failure("Neither a password nor a key file for the store has been given.")
    anchor = Anchor.parse(provisioning.anchor) if provisioning.anchor else None
    return stores.Opening(provisioning.store, secret, anchor, provisioning.redis)


async def keep(
    data: Path,
    tee: Tee,
    store: SealedStore,
    provisioning: Provisioning,
    *,
    configuration: bytes = b"",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SealedHead | None:
    """Seal provisioning on disk, if it may be and the chip has a key.

    Where it was not, what was sealed before does not open this store any more.

    Args:
        data: the data directory.
        tee: the chip.
        store: the store, open.
        provisioning: what is to be sealed.
        configuration: the digest of the settings in force.
        now: the clock, with a time zone.

    Returns:
        What keeps the state of the store sealed from now on; None: nothing was sealed.

    Raises:
        DeviceError, storage.StorageError, Failure: it could not be sealed, kept or written.
    """
    lineage = provisioning.lineage or secrets.token_hex(_LINEAGE_BYTES)
    before = await _sealed_lineage(data, tee) if store.is_shared else ""
    if before and before != lineage:
        await _raise(store, _record(store, before))
    record = _record(store, lineage)
    last = await _number(store, record)
    sk = await _sealing_key(tee, provisioning)
    head = None
    if sk is not None:
        time = max(provisioning.time, int(now().timestamp()))
        newest = Head(last + 1, str(store.anchor), time, lineage)
        head = SealedHead(data, sk, store, newest, now)
        content = _sealed(
            sk,
            replace(
                provisioning,
                configuration=configuration.hex(),
                time=time,
                anchor="",
                number=last + 1,
                lineage=lineage,
            ),
        )
        files.replace(data / sealed_head.FILE_NAME, head.head.seal(sk))
        files.replace(data / FILE_NAME, content)
    elif not last:
        if before:
            forget(data)
        return None
    await _raise(store, record)
    if head is None:
        forget(data)
    else:
        await head.seal()
    return head


async def _sealing_key(tee: Tee, provisioning: Provisioning) -> DerivedKey | None:
    if not provisioning.restart:
        return None
    try:
        return await tee.derived_key()
    except NoDerivedKey:
        log.warning("this chip has no key to seal with: a restart needs the operator")
        return None


def _sealed(sk: DerivedKey, provisioning: Provisioning) -> bytes:
    try:
        return seal(sk, Purpose.PROVISIONING, provisioning.encode())
    except ValueError:
        raise Failure("What was given is too long to be sealed for a restart.") from None


async def recall(
    data: Path,
    tee: Tee,
    *,
    configuration: bytes = b"",
    minimum_tcb: bytes | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Provisioning | None:
    """Provisioning sealed here before; None where there is none that opens and holds.

    What does not is left as it is and logged: another chip, other code, another operator, other
    settings, an older TCB, a clock that was set back, or damage. The operator then provisions anew.

    Args:
        data: the data directory.
        tee: the chip.
        configuration: the digest of the settings in force, which must be the one that was sealed.
        minimum_tcb: 8 bytes, the least TCB version under which it may be sealed; None: that which
            the chip has committed.
        now: the clock, with a time zone.
    """
    path = data / FILE_NAME
    if not files.is_there(path):
        return None
    try:
        opened = await unseal(tee, Purpose.PROVISIONING, _read(path), minimum_tcb=minimum_tcb)
        provisioning = Provisioning.decode(opened.plaintext)
        head = await sealed_head.recall(data, tee, minimum_tcb)
        _check(provisioning, head, configuration, now())
    except (EnclaveError, Failure, OSError, ValueError) as error:
        log.warning("the sealed provisioning does not open: %s", error)
        return None
    if opened.resealed is not None:
        try:
            files.replace(path, opened.resealed)
            log.info("the provisioning was sealed anew for the updated firmware")
        except Failure as failure:
            log.warning("the provisioning stays sealed for the older firmware: %s", failure)
    return replace(provisioning, anchor=head.anchor, time=max(head.time, provisioning.time))


def _check(provisioning: Provisioning, head: Head, configuration: bytes, now: datetime) -> None:
    """Let pass what was sealed together, under these settings, and not in the future.

    Raises:
        Failure: it was not.
    """
    if head.lineage != provisioning.lineage:
        raise Failure("the state of the store beside it is of another server's")
    if head.number < provisioning.number:
        raise Failure("the state of the store beside it is older: somebody has put it back")
    if provisioning.configuration != configuration.hex():
        raise Failure("it was sealed under other settings")
    head.check_time(now)


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise Failure("it is too long")
    return files.read_private(path, "It")


async def check_number(store: SealedStore, provisioning: Provisioning) -> None:
    """Refuse sealed provisioning that is older than the store's last.

    Args:
        store: the store that it opened.
        provisioning: what opened it; what comes from the operator has no number and passes.

    Raises:
        Failure: it is older.
    """
    last = await _number(store, _record(store, provisioning.lineage))
    if provisioning.number and provisioning.number < last:
        raise Failure(
            "The sealed provisioning is older than the store's: somebody has put an old file back."
        )


def _record(store: SealedStore, lineage: str) -> bytes:
    """Where the number of a server is kept: with the store where that is its only server."""
    return RECORD + b"/" + lineage.encode() if store.is_shared else RECORD


async def _number(store: SealedStore, name: bytes) -> int:
    record = await store.read(name)
    return int.from_bytes(record.meta, "big") if record else 0


async def _raise(store: SealedStore, name: bytes) -> None:
    """Count one more provisioning."""
    number = (await _number(store, name) + 1).to_bytes(_COUNTER_BYTES, "big")
    await store.commit([Put(name, store.version(name), number, None, Terms())])


async def _sealed_lineage(data: Path, tee: Tee) -> str:
    """The lineage of what was sealed here before; empty where there is none that opens."""
    path = data / FILE_NAME
    if not files.is_there(path):
        return ""
    try:
        opened = await unseal(tee, Purpose.PROVISIONING, _read(path))
        return Provisioning.decode(opened.plaintext).lineage
    except (EnclaveError, Failure, OSError, ValueError):
        return ""


def described(config: Config, provisioning: Provisioning) -> Config:
    """The settings as if they had named what the operator gave; for sentences about it."""
    return replace(
        config,
        store=provisioning.store or config.store or config.database_url,
        database_url="",
        database_type=DatabaseType.SQLITE,
        store_password_prompt=provisioning.password is not None,
        store_password_file=None,
        redis_master_password_file=None,
        store_key_file=Path("given"),
    )


def forget(data: Path) -> None:
    """Remove sealed provisioning, and the head that belongs to it."""
    (data / FILE_NAME).unlink(missing_ok=True)
    (data / sealed_head.FILE_NAME).unlink(missing_ok=True)
