"""Layouts of SEV-SNP: the attestation report, the TCB version, the certificate table.

Names are those of AMD's tables in lower case. Numbers are little-endian.

    report    0x4A0 bytes; 0x000..0x29F are signed, the signature is at 0x2A0
    versions  2 as first shipped; 3 adds the CPUID fields; 4 is laid out like 3; 5 adds the
              mitigation vectors. The version follows the firmware, not the product.

Source: AMD 56860, "SEV Secure Nested Paging Firmware ABI Specification", revision 1.58,
tables 3 (TCB_VERSION), 9 (POLICY), 23 (ATTESTATION_REPORT), 24 (PLATFORM_INFO), 119-121
(signature); AMD 56421, "GHCB Specification", 2.06, section 4.1.8.1 (certificate table).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag, StrEnum
from types import MappingProxyType
from uuid import UUID

from construct import Bytes, Int8ul, Int32ul, Int64ul

from enclave.binary_layout import Layout, at
from enclave.errors import InvalidEvidence

REPORT_SIZE = 0x4A0
SIGNED_SIZE = 0x2A0  # the signature covers what is before this offset
REPORT_VERSIONS = range(2, 6)
ECDSA_P384_SHA384 = 1  # SIGNATURE_ALGO
HOST_REQUESTED_VMPL = 0xFFFFFFFF  # the host requested the report, not the guest
RESERVED_POLICY_SHIFT = (
    26  # POLICY bits 63:26 must be zero: a later firmware may weaken guests by one
)
NO_MIGRATION_AGENT = b"\xff" * 32  # REPORT_ID_MA


class GuestPolicy(IntFlag):
    """Bits of POLICY above the two ABI version bytes."""

    SMT = 1 << 16
    RESERVED_ONE = 1 << 17
    MIGRATE_MA = 1 << 18
    DEBUG = 1 << 19
    SINGLE_SOCKET = 1 << 20
    CXL_ALLOW = 1 << 21
    MEM_AES_256_XTS = 1 << 22
    RAPL_DIS = 1 << 23
    CIPHERTEXT_HIDING_DRAM = 1 << 24
    PAGE_SWAP_DISABLE = 1 << 25


class PlatformInfo(IntFlag):
    """Bits of PLATFORM_INFO. Firmware may set more; unknown ones are kept and ignored."""

    SMT_EN = 1 << 0
    TSME_EN = 1 << 1
    ECC_EN = 1 << 2
    RAPL_DIS = 1 << 3
    CIPHERTEXT_HIDING_DRAM_EN = 1 << 4
    ALIAS_CHECK_COMPLETE = 1 << 5
    TIO_EN = 1 << 7


class SigningKey(IntEnum):
    """KEY_INFO bits 4:2: which key signed the report."""

    VCEK = 0
    VLEK = 1
    NONE = 7


class ReportSignature(Layout, size=512):
    """R and S as unsigned little-endian numbers of 72 bytes, of which P-384 uses 48."""

    r: bytes = at(0x000, Bytes(48))
    s: bytes = at(0x048, Bytes(48))


class AttestationReport(Layout, size=REPORT_SIZE):
    """ATTESTATION_REPORT, versions 2 to 5; read it with `parse_report`."""

    version: int = at(0x000, Int32ul)
    guest_svn: int = at(0x004, Int32ul)
    policy: int = at(0x008, Int64ul)
    family_id: bytes = at(0x010, Bytes(16))
    image_id: bytes = at(0x020, Bytes(16))
    vmpl: int = at(0x030, Int32ul)
    signature_algo: int = at(0x034, Int32ul)
    current_tcb: bytes = at(0x038, Bytes(8))
    platform_info: int = at(0x040, Int64ul)
    key_info: int = at(0x048, Int32ul)
    report_data: bytes = at(0x050, Bytes(64))
    measurement: bytes = at(0x090, Bytes(48))
    host_data: bytes = at(0x0C0, Bytes(32))
    id_key_digest: bytes = at(0x0E0, Bytes(48))
    author_key_digest: bytes = at(0x110, Bytes(48))
    report_id: bytes = at(0x140, Bytes(32))
    report_id_ma: bytes = at(0x160, Bytes(32))
    reported_tcb: bytes = at(0x180, Bytes(8))
    cpuid_fam_id: int = at(0x188, Int8ul)
    cpuid_mod_id: int = at(0x189, Int8ul)
    cpuid_step: int = at(0x18A, Int8ul)
    chip_id: bytes = at(0x1A0, Bytes(64))
    committed_tcb: bytes = at(0x1E0, Bytes(8))
    current_build: int = at(0x1E8, Int8ul)
    current_minor: int = at(0x1E9, Int8ul)
    current_major: int = at(0x1EA, Int8ul)
    committed_build: int = at(0x1EC, Int8ul)
    committed_minor: int = at(0x1ED, Int8ul)
    committed_major: int = at(0x1EE, Int8ul)
    launch_tcb: bytes = at(0x1F0, Bytes(8))
    launch_mit_vector: int = at(0x1F8, Int64ul)
    current_mit_vector: int = at(0x200, Int64ul)
    signature: ReportSignature = at(0x2A0, ReportSignature.struct)

    @property
    def author_key_en(self) -> bool:
        """KEY_INFO bit 0: AUTHOR_KEY_DIGEST holds a digest."""
        return bool(self.key_info & 1)

    @property
    def mask_chip_key(self) -> bool:
        """KEY_INFO bit 1: the firmware hides the chip's identity."""
        return bool(self.key_info & 2)

    @property
    def signing_key(self) -> int:
        """KEY_INFO bits 4:2, one of `SigningKey` where AMD defines one."""
        return self.key_info >> 2 & 7


