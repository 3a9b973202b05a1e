"""The chip this process runs on, as the rest of the program sees it.

`Tee` is the whole of what a chip gives: evidence over 64 bytes, and on some chips a derived key.
`find` looks for one of the kinds in `PROVIDERS`; the software chip is not among them and has to be
asked for by name (`enclave.insecure`), so that no machine falls back to it.

A chip is a slow, shared and easily offended machine: a quote takes up to a second, and a request
that goes wrong may cost SEV-SNP its platform key until the next launch. Every call therefore passes
a `Gate`: one at a time, in a worker thread that is never abandoned half-way, at a bounded rate,
with a bounded queue, and none at all once the key is lost.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import trio

from enclave import configfs
from enclave.claims import SkProvider
from enclave.errors import DeviceError, DeviceLost
from enclave.evidence import TEE, Evidence
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.snp import abi as snp
from enclave.snp.device import GuestField, SevGuest, SevGuestBusy
from enclave.tdx.device import TdxGuest
from enclave.tdx.quote import parse_tdx_quote

BURST: Final = 8  # a start asks about five times: key, certificates, a first quote or two
PER_SECOND: Final = 1.0  # a TDX quote takes a second; hosts throttle SEV-SNP about so
MAX_WAITING: Final = 16  # the last of them waits 16 s, about as long as a client is patient
BUSY_ATTEMPTS: Final = 3  # the kernel itself has tried for a minute before it says busy

# What is mixed into the derived key. Without POLICY a debug launch of the same image would get it,
# without MEASUREMENT any image. The ids and the SVN of an ID block add nothing: whoever launches
# the VM chooses them, unless the block's key is bound, and the derivation has no input for that.
SEALING_FIELDS: Final = GuestField.POLICY | GuestField.MEASUREMENT | GuestField.TCB_VERSION

# Through configfs there is no exitinfo2 to look at. With these numbers sev-guest has thrown the
# platform key away (EIO, ETIMEDOUT) or had done so before (ENOTTY).
_SNP_KEY_LOST: Final = frozenset({errno.EIO, errno.ETIMEDOUT, errno.ENOTTY})

T = TypeVar("T")


class Tee(Protocol):
    """A chip. Made by `find`, or by `enclave.insecure` on purpose."""

    @property
    def kind(self) -> TEE:
        """What its evidence is."""

    @property
    def sk(self) -> SkProvider:
        """Where its derived key comes from; said in the claims."""

    @property
    def simulated(self) -> bool:
        """No chip stands behind it, and everything shown about it must say so."""

    async def evidence(self, report_data: bytes) -> Evidence:
        """Evidence over 64 bytes, with the certificates that the machine has for it.

        Raises:
            DeviceError: not now. `DeviceLost`: not before the next launch.
        """

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """The chip's key for this code at a TCB version, by default the reported one.

        Raises:
            NoDerivedKey: this kind of chip has none.
            DeviceError: refused, as for a TCB above the committed one. `DeviceLost`: see above.
        """

    async def measurement(self) -> bytes:
        """What this VM was launched as, by its own account: MEASUREMENT or MRTD, 48 bytes.

        Raises:
            DeviceError, DeviceLost: see above.
        """


class Gate:
    """The way to a chip: one call at a time, at a bounded rate, none after its key is lost.

    Args:
        burst: calls that may follow each other at once.
        per_second: calls per second after that.
    """

    def __init__(self, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        self._lock = trio.Lock()
        self._burst = burst
        self._per_second = per_second
        self._tokens = float(burst)
        self._counted_at: float | None = None
        self._lost: str | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` gives, run in a worker thread when its turn has come.

        Raises:
            DeviceError: too many wait already, or the chip stays busy; or what `call` raised.
            DeviceLost: a call, this or an earlier one, has lost the platform key.
        """
        if self._lock.statistics().tasks_waiting >= MAX_WAITING:
            raise DeviceError("too many requests to the chip are waiting")
        async with self._lock:
            for _ in range(BUSY_ATTEMPTS):
                if self._lost is not None:
                    raise DeviceLost(self._lost)
                await self._take_token()
                try:
                    return await trio.to_thread.run_sync(call)  # not abandoned: it may cost the key
                except SevGuestBusy:
                    continue
                except DeviceLost as error:
                    self._lost = str(error)
                    raise
            raise DeviceError("the chip stays busy")

    async def _take_token(self) -> None:
        """Wait until a call may be made, and count it."""
        now = trio.current_time()
        elapsed = now - (now if self._counted_at is None else self._counted_at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._per_second)
        self._counted_at = now
        if self._tokens < 1:
            await trio.sleep((1 - self._tokens) / self._per_second)
            self._tokens, self._counted_at = 1, trio.current_time()
        self._tokens -= 1


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the operator knows of a machine and the machine cannot tell.

    Attributes:
        vmpl: the privilege level that reports and keys are for.
        firmware_only: the launch measurement covers the cloud provider's firmware and not what it
            boots (AWS, and whoever else brings his own). A key derived from it would be anybody's
            on that machine, so there is none: the claims say so.
        endorsements: DER certificates (VCEK or VLEK, ASK or ASVK) for hosts that offer none; sent
            along when the host's table is empty.
    """

    vmpl: int = 0
    firmware_only: bool = False
    endorsements: tuple[bytes, ...] = field(default=(), repr=False)


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

    kind: TEE = field(default=TEE.SEV_SNP, init=False)
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
        found = snp.parse_certificate_table(table)
        certificates = tuple(
            found[guid] for guid in (snp.VCEK_GUID, snp.VLEK_GUID, snp.ASK_GUID) if guid in found
        )
        return Evidence(self.kind, report, certificates or self.circumstances.endorsements)

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `Tee`."""
        if self.sk is SkProvider.NONE:
            raise NoDerivedKey("the measurement covers the provider's firmware only")
        report = await self._own_report()
        tcb = report.reported_tcb if tcb_version is None else tcb_version
        vmpl = self.circumstances.vmpl
        ask = partial(self.device.derived_key, SEALING_FIELDS, tcb_version=tcb, vmpl=vmpl)
        return DerivedKey(
            provider=self.sk,
            key=await self.gate.run(ask),
            tcb_version=tcb,
            current_tcb_version=report.reported_tcb,
            chip_sha256=sha256(report.chip_id).digest(),
            measurement=report.measurement,
        )

    async def measurement(self) -> bytes:
        """See `Tee`."""
        return (await self._own_report()).measurement

    async def _own_report(self) -> snp.AttestationReport:
        report, _ = await self.gate.run(partial(self._read, bytes(64)))
        return snp.parse_report(report)

    def _read(self, report_data: bytes) -> tuple[bytes, bytes]:
        """A report and the host's certificate table. Blocks."""
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
        if snp.parse_report(answer.outblob).report_data != report_data:
            raise DeviceError("the report answers other report data")
        return answer.outblob, answer.auxblob


