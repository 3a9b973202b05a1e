"""Whose server it is, mixed into the chip's key, so that no two owners have a key in common.

The chip derives the same `sk` for every launch of the same image on it, whoever launched it
(`enclave.keys`). Anybody may launch a published image and provision it. So `sk` is never used as it
is: an `OwnedTee` gives the key that HKDF makes of it for one owner, and with it all that is made
from it, TLS keys and sealed files, is another for another operator or another deployment.

    owned key   HKDF-SHA-256(sk, no salt, info = words), each word behind its length (1 byte):
                "strongroom owner 1", the deployment in UTF-8, the operator's digest (32 bytes;
                empty where there is no operator)

What names the owner must itself be measured, or be in what the host set at launch (HOST_DATA of
SEV-SNP, MRCONFIGID of TDX), which `check_host_data` compares: the host chooses it once, and every
verifier sees it in the report.

Source: RFC 5869.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from enclave.claims import SkProvider
from enclave.errors import EnclaveError
from enclave.evidence import TEE, Evidence
from enclave.keys import KEY_BYTES, DerivedKey
from enclave.tee import Tee

_LABEL = b"strongroom owner 1"


class AnotherOwner(EnclaveError):
    """What the host set at launch names another operator than the settings do."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a server belongs to.

    Attributes:
        operator_sha256: SHA-256 of the operator's credential, 32 bytes; None: no operator.
        deployment: the name of the deployment, 1 to 64 bytes of UTF-8.
    """

    operator_sha256: bytes | None
    deployment: str

    def bind(self, sk: DerivedKey) -> DerivedKey:
        """The key of this owner that is made from the chip's."""
        words = (_LABEL, self.deployment.encode(), self.operator_sha256 or b"")
        info = b"".join(len(word).to_bytes(1, "big") + word for word in words)
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(sk.key)
        return replace(sk, key=key)


@dataclass(frozen=True)
class OwnedTee:
    """A TEE whose derived key is its owner's alone; all else is as the TEE gives it.

    Attributes:
        tee: the TEE.
        owner: whose it is.
    """

    tee: Tee
    owner: Owner

    @classmethod
    def of(cls, tee: Tee, owner: Owner) -> OwnedTee:
        """The TEE as its owner's; one that already is stays as it is."""
        if isinstance(tee, OwnedTee):
            return tee if tee.owner == owner else cls(tee.tee, owner)
        return cls(tee, owner)

    @property
    def kind(self) -> TEE:
        """See `enclave.tee.Tee`."""
        return self.tee.kind

    @property
    def sk(self) -> SkProvider:
        """See `enclave.tee.Tee`."""
        return self.tee.sk

    @property
    def simulated(self) -> bool:
        """See `enclave.tee.Tee`."""
        return self.tee.simulated

    async def evidence(self, report_data: bytes) -> Evidence:
        """See `enclave.tee.Tee`."""
        return await self.tee.evidence(report_data)

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `enclave.tee.Tee`; bound to the owner."""
        return self.owner.bind(await self.tee.derived_key(tcb_version))

    async def measurement(self) -> bytes:
        """See `enclave.tee.Tee`."""
        return await self.tee.measurement()

    async def host_data(self) -> bytes:
        """See `enclave.tee.Tee`."""
        return await self.tee.host_data()


async def check_host_data(tee: Tee, owner: Owner) -> None:
    """Let pass where the launch names no operator, or this one.

    Args:
        tee: the TEE.
        owner: whom the settings name.

    Raises:
        AnotherOwner: HOST_DATA or MRCONFIGID is not zero, and not the operator's digest (followed
            by zeros where it is longer).
        DeviceError, DeviceLost: see `enclave.tee.Tee`.
    """
    said = await tee.host_data()
    if any(said) and said != (owner.operator_sha256 or b"").ljust(len(said), b"\0"):
        raise AnotherOwner(
            f"what the host set at launch ({said.hex()}) is not the digest of the operator"
        )
