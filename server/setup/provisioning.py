"""What an operator gives an unprovisioned server, and how it survives a restart.

    store place     scheme and place, as the setting `store`
    store secret    a password, or the content of a key file
    API identity    a PKCS#12 with a certificate and key, and its password; or none
    client CA       whose certificates KMIP clients must have (PEM)
    policy          which other servers may be given the same (TOML, `enclave.policy`); or none
    restart         whether this may be sealed on disk, for a restart without the operator

Sealed provisioning opens only for the same code on the same chip (`enclave.keys`). It holds the
store's anchor as it was, so that an older store is noticed, and a number that the store holds too,
so that an older sealed file is noticed. A start that is not to be repeated without the operator
raises that number too: what was sealed before it is of no use any more.

The file is written before the number: a crash between the two leaves a file with a higher number
than the store's, which is the newer one and holds.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from enclave.errors import EnclaveError
from enclave.keys import MAX_SEALED_BYTES, NoDerivedKey, Purpose, seal, unseal
from enclave.tee import Tee
from server.setup import files
from server.setup import open_store as stores
from server.setup.config import Config
from server.setup.failure import Failure
from storage import Anchor, KeyFile, Put, SealedStore, Secret, Terms

log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "provisioning.sealed"
RECORD: Final = b"server/provisioning"
MAX_FILE_BYTES: Final = 2 * MAX_SEALED_BYTES
_COUNTER_BYTES: Final = 8
_BINARY: Final = ("key_file", "pkcs12")  # fields that JSON cannot hold as they are


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What the operator has given so far; `replace` gives the next state.

    Attributes:
        store: where the store is; empty: the setting's or the default place.
        password: opens the store, or
        key_file: does, the content of one.
        pkcs12: the API identity.
        pkcs12_password: opens it.
        client_ca: PEM.
        policy: TOML.
        restart: whether it may be sealed for a restart.
        anchor: the least state of the store to accept.
        number: how many times the store has been provisioned.
    """

    store: str = ""
    password: str | None = field(default=None, repr=False)
    key_file: bytes | None = field(default=None, repr=False)
    pkcs12: bytes | None = field(default=None, repr=False)
    pkcs12_password: str = field(default="", repr=False)
    client_ca: str = ""
    policy: str = ""
    restart: bool = False
    anchor: str = ""
    number: int = 0

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
        members = json.loads(data)
        if not isinstance(members, dict) or members.keys() != {one.name for one in fields(cls)}:
            raise ValueError("not provisioning of this version")
        for name in _BINARY:
            if members[name] is not None:
                members[name] = b64decode(members[name], validate=True)
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
    return stores.Opening(provisioning.store, secret, anchor)


async def keep(data: Path, tee: Tee, store: SealedStore, provisioning: Provisioning) -> bool:
    """Seal provisioning on disk, if it may be and the chip has a key; whether it was.

    Where it was not, what was sealed before does not open this store any more.

    Raises:
        DeviceError, storage.StorageError, Failure: it could not be sealed, kept or written.
    """
    last = await _number(store)
    sealed = await _sealed(tee, replace(provisioning, anchor=str(store.anchor), number=last + 1))
    if sealed is not None:
        files.replace(data / FILE_NAME, sealed)
    elif not last:
        return False
    number = (last + 1).to_bytes(_COUNTER_BYTES, "big")
    await store.commit([Put(RECORD, store.version(RECORD), number, None, Terms())])
    if sealed is None:
        forget(data)
    return sealed is not None


async def _sealed(tee: Tee, provisioning: Provisioning) -> bytes | None:
    if not provisioning.restart:
        return None
    try:
        return seal(await tee.derived_key(), Purpose.PROVISIONING, provisioning.encode())
    except NoDerivedKey:
        log.warning("this chip has no key to seal with: a restart needs the operator")
        return None
    except ValueError:
        raise Failure("What was given is too long to be sealed for a restart.") from None


async def recall(data: Path, tee: Tee) -> Provisioning | None:
    """Provisioning sealed here before; None where there is none that opens.

    What does not open is left as it is and logged: another chip, other code, or damage. The
    operator then provisions anew.
    """
    path = data / FILE_NAME
    if not files.is_there(path):
        return None
    try:
        opened = await unseal(tee, Purpose.PROVISIONING, _read(path))
        provisioning = Provisioning.decode(opened.plaintext)
    except (EnclaveError, Failure, OSError, ValueError) as error:
        log.warning("the sealed provisioning does not open: %s", error)
        return None
    if opened.resealed is not None:
        try:
            files.replace(path, opened.resealed)
            log.info("the provisioning was sealed anew for the updated firmware")
        except Failure as failure:
            log.warning("the provisioning stays sealed for the older firmware: %s", failure)
    return provisioning


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
    if provisioning.number and provisioning.number < await _number(store):
        raise Failure(
            "The sealed provisioning is older than the store's: somebody has put an old file back."
        )


async def _number(store: SealedStore) -> int:
    record = await store.read(RECORD)
    return int.from_bytes(record.meta, "big") if record else 0


def described(config: Config, provisioning: Provisioning) -> Config:
    """The settings as if they had named what the operator gave; for sentences about it."""
    return replace(
        config,
        store=provisioning.store or config.store,
        store_password_prompt=provisioning.password is not None,
        store_password_file=None,
        store_key_file=Path("given"),
    )


def forget(data: Path) -> None:
    """Remove sealed provisioning."""
    (data / FILE_NAME).unlink(missing_ok=True)
