"""Whether a TDX quote is an Intel processor's, and at which TCB.

Beyond what SGX quotes need (`enclave.sgx.dcap`): the TDX module that runs the TD must be one
that Intel names, and has a TCB status of its own. The second byte of TEE_TCB_SVN is the module's
version: 0 means the `tdxModule` of the TCB info, N the identity TDX_0N, whose SVN is the first
byte; then those two bytes are no components of the platform.

TDX 1.5 can update its module under running TDs, and says in the quote both the TCB that the TD
was launched at and the one of now. A TD that was launched at an old TCB may have been compromised
then: where only the launch is out of date, Intel advises to launch it again.

Source: Intel, "Intel TDX DCAP Quoting Library API", appendix A.3; "Provisioning Certification
Service API", version 4, "TDX TCB info", steps of verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from enclave.errors import Step, VerificationFailed
from enclave.evidence import TEE, Evidence
from enclave.roots import Roots
from enclave.sgx.collateral import DCAPCollateral
from enclave.sgx.dcap import masked, verify_platform
from enclave.sgx.documents import ModuleIdentity
from enclave.sgx.platform import Platform, PlatformTCB, VerifiedDCAP
from enclave.sgx.tcb import Level, converge, level_of, relaunch
from enclave.tdx import TDX
from enclave.tdx.abi import TDReport10, TDReport15
from enclave.tdx.quote import TDXQuote, parse_tdx_quote

IDS = ("TDX", "TD_QE")  # of TCB info and QE identity


@dataclass(frozen=True, kw_only=True)
class VerifiedTDX(VerifiedDCAP):
    """A TD's report that an Intel platform signed.

    Attributes:
        report: the part of the report that all TDX versions have.
        report_1_5: the whole of it from a TDX 1.5 quote; else None.
    """

    report: TDReport10
    report_1_5: TDReport15 | None

    @property
    def tee(self) -> TEE:
        """TDX."""
        return TDX

    @property
    def report_data(self) -> bytes:
        """REPORTDATA, 64 bytes."""
        return self.report.reportdata

    @property
    def measurement(self) -> bytes:
        """MRTD, 48 bytes."""
        return self.report.mrtd


def verify_tdx(
    evidence: Evidence, collateral: DCAPCollateral, roots: Roots, now: datetime
) -> VerifiedTDX:
    """The TD report in `evidence`, proved to be an Intel platform's.

    Args:
        evidence: a TDX quote of version 4 or 5.
        collateral: Intel's documents for the platform's FMSPC.
        roots: which root to trust.
        now: the verifier's clock, with a time zone.

    Raises:
        InvalidEvidence: quote or collateral cannot be read.
        VerificationFailed: with the step that failed.
    """
    quote = parse_tdx_quote(evidence.report)
    platform = verify_platform(quote.signature_data, quote.signed, IDS, collateral, roots, now)
    return VerifiedTDX(
        report=quote.td,
        report_1_5=quote.td_1_5,
        **platform.facts(_tcb(quote, platform), now),
    )


def _tcb(quote: TDXQuote, platform: Platform) -> PlatformTCB:
    """The platform's level at launch, the status of the whole, and its advisories."""
    td, td_1_5 = quote.td, quote.td_1_5
    svns = [td.tee_tcb_svn] if td_1_5 is None else [td.tee_tcb_svn, td_1_5.tee_tcb_svn2]
    evaluated = [_evaluate(svn, td, platform) for svn in svns]
    launch, current = evaluated[0], evaluated[-1]
    advisories = frozenset[str]().union(*(tcb.advisories for tcb in evaluated))
    return PlatformTCB(launch.level, relaunch(launch.status, current.status), advisories)


def _evaluate(svn: bytes, td: TDReport10, platform: Platform) -> PlatformTCB:
    """The TCB at one TEE_TCB_SVN."""
    version = svn[1]
    parts = [platform.qe_level]
    if version:
        identity = platform.tcb_info.modules.get(f"TDX_{version:02X}")
        if identity is None:
            raise VerificationFailed(Step.TDX_MODULE, f"no module of version {version} is known")
        parts.append(level_of(identity.levels, (svn[0],), Step.TDX_MODULE))
    else:
        identity = platform.tcb_info.module
    _check_module(td, identity)
    skipped = 2 if version else 0
    level = level_of(
        [_without(level, skipped) for level in platform.tcb_info.levels],
        (*platform.pck.components, platform.pck.pcesvn, *svn[skipped:]),
        Step.TCB,
    )
    status = converge(level.status, [part.status for part in parts])
    advisories = level.advisories.union(*(part.advisories for part in parts))
    return PlatformTCB(level, status, advisories)


def _without(level: Level, skipped: int) -> Level:
    """A platform's level without its first TDX components."""
    sgx = 17  # 16 components and PCESVN precede them
    svns = level.svns[:sgx] + level.svns[sgx + skipped :]
    return Level(svns, level.status, level.advisories, level.date)


def _check_module(td: TDReport10, identity: ModuleIdentity | None) -> None:
    if identity is None or (
        td.mrsignerseam != identity.mrsigner
        or masked(td.seamattributes, identity.attributes_mask) != identity.attributes
    ):
        raise VerificationFailed(Step.TDX_MODULE, "it is not one that Intel names")
