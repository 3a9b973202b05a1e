"""A TDX guest (TD): its quotes, and its own report."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from enclave import configfs
from enclave.claims import SkProvider
from enclave.errors import DeviceError
from enclave.evidence import TEE, Evidence
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.tdx import TDX
from enclave.tdx.device import TdxGuest
from enclave.tdx.quote import parse_tdx_quote
from enclave.tee import Circumstances, Gate


@dataclass(frozen=True)
class TdxTee:
    """A TD: quotes through configfs-tsm, the TD's own report through the device; no `sk`."""

    device: TdxGuest = field(default_factory=TdxGuest)
    directory: Path = configfs.DIRECTORY
    gate: Gate = field(default_factory=Gate, repr=False)

    kind: TEE = field(default=TDX, init=False)
    sk: SkProvider = field(default=SkProvider.NONE, init=False)
    simulated: bool = field(default=False, init=False)

    @classmethod
    def is_here(cls, directory: Path, devices: Path) -> bool:
        """Whether this machine is such a guest."""
        return (devices / "tdx_guest").exists() or configfs.find_provider(directory) == "tdx_guest"

    @classmethod
    def at(cls, directory: Path, devices: Path, circumstances: Circumstances) -> "TdxTee":
        """The chip behind these paths; nothing depends on its circumstances."""
        return cls(TdxGuest(devices / "tdx_guest"), directory)

    async def evidence(self, report_data: bytes) -> Evidence:
        """See `Tee`."""
        request = partial(configfs.ask, report_data, provider="tdx_guest", directory=self.directory)
        quote = (await self.gate.run(request)).outblob
        if parse_tdx_quote(quote).td.reportdata != report_data:
            raise DeviceError("the quote answers other report data")
        return Evidence(self.kind, quote)

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `Tee`; raises always."""
        raise NoDerivedKey("TDX derives no keys")

    async def measurement(self) -> bytes:
        """See `Tee`."""
        report = await self.gate.run(partial(self.device.report, bytes(64)))
        return report.tdinfo.mrtd

    async def host_data(self) -> bytes:
        """See `Tee`; of the module's report, which does not pass through the host."""
        report = await self.gate.run(partial(self.device.report, bytes(64)))
        return report.tdinfo.mrconfigid
