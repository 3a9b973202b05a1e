"""A verified platform behind a quote of SGX or TDX, and what every such quote proves about it.

Source: Intel, "Provisioning Certification Service API", version 4 (FMSPC, TCB levels, advisories,
TCB evaluation data number).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypedDict

from enclave.evidence import Verified
from enclave.sgx.documents import TCBInfo
from enclave.sgx.pck import PCK
from enclave.sgx.tcb import Level, TCBStatus


@dataclass(frozen=True, kw_only=True)
class VerifiedDCAP(Verified):
    """What quotes of every kind prove about their platform.

    Attributes:
        fmspc: the kind of platform, 6 bytes.
        tcb_status: of platform, quoting enclave and what else there is together; never Revoked.
        tcb_date: when the platform's TCB level was released; UTC.
        advisories: the advisories that apply to it.
        evaluation_number: the lower TCB evaluation data number of the collateral.
    """

    fmspc: bytes
    tcb_status: TCBStatus
    tcb_date: datetime
    advisories: frozenset[str]
    evaluation_number: int

    @property
    def tcb(self) -> str:
        """The status, since when there has been this TCB level, and the advisories."""
        known = f", {', '.join(sorted(self.advisories))}" if self.advisories else ""
        return f"{self.tcb_status} of {self.tcb_date:%Y-%m-%d}{known}"


class PlatformTCB(NamedTuple):
    """The TCB of a platform and of everything else that a quote rests on.

    Attributes:
        level: the platform's.
        status: of all together.
        advisories: of all together.
    """

    level: Level
    status: TCBStatus
    advisories: frozenset[str]


class PlatformFacts(TypedDict):
    """The fields of `VerifiedDCAP`, and of `Verified` above it."""

    simulated: bool
    verified_at: datetime
    valid_until: datetime
    collateral_issued: datetime
    fmspc: bytes
    tcb_status: TCBStatus
    tcb_date: datetime
    advisories: frozenset[str]
    evaluation_number: int


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform and its quoting enclave, verified; what the kinds of quotes build upon.

    Attributes:
        simulated: the root is not Intel's own.
        pck: the platform.
        tcb_info: Intel's on platforms of this kind.
        qe_level: the quoting enclave's status.
        evaluation_number: the lower one of TCB info and QE identity.
        issued: of the oldest among TCB info, QE identity and PCK revocation list.
        valid_until: when the first of everything that was used ends.
    """

    simulated: bool
    pck: PCK
    tcb_info: TCBInfo
    qe_level: Level
    evaluation_number: int
    issued: datetime
    valid_until: datetime

    def facts(self, tcb: PlatformTCB, now: datetime) -> PlatformFacts:
        """What a quote of any kind proves about its platform.

        Args:
            tcb: as the kind of quote evaluates it.
            now: the verifier's clock at verification.
        """
        return {
            "simulated": self.simulated,
            "verified_at": now,
            "valid_until": self.valid_until,
            "collateral_issued": self.issued,
            "fmspc": self.pck.fmspc,
            "tcb_status": tcb.status,
            "tcb_date": tcb.level.date,
            "advisories": tcb.advisories,
            "evaluation_number": self.evaluation_number,
        }
