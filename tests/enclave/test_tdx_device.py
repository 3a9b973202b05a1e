"""/dev/tdx_guest through real ioctls, against a simulated kernel."""

import errno

import pytest

from enclave.insecure import MEASUREMENT
from enclave.tdx.device import TdxGuest, TdxGuestFailed, TdxGuestUnavailable
from tests.enclave.guest_machine import booted, machine, needs_fuse

__all__ = ["booted", "machine"]  # fixtures

REPORT_DATA = bytes(range(64))


@needs_fuse
def test_the_tds_own_report(machine):
    report = TdxGuest(machine.tdx_guest).report(REPORT_DATA)
    assert report.reportmacstruct.reportdata == REPORT_DATA
    assert report.tdinfo.mrtd == MEASUREMENT


@needs_fuse
@pytest.mark.parametrize(
    "fault, why",
    [({"kernel_errno": errno.EIO}, "EIO"), ({"outblob": "other"}, "other report data")],
)
def test_no_report(machine, fault, why):
    machine.set(**fault)
    with pytest.raises(TdxGuestFailed, match=why):
        TdxGuest(machine.tdx_guest).report(REPORT_DATA)


def test_without_a_device(tmp_path):
    with pytest.raises(TdxGuestUnavailable):
        TdxGuest(tmp_path / "tdx_guest").report(REPORT_DATA)


def test_a_file_that_is_no_device(tmp_path):
    path = tmp_path / "tdx_guest"
    path.touch()
    with pytest.raises(TdxGuestFailed, match="ENOTTY"):
        TdxGuest(path).report(REPORT_DATA)


def test_report_data_of_another_size_never_reaches_the_kernel(tmp_path):
    with pytest.raises(ValueError):
        TdxGuest(tmp_path / "tdx_guest").report(bytes(65))
