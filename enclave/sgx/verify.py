"""Whether an SGX quote is an Intel processor's. Verification only: nothing here makes quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from enclave.errors import Step
from enclave.evidence import TEE, Evidence
from enclave.roots import Roots
from enclave.sgx import SGX
from enclave.sgx.abi import EnclaveReport
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.dcap import verify_platform
from enclave.sgx.platform import PlatformTCB, VerifiedDCAP
from enclave.sgx.quote import parse_sgx_quote
from enclave.sgx.tcb import converge, level_of

IDS = ("SGX", "QE")  # of TCB info and QE identity


@dataclass(frozen=True, kw_only=True)
class VerifiedSGX(VerifiedDCAP):
    """An enclave's report that an Intel platform signed.

    Attributes:
        report: the enclave's report body.
    """

    report: EnclaveReport

    @property
    def tee(self) -> TEE:
        """SGX."""
        return SGX

    @property
    def report_data(self) -> bytes:
        """REPORTDATA, 64 bytes."""
        return self.report.report_data

    @property
    def measurement(self) -> bytes:
        """MRENCLAVE, 32 bytes."""
        return self.report.mrenclave


def verify_sgx(
    evidence: Evidence, collateral: DCAPCollateral, roots: Roots, now: datetime
) -> VerifiedSGX:
    """The enclave report in `evidence`, proved to be an Intel platform's.

    Args:
        evidence: an SGX quote of version 3.
        collateral: Intel's documents for the platform's FMSPC.
        roots: which root to trust.
        now: the verifier's clock, with a time zone.

    Raises:
        InvalidEvidence: quote or collateral cannot be read.
        VerificationFailed: with the step that failed.
    """
    quote = parse_sgx_quote(evidence.report)
    platform = verify_platform(quote.signature_data, quote.signed, IDS, collateral, roots, now)
    svns = (*platform.pck.components, platform.pck.pcesvn)
    level = level_of(platform.tcb_info.levels, svns, Step.TCB)
    tcb = PlatformTCB(
        level,
        converge(level.status, [platform.qe_level.status]),
        level.advisories | platform.qe_level.advisories,
    )
    return VerifiedSGX(report=quote.body, **platform.facts(tcb, now))
