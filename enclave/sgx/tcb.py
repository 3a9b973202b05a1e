"""Intel's signed statements on TCB: TCB info, QE identity, and the status that follows.

Both are JSON of which the exact bytes are signed. They are read only after their signature
holds, and reading is strict all the same: what is missing or of another type is refused.

A platform has the status of the first level, newest first, whose every SVN it reaches. The
quoting enclave and the TDX module have a status of their own, which can only make it worse
(`converge`).

Source: Intel, "Provisioning Certification Service API", version 4, sections "Get TCB Info",
"Get Quoting Enclave Identity", "Enumerations"; TDX: appendix "TDX TCB recovery".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from enclave.collateral import read_json
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


@dataclass(frozen=True)
class ModuleIdentity:
    """What a TDX module must be: its signer and attributes, and the levels of its SVN."""

    mrsigner: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class TCBInfo:
    """TCB info, version 3.

    Attributes:
        tee: "SGX" or "TDX".
        issued, next_update: UTC.
        evaluation_number: TCB evaluation data number.
        fmspc, pceid: the platform it is about; 6 and 2 bytes.
        levels: newest first.
        module: the TDX module of version 0; None for SGX.
        modules: by id, "TDX_01" for version 1.
    """

    tee: str
    issued: datetime
    next_update: datetime
    evaluation_number: int
    fmspc: bytes
    pceid: bytes
    levels: tuple[Level, ...]
    module: ModuleIdentity | None
    modules: Mapping[str, ModuleIdentity]


@dataclass(frozen=True)
class QEIdentity:
    """The identity of a quoting enclave, version 2; `id` is "QE" or "TD_QE"."""

    id: str
    issued: datetime
    next_update: datetime
    evaluation_number: int
    miscselect: bytes
    miscselect_mask: bytes
    attributes: bytes
    attributes_mask: bytes
    mrsigner: bytes
    isvprodid: int
    levels: tuple[Level, ...]


class _Reader:
    """Typed access to a JSON object; each wrong member is our error, named."""

    def __init__(self, document: Mapping[str, Any], what: str) -> None:
        self.document = document
        self.what = what

    def get(self, name: str, kind: type) -> Any:
        value = self.document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InvalidEvidence(self.what, f"{name} is missing or of another type")
        return value

    def hex(self, name: str, size: int) -> bytes:
        try:
            value = bytes.fromhex(self.get(name, str))
        except ValueError:
            raise InvalidEvidence(self.what, f"{name} is not hexadecimal") from None
        if len(value) != size:
            raise InvalidEvidence(self.what, f"{name} has {len(value)} bytes, not {size}")
        return value

    def time(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.get(name, str))
        except ValueError:
            raise InvalidEvidence(self.what, f"{name} is not a time") from None
        if moment.tzinfo is None:
            raise InvalidEvidence(self.what, f"{name} has no time zone")
        return moment

    def object(self, name: str) -> _Reader:
        return _Reader(self.get(name, dict), f"{self.what}.{name}")

    def objects(self, name: str) -> list[_Reader]:
        listed = self.get(name, list)
        if not all(isinstance(entry, dict) for entry in listed):
            raise InvalidEvidence(self.what, f"{name} is not a list of objects")
        return [_Reader(entry, f"{self.what}.{name}") for entry in listed]

    def levels(self, svns: Callable[[_Reader], tuple[int, ...]]) -> tuple[Level, ...]:
        return tuple(
            Level(
                svns=svns(level.object("tcb")),
                status=level.status("tcbStatus"),
                advisories=frozenset(level.strings("advisoryIDs")),
                date=level.time("tcbDate"),
            )
            for level in self.objects("tcbLevels")
        )

    def status(self, name: str) -> TCBStatus:
        try:
            return TCBStatus(self.get(name, str))
        except ValueError:
            raise InvalidEvidence(self.what, f"{name} is not a status known here") from None

    def strings(self, name: str) -> list[str]:
        """An optional list of strings."""
        listed = self.document.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
            raise InvalidEvidence(self.what, f"{name} is not a list of strings")
        return listed


def read_tcb_info(data: bytes) -> TCBInfo:
    """The TCB info in `data`, whose signature has been verified.

    Raises:
        InvalidEvidence: not a TCB info of version 3.
    """
    reader = _Reader(read_json(data, "TCB info"), "TCB info")
    _check_version(reader, 3)
    tee = reader.get("id", str)
    svns = _platform_svns if tee == "SGX" else _td_platform_svns
    return TCBInfo(
        tee=tee,
        issued=reader.time("issueDate"),
        next_update=reader.time("nextUpdate"),
        evaluation_number=reader.get("tcbEvaluationDataNumber", int),
        fmspc=reader.hex("fmspc", 6),
        pceid=reader.hex("pceId", 2),
        levels=reader.levels(svns),
        module=None if tee == "SGX" else _module(reader.object("tdxModule"), ()),
        modules={}
        if "tdxModuleIdentities" not in reader.document
        else {
            entry.get("id", str): _module(entry, entry.levels(_isvsvn))
            for entry in reader.objects("tdxModuleIdentities")
        },
    )


def read_qe_identity(data: bytes) -> QEIdentity:
    """The QE identity in `data`, whose signature has been verified.

    Raises:
        InvalidEvidence: not an enclave identity of version 2.
    """
    reader = _Reader(read_json(data, "QE identity"), "QE identity")
    _check_version(reader, 2)
    return QEIdentity(
        id=reader.get("id", str),
        issued=reader.time("issueDate"),
        next_update=reader.time("nextUpdate"),
        evaluation_number=reader.get("tcbEvaluationDataNumber", int),
        miscselect=reader.hex("miscselect", 4),
        miscselect_mask=reader.hex("miscselectMask", 4),
        attributes=reader.hex("attributes", 16),
        attributes_mask=reader.hex("attributesMask", 16),
        mrsigner=reader.hex("mrsigner", 32),
        isvprodid=reader.get("isvprodid", int),
        levels=reader.levels(_isvsvn),
    )


def _check_version(reader: _Reader, version: int) -> None:
    if reader.get("version", int) != version:
        raise InvalidEvidence(reader.what, f"its version is not {version}")


def _module(reader: _Reader, levels: tuple[Level, ...]) -> ModuleIdentity:
    return ModuleIdentity(
        mrsigner=reader.hex("mrsigner", 48),
        attributes=reader.hex("attributes", 8),
        attributes_mask=reader.hex("attributesMask", 8),
        levels=levels,
    )


def _isvsvn(tcb: _Reader) -> tuple[int, ...]:
    return (tcb.get("isvsvn", int),)


def _platform_svns(tcb: _Reader) -> tuple[int, ...]:
    return (*_components(tcb, "sgxtcbcomponents"), tcb.get("pcesvn", int))


def _td_platform_svns(tcb: _Reader) -> tuple[int, ...]:
    return (*_platform_svns(tcb), *_components(tcb, "tdxtcbcomponents"))


def _components(tcb: _Reader, name: str) -> tuple[int, ...]:
    components = tuple(component.get("svn", int) for component in tcb.objects(name))
    if len(components) != 16:
        raise InvalidEvidence(tcb.what, f"{name} has {len(components)} components, not 16")
    return components


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
