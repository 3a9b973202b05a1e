"""Layouts of SGX: the report body of an enclave, and the quote version 3.

    header 48 | report body 384 | u32 length | signature data

Names are Intel's in lower case. Numbers are little-endian, except inside ECDSA signatures and
keys, which are big-endian r || s and x || y.

Source: Intel, "Intel SGX ECDSA QuoteLibReference DCAP API", appendix A.3 (quote version 3) and
A.4 (quote format).
"""

from __future__ import annotations

from enum import IntFlag

from construct import Bytes, Int16ul, Int32ul

from enclave.binary_layout import Layout, at

INTEL_QE_VENDOR_ID = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
ECDSA_P256 = 2  # attestation key type
SGX_TEE_TYPE = 0x00000000
TDX_TEE_TYPE = 0x00000081


class SGXAttributes(IntFlag):
    """Bits of ATTRIBUTES.FLAGS; all others are reserved (Intel SDM volume 3D, section 34.7.1)."""

    INIT = 1 << 0
    DEBUG = 1 << 1
    MODE64BIT = 1 << 2
    PROVISIONKEY = 1 << 4
    EINITTOKEN_KEY = 1 << 5
    CET = 1 << 6
    KSS = 1 << 7
    AEXNOTIFY = 1 << 10


class MiscSelect(IntFlag):
    """Bits of MISCSELECT; all others are reserved (Intel SDM volume 3D, section 34.7.2)."""

    EXINFO = 1 << 0
    CPINFO = 1 << 1


class QuoteHeader(Layout, size=48):
    """The header of quotes of all versions; QE_SVN and PCE_SVN are reserved from 4 on."""

    version: int = at(0, Int16ul)
    attestation_key_type: int = at(2, Int16ul)
    tee_type: int = at(4, Int32ul)
    qe_svn: int = at(8, Int16ul)
    pce_svn: int = at(10, Int16ul)
    qe_vendor_id: bytes = at(12, Bytes(16))
    user_data: bytes = at(28, Bytes(20))


class EnclaveReport(Layout, size=384):
    """The report body of an enclave: of the application's, or of the quoting enclave's."""

    cpusvn: bytes = at(0, Bytes(16))
    miscselect: bytes = at(16, Bytes(4))
    isvextprodid: bytes = at(32, Bytes(16))
    attributes: bytes = at(48, Bytes(16))
    mrenclave: bytes = at(64, Bytes(32))
    mrsigner: bytes = at(128, Bytes(32))
    configid: bytes = at(192, Bytes(64))
    isvprodid: int = at(256, Int16ul)
    isvsvn: int = at(258, Int16ul)
    configsvn: int = at(260, Int16ul)
    isvfamilyid: bytes = at(304, Bytes(16))
    report_data: bytes = at(320, Bytes(64))

    @property
    def flags(self) -> int:
        """ATTRIBUTES.FLAGS: the first 64 bits."""
        return int.from_bytes(self.attributes[:8], "little")

    @property
    def xfrm(self) -> int:
        """ATTRIBUTES.XFRM: which processor state the enclave has; the last 64 bits."""
        return int.from_bytes(self.attributes[8:], "little")

    @property
    def debug(self) -> bool:
        """ATTRIBUTES.DEBUG: the host may read and write the enclave's memory."""
        return bool(self.flags & SGXAttributes.DEBUG)
