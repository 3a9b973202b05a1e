"""configfs-tsm through real system calls, against a simulated kernel."""

import errno

import pytest

from enclave import configfs
from enclave.configfs import ATTEMPTS, ConfigfsFailed, ConfigfsUnavailable
from enclave.snp import abi as snp
from enclave.tdx.quote import parse_tdx_quote
from tests.enclave.guest_machine import booted, machine, needs_fuse

__all__ = ["booted", "machine"]  # fixtures

REPORT_DATA = bytes(range(64))


@needs_fuse
def test_a_report_and_the_certificates_beside_it(machine):
    answer = configfs.ask(
        REPORT_DATA, provider="sev_guest", privlevel=0, directory=machine.directory
    )
    assert answer.provider == "sev_guest"
    assert snp.parse_report(answer.outblob).report_data == REPORT_DATA
    assert snp.VCEK_GUID in snp.parse_certificate_table(answer.auxblob)


@needs_fuse
def test_the_entry_is_removed_afterwards_and_after_a_failure(machine):
    configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert machine.state()["entries"] == 0
    machine.set(outblob="empty")
    with pytest.raises(ConfigfsFailed):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert machine.state()["entries"] == 0


@needs_fuse
def test_a_padded_quote_of_a_machine_without_privilege_levels(machine):
    machine.set(provider="tdx_guest", outblob="padded", auxblob=False)
    answer = configfs.ask(REPORT_DATA, provider="tdx_guest", directory=machine.directory)
    assert len(answer.outblob) == 8192
    assert parse_tdx_quote(answer.outblob).td.reportdata == REPORT_DATA
    assert answer.auxblob == b""


@needs_fuse
def test_the_privilege_level_is_raised_to_the_floor(machine):
    machine.set(floor=2)
    answer = configfs.ask(
        REPORT_DATA, provider="sev_guest", privlevel=1, directory=machine.directory
    )
    assert snp.parse_report(answer.outblob).vmpl == 2


@needs_fuse
def test_another_vendors_provider_is_not_asked(machine):
    with pytest.raises(ConfigfsUnavailable, match="sev_guest"):
        configfs.ask(REPORT_DATA, provider="tdx_guest", directory=machine.directory)
    assert machine.state()["requests"] == 0


@needs_fuse
@pytest.mark.parametrize("fault", ["races", "late_races", "busy"])
def test_a_disturbed_entry_is_asked_anew_and_given_up_at_last(machine, fault):
    """Another writer shows in the generation, or as EBUSY."""
    machine.set(**{fault: 1})
    answer = configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert snp.parse_report(answer.outblob).report_data == REPORT_DATA
    machine.set(**{fault: 10 * ATTEMPTS})
    with pytest.raises(ConfigfsFailed, match="disturbed"):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert machine.state()["entries"] == 0


@needs_fuse
@pytest.mark.parametrize("outblob, why", [("empty", "an empty answer"), ("long", "too long")])
def test_an_answer_of_no_sensible_length_is_refused(machine, outblob, why):
    machine.set(outblob=outblob)
    with pytest.raises(ConfigfsFailed, match=why):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)


@needs_fuse
@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL, errno.ENXIO, errno.ETIMEDOUT])
def test_the_kernels_number_is_kept(machine, number):
    machine.set(outblob_errno=number)
    with pytest.raises(ConfigfsFailed) as failed:
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert failed.value.errno == number


@needs_fuse
def test_the_provider_is_found(machine):
    machine.set(provider="tdx_guest")
    assert configfs.find_provider(machine.directory) == "tdx_guest"


@needs_fuse
@pytest.mark.parametrize(
    "number, error", [(errno.ENXIO, ConfigfsUnavailable), (errno.ENOMEM, ConfigfsFailed)]
)
def test_no_entry_can_be_made(machine, number, error):
    """ENXIO: configfs-tsm is there, and no vendor's driver behind it."""
    machine.set(mkdir_errno=number)
    with pytest.raises(error):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=machine.directory)
    assert configfs.find_provider(machine.directory) is None


def test_without_configfs(tmp_path):
    directory = tmp_path / "report"
    assert configfs.find_provider(directory) is None
    with pytest.raises(ConfigfsUnavailable):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=directory)


def test_a_directory_that_is_no_configfs(tmp_path):
    """mkdir works, but no files appear: fails, and leaves nothing behind."""
    with pytest.raises(ConfigfsFailed):
        configfs.ask(REPORT_DATA, provider="sev_guest", directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_report_data_of_another_size_never_reaches_the_kernel(tmp_path):
    with pytest.raises(ValueError):
        configfs.ask(bytes(63), provider="sev_guest", directory=tmp_path)