# Fields that came with a later version: in reports before it their bytes are reserved, so zero.
SINCE: Mapping[str, int] = MappingProxyType(
    {
        "cpuid_fam_id": 3,
        "cpuid_mod_id": 3,
        "cpuid_step": 3,
        "launch_mit_vector": 5,
        "current_mit_vector": 5,
    }
)


def parse_report(data: bytes) -> AttestationReport:
    """The attestation report in `data`, unverified.

    Args:
        data: 1184 bytes.

    Raises:
        InvalidEvidence: another length, an unknown version, reserved bytes that are not zero.
    """
    report = AttestationReport.parse(data)
    if report.version not in REPORT_VERSIONS:
        raise InvalidEvidence("AttestationReport", f"version {report.version} is not known")
    for name, since in SINCE.items():
        if report.version < since and getattr(report, name) != 0:
            raise InvalidEvidence("AttestationReport", f"{name} is set before version {since}")
    if report.key_info >> 5:
        raise InvalidEvidence("AttestationReport", "reserved bits of key_info are set")
    if report.policy >> RESERVED_POLICY_SHIFT:
        raise InvalidEvidence("AttestationReport", "reserved bits of policy are set")
    return report


class Product(StrEnum):
    """A product line with its own root key; named as AMD's key server names it."""

    MILAN = "Milan"
    GENOA = "Genoa"  # with Bergamo and Siena
    TURIN = "Turin"


class MilanTCB(Layout, size=8):
    """TCB_VERSION of Milan and Genoa."""

    boot_loader: int = at(0, Int8ul)
    tee: int = at(1, Int8ul)
    snp: int = at(6, Int8ul)
    microcode: int = at(7, Int8ul)


class TurinTCB(Layout, size=8):
    """TCB_VERSION of Turin."""

    fmc: int = at(0, Int8ul)
    boot_loader: int = at(1, Int8ul)
    tee: int = at(2, Int8ul)
    snp: int = at(3, Int8ul)
    microcode: int = at(7, Int8ul)


TCB_LAYOUTS: Mapping[Product, type[MilanTCB | TurinTCB]] = MappingProxyType(
    {Product.MILAN: MilanTCB, Product.GENOA: MilanTCB, Product.TURIN: TurinTCB}
)

