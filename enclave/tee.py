"""The TEE this process runs in, as the rest of the program sees it.

`Tee` is the whole of what a TEE gives: evidence over 64 bytes, and on some chips a derived key.
`enclave.detection.find` looks for the kind of this machine; the software chip is not among those
and has to be made by name (`enclave.insecure`), so that no machine falls back to it.

The chip behind it is a slow, shared, rate-limited device, and bad requests can disable it: a quote
takes up to a second, and a failed request may cost SEV-SNP its platform key until the next launch.
Every call therefore passes a `Gate`: one at a time, in a worker thread that is never abandoned
half-way, at a bounded rate, with a bounded queue, and none at all once the key is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio

from enclave.claims import SkProvider
from enclave.errors import DeviceBusy, DeviceError, DeviceLost
from enclave.evidence import TEE, Evidence
from enclave.keys import DerivedKey

BURST: Final = 8  # a start makes about five requests: key, certificates, a first quote or two
PER_SECOND: Final = 1.0  # a TDX quote takes a second; hosts throttle SEV-SNP about so
MAX_WAITING: Final = 16  # the last of them waits 16 s, about as long as clients wait
BUSY_ATTEMPTS: Final = 3  # the kernel itself has retried for a minute before it reports busy

T = TypeVar("T")


class Tee(Protocol):
    """A TEE. Made by `enclave.detection.find`, or by `enclave.insecure` on purpose."""

    @property
    def kind(self) -> TEE:
        """What its evidence is."""

    @property
    def sk(self) -> SkProvider:
        """Where its derived key comes from; part of the claims."""

    @property
    def simulated(self) -> bool:
        """No chip stands behind it, and everything displayed about it must say so."""

    async def evidence(self, report_data: bytes) -> Evidence:
        """Evidence over 64 bytes, with the certificates that the machine has for it.

        Raises:
            DeviceError: not now. `DeviceLost`: not before the next launch.
        """

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """The chip's key for this code at a TCB version, by default the committed one.

        The host may lower what a chip reports at any time; what it has committed it cannot.

        Raises:
            NoDerivedKey: this kind of chip has none.
            DeviceError: refused, as for a TCB above the committed one. `DeviceLost`: see above.
        """

    async def measurement(self) -> bytes:
        """What this VM was launched as, by its own account: MEASUREMENT or MRTD, 48 bytes.

        Raises:
            DeviceError, DeviceLost: see above.
        """

    async def host_data(self) -> bytes:
        """What the host set at launch, by the VM's own account; zeros where it set nothing.

        Returns:
            HOST_DATA, 32 bytes, or MRCONFIGID, 48 bytes.

        Raises:
            DeviceError, DeviceLost: see above.
        """


class Guest(Tee, Protocol):
    """A TEE that this machine may turn out to be; see `enclave.detection.find`."""

    @classmethod
    def is_here(cls, directory: Path, devices: Path) -> bool:
        """Whether this machine is such a guest.

        Args:
            directory: where configfs-tsm would be mounted.
            devices: where the guest devices would be.
        """

    @classmethod
    def at(cls, directory: Path, devices: Path, circumstances: Circumstances) -> Tee:
        """The TEE behind these paths."""


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
                except DeviceBusy:
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
    """What the operator knows of a machine and software on it cannot find out.

    Attributes:
        vmpl: the privilege level that reports and keys are for; a report of another is refused.
        firmware_only: the launch measurement covers the cloud provider's firmware and not what it
            boots (AWS, and other clouds that bring their own). Any guest on that machine could
            derive the same key, so there is none, as the claims state.
        endorsements: DER certificates (VCEK or VLEK, ASK or ASVK); sent along where the host's
            table has no leaf for the chip at its reported TCB.
    """

    vmpl: int = 0
    firmware_only: bool = False
    endorsements: tuple[bytes, ...] = field(default=(), repr=False)
