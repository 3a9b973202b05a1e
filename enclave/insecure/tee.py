"""The software chip as a `Tee`."""

from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding

from enclave.certificates import read_certificate
from enclave.claims import SkProvider
from enclave.errors import InvalidEvidence
from enclave.evidence import TEE, Evidence
from enclave.insecure.amd import PRODUCT
from enclave.insecure.chip import SoftwareGuest
from enclave.keys import DerivedKey, NoDerivedKey
from enclave.roots import AMDRoot, Roots
from enclave.tee import SEALING_FIELDS, Gate


@dataclass(frozen=True)
class SoftwareTee:
    """A pretended guest behind the interface of a real one.

    Attributes:
        guest: the guest.
        kind: the evidence to give, `TEE.SEV_SNP` or `TEE.TDX`; as in silicon only the former has a
            derived key.
        gate: of its own; unlike a real one in no hurry to refuse.
    """

    guest: SoftwareGuest
    kind: TEE = TEE.SEV_SNP
    gate: Gate = field(default_factory=partial(Gate, burst=64, per_second=64), repr=False)

    simulated: bool = field(default=True, init=False)

    @property
    def sk(self) -> SkProvider:
        """Simulated, or none."""
        if self.kind is TEE.SEV_SNP:
            return SkProvider.INSECURE_SOFTWARE_CHIP
        return SkProvider.NONE

    async def evidence(self, report_data: bytes) -> Evidence:
        """See `enclave.tee.Tee`; for SEV-SNP the pretended root comes along (`roots_in`)."""
        if self.kind is TEE.TDX:
            return Evidence(self.kind, await self.gate.run(partial(self.guest.quote, report_data)))
        report = await self.gate.run(partial(self.guest.report, report_data))
        chip = self.guest.chip
        chain = (chip.amd.ask, chip.amd.ark)
        certificates = (chip.vcek(), *(each.public_bytes(Encoding.DER) for each in chain))
        return Evidence(self.kind, report, certificates)

    async def derived_key(self, tcb_version: bytes | None = None) -> DerivedKey:
        """See `enclave.tee.Tee`."""
        if self.kind is not TEE.SEV_SNP:
            raise NoDerivedKey("TDX derives no keys")
        current = self.guest.chip.tcb.build()
        tcb = current if tcb_version is None else tcb_version
        ask = partial(self.guest.derived_key, SEALING_FIELDS, tcb_version=tcb, vmpl=self.guest.vmpl)
        return DerivedKey(
            provider=self.sk,
            key=await self.gate.run(ask),
            tcb_version=tcb,
            current_tcb_version=current,
            chip_sha256=sha256(self.guest.chip.chip_id).digest(),
            measurement=self.guest.measurement,
        )

    async def measurement(self) -> bytes:
        """See `enclave.tee.Tee`."""
        return self.guest.measurement


def roots_in(evidence: Evidence) -> Roots:
    """The roots that simulated SEV-SNP evidence brings along itself.

    Danger: whoever makes the evidence chooses these roots. They serve to look at simulated evidence
    that one has decided to accept from anybody, and for nothing else; what is verified under them
    has `simulated` set.

    Raises:
        InvalidEvidence: it brings none along.
    """
    known = {read_certificate(der).common_name: der for der in evidence.certificates}
    ark, ask = known.get(f"ARK-{PRODUCT}"), known.get(f"SEV-{PRODUCT}")
    if ark is None or ask is None:
        raise InvalidEvidence(evidence.tee, "it brings no root along")
    return Roots(amd={PRODUCT: AMDRoot(ark=ark, ask=ask)})
