"""TCB levels and statuses of Intel platforms.

A platform has the status of the first level, newest first, whose every SVN it reaches. The
quoting enclave and the TDX module have a status of their own, which can only make it worse
(`converge`). `enclave.sgx.documents` reads the levels.

Source: Intel, "Provisioning Certification Service API", version 4, "Enumerations"; "Get TDX TCB
Info", steps of TCB evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from enclave.errors import InvalidEvidence, Step, VerificationFailed


class TCBStatus(StrEnum):
    """Intel's names, used as they are in policies and reports."""

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    TD_RELAUNCH_ADVISED = "TDRelaunchAdvised"
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"
    REVOKED = "Revoked"


# What a platform's status becomes when its quoting enclave or TDX module is out of date.
_OUT_OF_DATE: Mapping[TCBStatus, TCBStatus] = MappingProxyType(
    {
        TCBStatus.UP_TO_DATE: TCBStatus.OUT_OF_DATE,
        TCBStatus.SW_HARDENING_NEEDED: TCBStatus.OUT_OF_DATE,
        TCBStatus.CONFIGURATION_NEEDED: TCBStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
        TCBStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED: (
            TCBStatus.OUT_OF_DATE_CONFIGURATION_NEEDED
        ),
    }
)


@dataclass(frozen=True)
class Level:
    """A status that holds from certain SVNs up.

    Attributes:
        svns: of an enclave: one; of a platform: 16 SGX components, PCESVN, 16 TDX components.
        status: what reaching them means.
        advisories: the advisories that still apply, "INTEL-SA-00615".
        date: when the TCB was released; UTC.
    """

    svns: tuple[int, ...]
    status: TCBStatus
    advisories: frozenset[str]
    date: datetime


def level_of(levels: Iterable[Level], svns: tuple[int, ...], step: Step) -> Level:
    """The first level whose every SVN is reached.

    Args:
        levels: newest first, as Intel lists them.
        svns: as many as each level has.
        step: for the error.

    Raises:
        VerificationFailed: none is reached, or the one that is reached is revoked.
    """
    for level in levels:
        if all(have >= need for have, need in zip(svns, level.svns, strict=True)):
            if level.status is TCBStatus.REVOKED:
                raise VerificationFailed(step, "this TCB level is revoked")
            return level
    raise VerificationFailed(step, "no TCB level that Intel lists is reached")


def converge(platform: TCBStatus, parts: Iterable[TCBStatus]) -> TCBStatus:
    """The status of a platform whose quoting enclave and TDX module have `parts` as theirs.

    Raises:
        InvalidEvidence: a part has a status that Intel gives to platforms only.
    """
    status = platform
    for part in parts:
        if part not in (TCBStatus.UP_TO_DATE, TCBStatus.OUT_OF_DATE):
            raise InvalidEvidence("collateral", f"an enclave or module with status {part}")
        if part is TCBStatus.OUT_OF_DATE:
            status = _OUT_OF_DATE.get(status, status)
    return status


# What becomes of a TD whose launch was out of date while the module that runs it now is not.
_RELAUNCH: Mapping[tuple[TCBStatus, TCBStatus], TCBStatus] = MappingProxyType(
    {
        (TCBStatus.OUT_OF_DATE, TCBStatus.UP_TO_DATE): TCBStatus.TD_RELAUNCH_ADVISED,
        (TCBStatus.OUT_OF_DATE, TCBStatus.SW_HARDENING_NEEDED): TCBStatus.TD_RELAUNCH_ADVISED,
        (TCBStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, TCBStatus.CONFIGURATION_NEEDED): (
            TCBStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
        ),
        (
            TCBStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
            TCBStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED,
        ): TCBStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    }
)

_STALE = {TCBStatus.OUT_OF_DATE, TCBStatus.OUT_OF_DATE_CONFIGURATION_NEEDED}


def relaunch(launch: TCBStatus, current: TCBStatus) -> TCBStatus:
    """The status of a TD of TDX 1.5, by its TCB at launch and its TCB of now."""
    return _RELAUNCH.get((launch, current), current if current in _STALE else launch)
