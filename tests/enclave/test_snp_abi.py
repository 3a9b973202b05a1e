from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave.errors import InvalidEvidence
from enclave.snp.abi import (
    ARK_GUID,
    MAX_TABLE_SIZE,
    REPORT_SIZE,
    VCEK_GUID,
    CertificateTableEntry,
    MilanTCB,
    Product,
    TurinTCB,
    build_certificate_table,
    parse_certificate_table,
    parse_report,
    product_of,
)
from tests.enclave.forging import REPORT_DATA, SNP


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_all_versions_are_read(version):
    report = parse_report(SNP(report_changes={"version": version}).report)
    assert report.version == version
    assert report.report_data == REPORT_DATA
    assert (product_of(report) is Product.GENOA) == (version > 2)


@pytest.mark.parametrize("version", [0, 1, 6, 2**32 - 1])
def test_other_versions_are_refused(version):
    with pytest.raises(InvalidEvidence, match=f"version {version} is not known"):
        parse_report(SNP(report_changes={"version": version}).report)


@pytest.mark.parametrize(
    "version, offset", [(2, 0x188), (2, 0x18A), (4, 0x1F8), (4, 0x207), (3, 0x200)]
)
def test_fields_of_later_versions_are_reserved_before(version, offset):
    data = bytearray(SNP(report_changes={"version": version}).report)
    data[offset] = 1
    with pytest.raises(InvalidEvidence, match="is set before version"):
        parse_report(bytes(data))


@pytest.mark.parametrize("offset", [0x04C, 0x18B, 0x1EB, 0x1EF, 0x208, 0x29F, 0x2D0, 0x330])
def test_reserved_bytes_are_zero(offset):
    data = bytearray(SNP().report)
    data[offset] = 1
    with pytest.raises(InvalidEvidence):
        parse_report(bytes(data))


def test_reserved_bits_of_key_info_are_zero():
    with pytest.raises(InvalidEvidence, match="key_info"):
        parse_report(SNP(report_changes={"key_info": 1 << 5}).report)


@pytest.mark.parametrize("bit", [26, 40, 63])
def test_reserved_bits_of_policy_are_zero(bit):
    """AMD 56860 table 9: bits 63:26 must be zero."""
    with pytest.raises(InvalidEvidence, match="reserved bits of policy"):
        parse_report(SNP(report_changes={"policy": 0x30000 | 1 << bit}).report)
    assert parse_report(SNP(report_changes={"policy": 0x30000 | 1 << 25}).report)


def test_key_info_is_three_things():
    report = parse_report(SNP(report_changes={"key_info": 0b00111}).report)
    assert (report.author_key_en, report.mask_chip_key, report.signing_key) == (True, True, 1)


def test_an_unknown_processor_is_refused():
    changes = {"cpuid_fam_id": 0x1A, "cpuid_mod_id": 0x50}
    with pytest.raises(InvalidEvidence, match="family 0x1a, model 0x50"):
        product_of(parse_report(SNP(report_changes={"version": 3} | changes).report))


def test_tcb_layouts_differ():
    assert MilanTCB(boot_loader=1, tee=2, snp=3, microcode=4).build().hex() == "0102000000000304"
    turin = TurinTCB(fmc=1, boot_loader=2, tee=3, snp=4, microcode=5)
    assert turin.build().hex() == "0102030400000005"


@given(st.binary(max_size=REPORT_SIZE + 1))
def test_garbage_is_no_report(data):
    with pytest.raises(InvalidEvidence):
        parse_report(data)


def test_certificate_table_round_trip():
    certificates = {VCEK_GUID: b"leaf", ARK_GUID: b""}
    assert parse_certificate_table(build_certificate_table(certificates)) == certificates
    assert parse_certificate_table(b"") == {}


def test_both_byte_orders_of_guids_are_read():
    big = build_certificate_table({VCEK_GUID: b"leaf"})
    little = big.replace(VCEK_GUID.bytes, VCEK_GUID.bytes_le)
    assert parse_certificate_table(little) == {VCEK_GUID: b"leaf"}


def test_unknown_certificates_are_left_out():
    table = build_certificate_table({UUID(int=5): b"?", VCEK_GUID: b"leaf"})
    assert parse_certificate_table(table) == {VCEK_GUID: b"leaf"}


def entry(guid=VCEK_GUID.bytes, offset=0, length=0):
    return CertificateTableEntry(guid=guid, offset=offset, length=length).build()


@pytest.mark.parametrize(
    "table, why",
    [
        (entry(offset=40, length=9) + bytes(24), "points outside"),
        (entry(offset=2**32 - 1, length=2**32 - 1) + bytes(24), "points outside"),
        (entry(offset=0, length=1), "0 bytes, not 24"),
        (entry() + entry() + bytes(24), "comes twice"),
        (entry(guid=bytes(15) + b"x") * 17 + bytes(24), "no end"),
        (bytes(MAX_TABLE_SIZE + 1), "more than"),
    ],
)
def test_a_host_cannot_lead_astray(table, why):
    with pytest.raises(InvalidEvidence, match=why):
        parse_certificate_table(table)


@given(st.binary(max_size=200))
def test_any_table_is_read_or_refused(data):
    with suppress(InvalidEvidence):
        parse_certificate_table(data)
