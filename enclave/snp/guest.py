"""A SEV-SNP guest: its evidence and its derived key."""

import errno
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from enclave import configfs
from enclave.claims import SkProvider
from enclave.errors import DeviceError, DeviceLost, InvalidEvidence
from enclave.evidence import TEE, Evidence
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.snp import SEV_SNP, abi
from enclave.snp.certificates import leaves_for
from enclave.snp.device import GuestField, SevGuest
from enclave.tee import Circumstances, Gate

# What is mixed into the derived key. Without POLICY a debug launch of the same image would get it,
# without MEASUREMENT any image. The ids and the SVN of an ID block add nothing: the launcher of
# the VM chooses them, unless the block's key is bound, and the derivation has no input for that.
SEALING_FIELDS: Final = GuestField.POLICY | GuestField.MEASUREMENT | GuestField.TCB_VERSION

# What of the host's table is sent along: the leaf, and who issued it.
_OFFERED: Final = (abi.VCEK_GUID, abi.VLEK_GUID, abi.ASK_GUID)

# Through configfs there is no exitinfo2 to look at. With these numbers sev-guest has thrown the
# platform key away (EIO, ETIMEDOUT) or had done so before (ENOTTY).
_SNP_KEY_LOST: Final = frozenset({errno.EIO, errno.ETIMEDOUT, errno.ENOTTY})


@dataclass(frozen=True)
class SnpTee:
    """A SEV-SNP guest: configfs-tsm where the kernel has it, otherwise the device.

    Attributes:
        device: always needed for the derived key.
        directory: of configfs-tsm.
        circumstances: see there.
    """

    device: SevGuest = field(default_factory=SevGuest)
    directory: Path = configfs.DIRECTORY
    circumstances: Circumstances = field(default_factory=Circumstances)
    gate: Gate = field(default_factory=Gate, repr=False)

    kind: TEE = field(default=SEV_SNP, init=False)
    simulated: bool = field(default=False, init=False)

    @property
    def sk(self) -> SkProvider:
        """The chip's derived key, unless it would be other software's too."""
        if self.circumstances.firmware_only:
            return SkProvider.NONE
        return SkProvider.SNP_DERIVED_KEY

    @classmethod
    def is_here(cls, directory: Path, devices: Path) -> bool:
        """Whether this machine is such a guest."""
        return (devices / "sev-guest").exists() or configfs.find_provider(directory) == "sev_guest"

    @classmethod
    def at(cls, directory: Path, devices: Path, circumstances: Circumstances) -> "SnpTee":
        """The chip behind these paths."""
        return cls(SevGuest(devices / "sev-guest"), directory, circumstances)

    async def evidence(self, report_data: bytes) -> Evidence:
        """See `Tee`."""
        report, table = await self.gate.run(partial(self._read, report_data))
        endorsements = self.circumstances.endorsements
        if endorsements and not _has_leaf(report, table):
            return Evidence(self.kind, report, endorsements)
        found = abi.parse_certificate_table(table)
        offered = tuple(der for guid in _OFFERED if (der := found.get(guid)))
        return Evidence(self.kind, report, offered)

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `Tee`."""
        if self.sk is SkProvider.NONE:
            raise NoDerivedKey("the measurement covers the provider's firmware only")
        report = await self._own_report()
        tcb = report.committed_tcb if tcb_version is None else tcb_version
        vmpl = self.circumstances.vmpl
        request = partial(self.device.derived_key, SEALING_FIELDS, tcb_version=tcb, vmpl=vmpl)
        return DerivedKey(
            provider=self.sk,
            key=await self.gate.run(request),
            tcb_version=tcb,
            current_tcb_version=report.committed_tcb,
            chip_sha256=sha256(report.chip_id).digest(),
            measurement=report.measurement,
        )

    async def measurement(self) -> bytes:
        """See `Tee`."""
        return (await self._own_report()).measurement

    async def host_data(self) -> bytes:
        """See `Tee`."""
        return (await self._own_report()).host_data

    async def _own_report(self) -> abi.AttestationReport:
        report, _ = await self.gate.run(partial(self._read, bytes(64)))
        return abi.parse_report(report)

    def _read(self, report_data: bytes) -> tuple[bytes, bytes]:
        """A report of the VMPL that was asked for, and the host's certificate table. Blocks."""
        report, table = self._read_any(report_data)
        level, wanted = abi.parse_report(report).vmpl, self.circumstances.vmpl
        if level != wanted:
            raise DeviceError(f"the report is of VMPL {level}, and `vmpl` says {wanted}")
        return report, table

    def _read_any(self, report_data: bytes) -> tuple[bytes, bytes]:
        vmpl = self.circumstances.vmpl
        try:
            answer = configfs.ask(
                report_data, provider="sev_guest", privlevel=vmpl, directory=self.directory
            )
        except configfs.ConfigfsUnavailable:
            return self.device.extended_report(report_data, vmpl=vmpl)
        except configfs.ConfigfsFailed as error:
            if error.errno in _SNP_KEY_LOST:
                raise DeviceLost(str(error)) from error
            raise
        if abi.parse_report(answer.outblob).report_data != report_data:
            raise DeviceError("the report answers other report data")
        return answer.outblob, answer.auxblob


def _has_leaf(report: bytes, table: bytes) -> bool:
    """Whether the host's table has the leaf for a report; one that cannot be read has none."""
    try:
        found = abi.parse_certificate_table(table)
    except InvalidEvidence:
        return False
    leaves = [der for guid in (abi.VCEK_GUID, abi.VLEK_GUID) if (der := found.get(guid))]
    return bool(leaves and leaves_for(abi.parse_report(report), leaves))
