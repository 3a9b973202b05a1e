"""/dev/sev-guest through real ioctls, against a simulated kernel and firmware."""

import errno

import pytest

from enclave.errors import DeviceLost
from enclave.snp import abi
from enclave.snp.device import (
    FIRST_TABLE_BYTES,
    MAX_TABLE_BYTES,
    GuestField,
    SevGuest,
    SevGuestBusy,
    SevGuestFailed,
    SevGuestUnavailable,
)
from tests.enclave.guest_machine import booted, machine, needs_fuse, software_chip

__all__ = ["booted", "machine"]  # fixtures

REPORT_DATA = bytes(range(64))
FIELDS = GuestField.POLICY | GuestField.MEASUREMENT | GuestField.TCB_VERSION


@pytest.fixture
def device(machine):
    return SevGuest(machine.sev_guest)


@needs_fuse
def test_a_report_at_the_level_asked_for(device):
    report = abi.parse_report(device.report(REPORT_DATA, vmpl=1))
    assert (report.report_data, report.vmpl) == (REPORT_DATA, 1)


@needs_fuse
def test_a_report_with_the_hosts_certificates(device):
    report, table = device.extended_report(REPORT_DATA)
    assert abi.parse_report(report).report_data == REPORT_DATA
    assert len(table) == FIRST_TABLE_BYTES
    certificates = abi.parse_certificate_table(table)
    assert set(certificates) == {abi.VCEK_GUID, abi.ASK_GUID}
    assert certificates[abi.ASK_GUID] == software_chip().roots.amd[abi.Product.GENOA].ask


@needs_fuse
def test_a_host_without_certificates(machine, device):
    machine.set(auxblob=False)
    _, table = device.extended_report(REPORT_DATA)
    assert table == b""


@needs_fuse
def test_a_table_that_did_not_fit_is_asked_for_again_at_the_size_told(machine, device):
    machine.set(certificates_need=FIRST_TABLE_BYTES + 1)
    report, table = device.extended_report(REPORT_DATA)
    assert abi.parse_report(report).report_data == REPORT_DATA
    assert len(table) == FIRST_TABLE_BYTES + 4096
    assert abi.VCEK_GUID in abi.parse_certificate_table(table)
    assert machine.state()["requests"] == 2


@needs_fuse
def test_a_table_of_an_absurd_size_is_not_asked_for(machine, device):
    machine.set(certificates_need=MAX_TABLE_BYTES + 1)
    with pytest.raises(SevGuestFailed, match="bytes of certificates"):
        device.extended_report(REPORT_DATA)
    assert machine.state()["requests"] == 1


@needs_fuse
def test_a_busy_host_costs_nothing(machine, device):
    machine.set(throttle=1)
    with pytest.raises(SevGuestBusy):
        device.report(REPORT_DATA)
    assert abi.parse_report(device.report(REPORT_DATA)).report_data == REPORT_DATA


@needs_fuse
def test_any_other_error_of_the_host_costs_the_key(machine, device):
    machine.set(vmm_error=3)
    with pytest.raises(DeviceLost, match="hypervisor 0x3"):
        device.report(REPORT_DATA)
    with pytest.raises(DeviceLost, match="ENOTTY"):
        device.report(REPORT_DATA)


@needs_fuse
def test_a_request_that_the_kernel_did_not_send_costs_nothing(machine, device):
    machine.set(kernel_errno=errno.EINVAL)
    with pytest.raises(SevGuestFailed, match="EINVAL"):
        device.report(REPORT_DATA)


@needs_fuse
@pytest.mark.parametrize(
    "fault, why",
    [
        ({"status": 0x16}, "firmware status 0x16"),
        ({"report_size": 1183}, "a report of 1183 bytes"),
        ({"outblob": "other"}, "other report data"),
    ],
)
def test_an_answer_that_is_none(machine, device, fault, why):
    machine.set(**fault)
    for ask in (device.report, device.extended_report):
        with pytest.raises(SevGuestFailed, match=why):
            ask(REPORT_DATA)


@needs_fuse
def test_the_derived_key_is_that_of_chip_and_fields(device):
    tcb = software_chip().tcb.build()
    key = device.derived_key(FIELDS, tcb_version=tcb)
    assert len(key) == 32
    assert key == device.derived_key(FIELDS, tcb_version=tcb)
    others = {
        device.derived_key(FIELDS | GuestField.GUEST_SVN, tcb_version=tcb),
        device.derived_key(GuestField.FAMILY_ID, tcb_version=tcb),
        device.derived_key(FIELDS, tcb_version=bytes(8)),
        device.derived_key(FIELDS, tcb_version=tcb, vmpl=1),
    }
    assert len(others) == 4
    assert key not in others


@needs_fuse
def test_a_key_for_a_tcb_above_the_committed_one_is_refused(device):
    with pytest.raises(SevGuestFailed, match="status 0x16"):
        device.derived_key(FIELDS, tcb_version=b"\xff" * 8)


@needs_fuse
def test_a_key_of_zeros_is_refused(machine, device):
    machine.set(zero_key=True)
    with pytest.raises(SevGuestFailed, match="all zero"):
        device.derived_key(FIELDS, tcb_version=bytes(8))


def test_without_a_device(tmp_path):
    with pytest.raises(SevGuestUnavailable):
        SevGuest(tmp_path / "sev-guest").report(REPORT_DATA)


def test_a_file_that_is_no_device(tmp_path):
    """Its ioctl fails with ENOTTY, which from the real device means a lost key."""
    path = tmp_path / "sev-guest"
    path.touch()
    with pytest.raises(DeviceLost):
        SevGuest(path).report(REPORT_DATA)
