"""Intel's signed statements on TCB: TCB info and QE identity.

Both are JSON of which the exact bytes are signed. They are read only after their signature
holds, and reading is strict all the same: what is missing or of another type is refused.

Source: Intel, "Provisioning Certification Service API", version 4, sections "Get TCB Info",
"Get Quoting Enclave Identity".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from enclave.collateral import read_json
from enclave.errors import InvalidEvidence
from enclave.sgx.tcb import Level, TCBStatus


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
    if reader.get("tcbType", int) != 0:  # how SVNs compare; only one way is defined
        raise InvalidEvidence(reader.what, "its levels are of an unknown type")
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
