"""Layouts of TDX: the bodies of a TD quote, the quotes of versions 4 and 5, the TDREPORT.

    version 4   header 48 | TD 1.0 body 584 | u32 length | signature data
    version 5   header 48 | u16 body type | u32 body size | body | u32 length | signature data
    signature   signature 64 | attestation key 64 | u16 type = 6 | u32 length | certification
    type 6      QE report 384 | its signature 64 | u16 length | authentication data
                | u16 type = 5 | u32 length | PCK chain (PEM)

Names are Intel's in lower case. Numbers are little-endian, except inside ECDSA signatures and
keys, which are big-endian r || s and x || y.

Source: Intel, "Intel TDX DCAP Quoting Library API", appendix A.3 and A.4; "Intel TDX Module
Base Architecture Specification" (348549), TDREPORT_STRUCT and ATTRIBUTES.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType

from construct import Array, Bytes, Int8ul, Int64ul

from enclave.binary_layout import Layout, at

TD_1_0, TD_1_5, TD_1_5_EXTENDED = 2, 3, 4  # body types of a version 5 quote


class TDAttributes(IntFlag):
    """Bits of ATTRIBUTES that have a name here; `TUD` is the whole byte that must be zero."""

    DEBUG = 1 << 0
    TUD = 0xFF
    LASS = 1 << 27
    SEPT_VE_DISABLE = 1 << 28
    MIGRATABLE = 1 << 29
    PKS = 1 << 30
    KL = 1 << 31
    TPA = 1 << 62
    PERFMON = 1 << 63


class TDReport10(Layout, size=584):
    """TD Quote Body of TDX 1.0."""

    tee_tcb_svn: bytes = at(0, Bytes(16))
    mrseam: bytes = at(16, Bytes(48))
    mrsignerseam: bytes = at(64, Bytes(48))
    seamattributes: bytes = at(112, Bytes(8))
    tdattributes: int = at(120, Int64ul)
    xfam: int = at(128, Int64ul)
    mrtd: bytes = at(136, Bytes(48))
    mrconfigid: bytes = at(184, Bytes(48))
    mrowner: bytes = at(232, Bytes(48))
    mrownerconfig: bytes = at(280, Bytes(48))
    rtmr0: bytes = at(328, Bytes(48))
    rtmr1: bytes = at(376, Bytes(48))
    rtmr2: bytes = at(424, Bytes(48))
    rtmr3: bytes = at(472, Bytes(48))
    reportdata: bytes = at(520, Bytes(64))


class TDReport15(Layout, size=648):
    """TD Quote Body of TDX 1.5: that of 1.0, then the TCB of now and the service TD."""

    td_1_0: TDReport10 = at(0, TDReport10.struct)
    tee_tcb_svn2: bytes = at(584, Bytes(16))
    mrservicetd: bytes = at(600, Bytes(48))


class TDReport15Extended(Layout, size=885):
    """TD Quote Body of TDX 1.5, extended: what the service TD was, and is.

    No quote of this type is public; all that is relied on is in the first 648 bytes.
    """

    td_1_5: TDReport15 = at(0, TDReport15.struct)
    vmid: int = at(648, Int8ul)
    tdid: bytes = at(649, Bytes(32))
    devinfo_hash: bytes = at(681, Bytes(48))
    init_servtd_hash: bytes = at(729, Bytes(48))
    init_servtd_attr: bytes = at(777, Bytes(8))
    curr_servtd_hash: bytes = at(785, Bytes(48))
    curr_servtd_attr: bytes = at(833, Bytes(8))
    init_cpusvn: bytes = at(841, Bytes(16))
    init_tee_tcb_svn: bytes = at(857, Bytes(16))
    init_fmspc: bytes = at(873, Bytes(12))


BODIES: Mapping[int, type[TDReport10 | TDReport15 | TDReport15Extended]] = MappingProxyType(
    {TD_1_0: TDReport10, TD_1_5: TDReport15, TD_1_5_EXTENDED: TDReport15Extended}
)


class ReportMACStruct(Layout, size=256):
    """REPORTMACSTRUCT: what the processor authenticates, for this machine only."""

    reporttype: bytes = at(0, Bytes(4))
    cpusvn: bytes = at(16, Bytes(16))
    tee_tcb_info_hash: bytes = at(32, Bytes(48))
    tee_info_hash: bytes = at(80, Bytes(48))
    reportdata: bytes = at(128, Bytes(64))
    mac: bytes = at(224, Bytes(32))


class TEETCBInfo(Layout, size=239):
    """TEE_TCB_INFO: the TDX module."""

    valid: bytes = at(0, Bytes(8))
    tee_tcb_svn: bytes = at(8, Bytes(16))
    mrseam: bytes = at(24, Bytes(48))
    mrsignerseam: bytes = at(72, Bytes(48))
    attributes: bytes = at(120, Bytes(8))
    tee_tcb_svn2: bytes = at(128, Bytes(16))


class TDInfo(Layout, size=512):
    """TDINFO_STRUCT: the TD."""

    attributes: int = at(0, Int64ul)
    xfam: int = at(8, Int64ul)
    mrtd: bytes = at(16, Bytes(48))
    mrconfigid: bytes = at(64, Bytes(48))
    mrowner: bytes = at(112, Bytes(48))
    mrownerconfig: bytes = at(160, Bytes(48))
    rtmr: list[bytes] = at(208, Array(4, Bytes(48)))
    servtd_hash: bytes = at(400, Bytes(48))


class TDReport(Layout, size=1024):
    """TDREPORT_STRUCT: what TDG.MR.REPORT gives; not evidence outside this machine."""

    reportmacstruct: ReportMACStruct = at(0, ReportMACStruct.struct)
    tee_tcb_info: TEETCBInfo = at(256, TEETCBInfo.struct)
    tdinfo: TDInfo = at(512, TDInfo.struct)