@dataclass(frozen=True)
class TdxTee:
    """A TD: quotes through configfs-tsm, the TD's own report through the device; no `sk`."""

    device: TdxGuest = field(default_factory=TdxGuest)
    directory: Path = configfs.DIRECTORY
    gate: Gate = field(default_factory=Gate, repr=False)

    kind: TEE = field(default=TEE.TDX, init=False)
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
        ask = partial(configfs.ask, report_data, provider="tdx_guest", directory=self.directory)
        quote = (await self.gate.run(ask)).outblob
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


PROVIDERS: Final[Mapping[TEE, type[SnpTee] | type[TdxTee]]] = MappingProxyType(
    {TEE.SEV_SNP: SnpTee, TEE.TDX: TdxTee}
)


def find(
    directory: Path = configfs.DIRECTORY,
    devices: Path = Path("/dev"),
    circumstances: Circumstances | None = None,
) -> Tee:
    """The chip of this machine. Blocks for a moment.

    Args:
        directory: where configfs-tsm would be mounted.
        devices: where the guest devices would be.
        circumstances: what the operator knows of the machine.

    Raises:
        DeviceError: there is none here, and none is pretended.
    """
    for provider in PROVIDERS.values():
        if provider.is_here(directory, devices):
            return provider.at(directory, devices, circumstances or Circumstances())
    raise DeviceError("this machine has neither a SEV-SNP nor a TDX guest interface")
