"""What an operator gives a server that started empty-handed, and how it survives a restart.

    store place     scheme and place, as the setting `store`
    store secret    a password, or the content of a key file
    API identity    a PKCS#12 with a certificate and key, and its password; or none
    client CA       whose certificates KMIP clients must have (PEM)
    policy          which other servers may be given the same (TOML, `enclave.policy`); or none
    restart         whether this may be sealed on disk, for a restart without the operator

Sealed provisioning opens only for the same code on the same chip (`enclave.keys`). It holds the
store's anchor as it was, so that an older store is noticed, and a number that the store holds too,
so that an older sealed file is noticed.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from enclave.errors import EnclaveError
from enclave.keys import NoDerivedKey, Purpose, seal, unseal
from enclave.tee import Tee
from server import files
from server import store as stores
from server.failure import Failure
from storage import Anchor, KeyFile, Put, SealedStore, Secret, Terms

log: Final = logging.getLogger(__name__)

FILE_NAME: Final = "provisioning.sealed"
RECORD: Final = b"server/provisioning"
_COUNTER_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What has been given so far; `replace` gives the next state.

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
        held: dict[str, Any] = asdict(self)
        for name in ("key_file", "pkcs12"):
            if held[name] is not None:
                held[name] = b64encode(held[name]).decode()
        return json.dumps(held).encode()

    @classmethod
    def decode(cls, data: bytes) -> Provisioning:
        """What `encode` wrote.

        Raises:
            ValueError: it is none of ours.
        """
        held = json.loads(data)
        if not isinstance(held, dict) or held.keys() != {one.name for one in fields(cls)}:
            raise ValueError("not provisioning of this version")
        for name in ("key_file", "pkcs12"):
            if held[name] is not None:
                held[name] = b64decode(held[name], validate=True)
        return cls(**held)


def opening(given: Provisioning) -> stores.Opening:
    """How the provisioned store is opened.

    Raises:
        Failure: there is nothing to open it with.
    """
    secret = given.secret
    if secret is None:
        raise Failure("Neither a password nor a key file for the store has been given.")
    anchor = Anchor.parse(given.anchor) if given.anchor else None
    return stores.Opening(given.store, secret, anchor)


async def keep(data: Path, tee: Tee, store: SealedStore, given: Provisioning) -> bool:
    """Seal provisioning on disk, if it may be and the chip has a key; whether it was.

    First the store gets the new number, then the file; a crash between the two leaves a file that
    is refused, and the operator provisions again.

    Raises:
        DeviceError, storage.StorageError, Failure: it could not be sealed, kept or written.
    """
    if not given.restart:
        return False
    try:
        sk = await tee.derived_key()
    except NoDerivedKey:
        log.warning("this chip has no key to seal with: a restart needs the operator")
        return False
    record = await store.read(RECORD)
    number = (int.from_bytes(record.meta, "big") if record else 0) + 1
    meta = number.to_bytes(_COUNTER_BYTES, "big")
    await store.commit([Put(RECORD, store.version(RECORD), meta, None, Terms())])
    now = replace(given, anchor=str(store.anchor), number=number)
    files.replace(data / FILE_NAME, seal(sk, Purpose.PROVISIONING, now.encode()))
    return True


async def recall(data: Path, tee: Tee) -> Provisioning | None:
    """Provisioning sealed here before; None where there is none that opens.

    What does not open is left as it is and logged: another chip, other code, or damage. The
    operator then provisions anew.
    """
    path = data / FILE_NAME
    if not path.exists():
        return None
    try:
        opened = await unseal(tee, Purpose.PROVISIONING, files.read_private(path, "It"))
        given = Provisioning.decode(opened.plaintext)
    except (EnclaveError, ValueError) as error:
        log.warning("the sealed provisioning does not open: %s", error)
        return None
    if opened.resealed is not None:
        files.replace(path, opened.resealed)
        log.info("the provisioning was sealed anew for the updated firmware")
    return given


async def check_number(store: SealedStore, given: Provisioning) -> None:
    """Refuse sealed provisioning that is older than the store's last.

    Raises:
        Failure: it is.
    """
    record = await store.read(RECORD)
    number = int.from_bytes(record.meta, "big") if record else 0
    if number != given.number:
        raise Failure(
            "The sealed provisioning is older than the store's: somebody has put an old file back."
        )


def forget(data: Path) -> None:
    """Remove sealed provisioning."""
    (data / FILE_NAME).unlink(missing_ok=True)