# CPUID family, and the models of it, that belong to a product line.
_MODELS: tuple[tuple[int, range, Product], ...] = (
    (0x19, range(0x10), Product.MILAN),
    (0x19, range(0x10, 0x20), Product.GENOA),
    (0x19, range(0xA0, 0xB0), Product.GENOA),
    (0x1A, range(0x12), Product.TURIN),
)


def product_of(report: AttestationReport) -> Product | None:
    """The product that the report's CPUID fields name; None for a version 2 report.

    Raises:
        InvalidEvidence: the processor belongs to no product line known here.
    """
    if report.version < SINCE["cpuid_fam_id"]:
        return None
    for family, models, product in _MODELS:
        if report.cpuid_fam_id == family and report.cpuid_mod_id in models:
            return product
    where = f"family {report.cpuid_fam_id:#x}, model {report.cpuid_mod_id:#x}"
    raise InvalidEvidence("AttestationReport", f"no product line known for CPUID {where}")


class CertificateTableEntry(Layout, size=24):
    """One entry of the certificate table that the host puts beside a report."""

    guid: bytes = at(0, Bytes(16))
    offset: int = at(16, Int32ul)
    length: int = at(20, Int32ul)


VCEK_GUID = UUID("63da758d-e664-4564-adc5-f4b93be8accd")
VLEK_GUID = UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1")
ASK_GUID = UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782")
ARK_GUID = UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae")
CRL_GUID = UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea")
_GUIDS = (VCEK_GUID, VLEK_GUID, ASK_GUID, ARK_GUID, CRL_GUID)

MAX_TABLE_ENTRIES = 16  # five kinds are known; hosts add a few of their own
MAX_TABLE_SIZE = 1 << 17  # Linux gives at most 32 pages to the table (SEV_FW_BLOB_MAX_SIZE)


def parse_certificate_table(data: bytes) -> dict[UUID, bytes]:
    """The certificates of a table, by GUID; entries of unknown kind are left out.

    The host writes the table and nothing in it is trusted. Hosts differ in the byte order of
    GUIDs; both are read.

    Args:
        data: the table, at most 131072 bytes; empty for no certificates.

    Raises:
        InvalidEvidence: an entry points outside, the table does not end, a kind comes twice.
    """
    what = "certificate table"
    if len(data) > MAX_TABLE_SIZE:
        raise InvalidEvidence(what, f"{len(data)} bytes, more than {MAX_TABLE_SIZE}")
    found: dict[UUID, bytes] = {}
    if not data:
        return found
    for index in range(MAX_TABLE_ENTRIES):
        start = index * CertificateTableEntry.size
        entry = CertificateTableEntry.parse(data[start : start + CertificateTableEntry.size])
        if entry == CertificateTableEntry(guid=bytes(16), offset=0, length=0):
            return found
        if entry.offset + entry.length > len(data):
            raise InvalidEvidence(what, f"entry {index} points outside")
        for guid in _GUIDS:
            if entry.guid in (guid.bytes, guid.bytes_le):
                if guid in found:
                    raise InvalidEvidence(what, f"{guid} comes twice")
                found[guid] = data[entry.offset : entry.offset + entry.length]
    raise InvalidEvidence(what, f"no end within {MAX_TABLE_ENTRIES} entries")


def build_certificate_table(certificates: Mapping[UUID, bytes]) -> bytes:
    """The table that a host would write for `certificates` (GUIDs in big-endian order)."""
    offset = (len(certificates) + 1) * CertificateTableEntry.size
    entries, blobs = b"", b""
    for guid, certificate in certificates.items():
        entry = CertificateTableEntry(
            guid=guid.bytes, offset=offset + len(blobs), length=len(certificate)
        )
        entries += entry.build()
        blobs += certificate
    return entries + bytes(CertificateTableEntry.size) + blobs
