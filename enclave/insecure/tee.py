"""The software chip as a `Tee`, of each kind that it simulates.

No row of a real TEE (`enclave.supported`) leads here: which kinds are simulated, and how, is in a
table of its own, `SIMULATIONS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from enclave.certificates import read_certificate
from enclave.claims import SkProvider
from enclave.errors import InvalidEvidence
from enclave.evidence import TEE, Evidence
from enclave.insecure.amd import PRODUCT
from enclave.insecure.chip import SoftwareGuest
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.roots import AMDRoot, Roots
from enclave.snp import SEV_SNP
from enclave.snp.guest import SEALING_FIELDS
from enclave.tdx import TDX
from enclave.tee import Gate


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How the software chip simulates one kind of TEE.

    Attributes:
        report: a guest's report or quote over 64 bytes of report data.
        certificates: the DER certificates that come along.
        sk: where its derived key comes from.
        roots: the roots that its evidence brings along; None where it brings none.
        host_data: what the host set at launch, as its report has it.
    """

    report: Callable[[SoftwareGuest, bytes], bytes]
    certificates: Callable[[SoftwareGuest], tuple[bytes, ...]]
    sk: SkProvider
    roots: Callable[[Evidence], Roots | None]
    host_data: Callable[[SoftwareGuest], bytes]


def _amd_certificates(guest: SoftwareGuest) -> tuple[bytes, ...]:
    """VCEK, ASK, and the simulated root itself, for `roots_in`."""
    chip = guest.chip
    chain = (chip.amd.ask, chip.amd.ark)
    return (chip.vcek(), *(each.public_bytes(Encoding.DER) for each in chain))


def _amd_roots(evidence: Evidence) -> Roots | None:
    known = {read_certificate(der).common_name: der for der in evidence.certificates}
    ark, ask = known.get(f"ARK-{PRODUCT}"), known.get(f"SEV-{PRODUCT}")
    if ark is None or ask is None:
        return None
    return Roots(amd={PRODUCT: AMDRoot(ark=ark, ask=ask)})


SIMULATIONS: Final[Mapping[TEE, Simulation]] = MappingProxyType(
    {
        SEV_SNP: Simulation(
            report=SoftwareGuest.report,
            certificates=_amd_certificates,
            sk=SkProvider.INSECURE_SOFTWARE_CHIP,
            roots=_amd_roots,
            host_data=lambda guest: guest.host_data,
        ),
        TDX: Simulation(
            report=SoftwareGuest.quote,
            certificates=lambda guest: (),
            sk=SkProvider.NONE,
            roots=lambda evidence: None,
            host_data=lambda guest: guest.host_data + bytes(16),
        ),
    }
)


@dataclass(frozen=True)
class SoftwareTee:
    """A simulated guest behind the interface of a real one.

    Attributes:
        guest: the guest.
        kind: the TEE to simulate, a key of `SIMULATIONS`; as in silicon not each has a derived key.
        gate: of its own; it allows more requests than a real one does.
    """

    guest: SoftwareGuest
    kind: TEE = SEV_SNP
    gate: Gate = field(default_factory=partial(Gate, burst=64, per_second=64), repr=False)

    simulated: bool = field(default=True, init=False)

    @property
    def sk(self) -> SkProvider:
        """Simulated, or none."""
        return SIMULATIONS[self.kind].sk

    async def evidence(self, report_data: bytes) -> Evidence:
        """See `enclave.tee.Tee`; where the kind allows it, its root comes along (`roots_in`)."""
        simulation = SIMULATIONS[self.kind]
        report = await self.gate.run(partial(simulation.report, self.guest, report_data))
        return Evidence(self.kind, report, simulation.certificates(self.guest))

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `enclave.tee.Tee`."""
        if self.sk is SkProvider.NONE:
            raise NoDerivedKey(f"{self.kind} derives no keys")
        current = self.guest.chip.committed_tcb
        tcb = current if tcb_version is None else tcb_version
        request = partial(
            self.guest.derived_key, SEALING_FIELDS, tcb_version=tcb, vmpl=self.guest.vmpl
        )
        return DerivedKey(
            provider=self.sk,
            key=await self.gate.run(request),
            tcb_version=tcb,
            current_tcb_version=current,
            chip_sha256=sha256(self.guest.chip.chip_id).digest(),
            measurement=self.guest.measurement,
        )

    async def measurement(self) -> bytes:
        """See `enclave.tee.Tee`."""
        return self.guest.measurement

    async def host_data(self) -> bytes:
        """See `enclave.tee.Tee`."""
        return SIMULATIONS[self.kind].host_data(self.guest)


def roots_in(evidence: Evidence) -> Roots:
    """The roots that simulated evidence brings along itself.

    Danger: the maker of the evidence chooses these roots. They serve to inspect simulated evidence
    that one has decided to accept from anyone, and for nothing else; what is verified under them
    has `simulated` set.

    Raises:
        InvalidEvidence: it brings none along.
    """
    simulation = SIMULATIONS.get(evidence.tee)
    roots = None if simulation is None else simulation.roots(evidence)
    if roots is None:
        raise InvalidEvidence(evidence.tee, "it brings no root along")
    return roots
