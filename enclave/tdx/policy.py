"""What a policy may ask of TDX evidence, and the appraisal of a verified TD report.

MRTD covers the firmware that the host loaded and nothing after it; the firmware extends RTMR0
(its own configuration, ACPI tables), RTMR1 and RTMR2 (boot loader, kernel, command line, initrd),
and the system RTMR3. So MRTD alone names no server: each register must be listed, or be named in
`allow_any`. The other registers hold what the host or the owner chose at launch, and must be zero
unless they are listed.

Source: "Intel TDX Module Base Architecture Specification" (348549), sections on measurement and
attestation, TD_PARAMS, ATTRIBUTES, XFAM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from enclave.policy_keys import (
    BOOLEAN,
    flags,
    key,
    number,
    octets,
    one_of,
)
from enclave.sgx.dcap_policy import DCAPPolicy, check_tcb
from enclave.sgx.tcb import TCBStatus
from enclave.tdx.abi import TDAttributes
from enclave.tdx.verify import VerifiedTDX

_U64 = (1 << 64) - 1
_ZERO = frozenset({bytes(48)})
MEASURED = ("rtmr0", "rtmr1", "rtmr2", "rtmr3")
CHOSEN = ("mrconfigid", "mrowner", "mrownerconfig", "mrservicetd")

# x87, SSE, AVX, AVX-512, PKRU, CET, AMX: what current QEMU and Linux give to TDs.
XFAM_KNOWN = 0x61AE7
XFAM_FIXED = 0x3  # x87 and SSE are always there


class TDXPolicy(DCAPPolicy):
    """The section `[tdx]`; docs/attestation.md explains each key."""

    mrtd: frozenset[bytes] = key(octets(48), default=frozenset())
    rtmr0: frozenset[bytes] = key(octets(48), default=frozenset())
    rtmr1: frozenset[bytes] = key(octets(48), default=frozenset())
    rtmr2: frozenset[bytes] = key(octets(48), default=frozenset())
    rtmr3: frozenset[bytes] = key(octets(48), default=frozenset())
    mrconfigid: frozenset[bytes] = key(octets(48), default=_ZERO)
    mrowner: frozenset[bytes] = key(octets(48), default=_ZERO)
    mrownerconfig: frozenset[bytes] = key(octets(48), default=_ZERO)
    mrservicetd: frozenset[bytes] = key(octets(48), default=_ZERO)
    allow_any: frozenset[str] = key(one_of(*MEASURED, *CHOSEN), default=frozenset())
    mrseam: frozenset[bytes] = key(octets(48, zeros=False), default=frozenset())
    allow_debug: bool = key(BOOLEAN, default=False)
    allow_migration: bool = key(BOOLEAN, default=False)
    attributes_required: TDAttributes = key(
        flags(TDAttributes), default=TDAttributes.SEPT_VE_DISABLE
    )
    attributes_allowed: TDAttributes = key(flags(TDAttributes), default=TDAttributes(0))
    xfam_required: int = key(number(_U64), default=XFAM_FIXED)
    xfam_allowed: int = key(number(_U64), default=XFAM_KNOWN)


def _check_registers(verified: VerifiedTDX, policy: TDXPolicy) -> Iterator[str]:
    report = verified.report
    if report.mrtd not in policy.mrtd:
        yield f"MRTD {report.mrtd.hex()} is not accepted"
    for name in (*MEASURED, *CHOSEN):
        value = _register(verified, name)
        if name not in policy.allow_any and value not in getattr(policy, name):
            yield f"{name.upper()} {value.hex()} is not accepted"


def _register(verified: VerifiedTDX, name: str) -> bytes:
    if name != "mrservicetd":
        value: bytes = getattr(verified.report, name)
        return value
    # A TD of TDX 1.0 has no service TD.
    return bytes(48) if verified.report_1_5 is None else verified.report_1_5.mrservicetd


def _check_attributes(verified: VerifiedTDX, policy: TDXPolicy) -> Iterator[str]:
    attributes = verified.report.tdattributes
    if attributes & TDAttributes.TUD and not policy.allow_debug:
        yield "the TD is open to debugging by its host"
    if attributes & TDAttributes.MIGRATABLE and not policy.allow_migration:
        yield "the TD can be migrated"
    if missing := policy.attributes_required & ~attributes:
        yield f"TD attributes lack {missing:#x}"
    judged = TDAttributes.TUD | TDAttributes.MIGRATABLE
    allowed = policy.attributes_required | policy.attributes_allowed | judged
    if extra := attributes & ~int(allowed):
        yield f"TD attributes {extra:#x} are not accepted"


def _check_xfam(verified: VerifiedTDX, policy: TDXPolicy) -> Iterator[str]:
    xfam = verified.report.xfam
    if missing := policy.xfam_required & ~xfam:
        yield f"XFAM lacks {missing:#x}"
    if extra := xfam & ~policy.xfam_allowed:
        yield f"XFAM bits {extra:#x} are not accepted"


def _check_module(verified: VerifiedTDX, policy: TDXPolicy) -> Iterator[str]:
    if policy.mrseam and verified.report.mrseam not in policy.mrseam:
        yield f"TDX module {verified.report.mrseam.hex()} is not accepted"


CHECKS: tuple[Callable[[VerifiedTDX, TDXPolicy], Iterator[str]], ...] = (
    _check_registers,
    _check_attributes,
    _check_xfam,
    _check_module,
    check_tcb,
)


def naming(verified: VerifiedTDX) -> TDXPolicy:
    """The policy that names this evidence, and weakens none of the defaults for it."""
    registers: dict[str, Any] = {
        name: frozenset({_register(verified, name)}) for name in (*MEASURED, *CHOSEN)
    }
    return TDXPolicy(mrtd=frozenset({verified.report.mrtd}), **registers)


def warnings_of(verified: VerifiedTDX, policy: TDXPolicy) -> Iterator[str]:
    """What is accepted and still worth showing."""
    if verified.report.tdattributes & TDAttributes.TUD:
        yield "the TD's memory is open to its host (debug)"
    if verified.tcb_status is not TCBStatus.UP_TO_DATE:
        yield f"TCB status {verified.tcb_status}"
    if unmeasured := sorted(policy.allow_any & set(MEASURED)):
        yield f"not compared: {', '.join(unmeasured).upper()}"
