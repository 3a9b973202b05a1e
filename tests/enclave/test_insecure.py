import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from enclave.claims import SkProvider
from enclave.errors import DeviceError, InvalidEvidence, VerificationFailed
from enclave.evidence import TEE, Evidence
from enclave.insecure import MEASUREMENT, SoftwareChip, SoftwareGuest, SoftwareTee, roots_in
from enclave.insecure.chip import FILE_NAME
from enclave.keys import NoDerivedKey
from enclave.roots import vendor_roots
from enclave.snp import SEV_SNP
from enclave.snp.abi import GuestPolicy, MilanTCB, parse_report
from enclave.snp.collateral import SNPCollateral
from enclave.snp.device import GuestField
from enclave.tdx import TDX
from enclave.tdx.abi import TDAttributes
from enclave.tdx.quote import parse_tdx_quote
from enclave.verify import verify
from tests.enclave.guest_machine import other_chip, software_chip

REPORT_DATA = bytes(range(64))
FIELDS = GuestField.POLICY | GuestField.MEASUREMENT | GuestField.TCB_VERSION


def collateral(kind: TEE):
    chip = software_chip()
    if kind == TDX:
        return chip.intel.collateral(chip.made)
    return SNPCollateral((chip.amd.revocation_list(chip.made),))


@pytest.mark.parametrize("kind, size", [(SEV_SNP, 1184), (TDX, None)])
async def test_evidence_verifies_under_the_chips_own_roots_as_simulated(kind, size):
    chip = software_chip()
    evidence = await SoftwareTee(SoftwareGuest(chip), kind=kind).evidence(REPORT_DATA)
    verified = verify(evidence, collateral(kind), chip.roots, chip.made + timedelta(days=1))
    assert verified.simulated
    assert (verified.report_data, verified.measurement) == (REPORT_DATA, MEASUREMENT)
    assert size in (None, len(evidence.report))


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_the_vendors_roots_refuse_it(kind):
    evidence = await SoftwareTee(SoftwareGuest(software_chip()), kind=kind).evidence(REPORT_DATA)
    with pytest.raises(VerificationFailed, match=r"certificate chain|another issuer"):
        verify(evidence, collateral(kind), vendor_roots(), software_chip().made)


@pytest.mark.parametrize("kind", [SEV_SNP, TDX])
async def test_another_software_chips_roots_refuse_it(kind):
    evidence = await SoftwareTee(SoftwareGuest(software_chip()), kind=kind).evidence(REPORT_DATA)
    with pytest.raises(VerificationFailed):
        verify(evidence, collateral(kind), other_chip().roots, software_chip().made)


async def test_the_roots_that_evidence_brings_along_make_it_simulated():
    evidence = await SoftwareTee(SoftwareGuest(software_chip())).evidence(REPORT_DATA)
    verified = verify(evidence, SNPCollateral(), roots_in(evidence), software_chip().made)
    assert verified.simulated
    with pytest.raises(InvalidEvidence):
        roots_in(Evidence(SEV_SNP, evidence.report, evidence.certificates[:2]))


def test_a_revoked_intermediate_is_noticed():
    chip = software_chip()
    listing = chip.amd.revocation_list(chip.made, (chip.amd.ask,))
    evidence = Evidence(SEV_SNP, SoftwareGuest(chip).report(REPORT_DATA), (chip.vcek(),))
    with pytest.raises(VerificationFailed, match="revoked"):
        verify(evidence, SNPCollateral((listing,)), chip.roots, chip.made)


def test_what_the_launch_was_given_stands_in_the_evidence():
    guest = SoftwareGuest(
        software_chip(),
        measurement=bytes(range(48)),
        policy=int(GuestPolicy.RESERVED_ONE | GuestPolicy.DEBUG),
        vmpl=1,
        host_data=b"h" * 32,
        tdattributes=int(TDAttributes.DEBUG),
    )
    report = parse_report(guest.report(REPORT_DATA))
    assert report.measurement == bytes(range(48))
    assert report.policy & GuestPolicy.DEBUG
    assert (report.vmpl, report.host_data) == (1, b"h" * 32)
    td = parse_tdx_quote(guest.quote(REPORT_DATA)).td
    assert td.mrtd == bytes(range(48))
    assert td.tdattributes & TDAttributes.DEBUG
    assert td.mrconfigid == b"h" * 32 + bytes(16)
    with pytest.raises(DeviceError):
        guest.report(REPORT_DATA, vmpl=0)


def test_each_launch_has_its_own_report_id():
    ids = {
        parse_report(SoftwareGuest(software_chip()).report(REPORT_DATA)).report_id for _ in range(2)
    }
    assert len(ids) == 2


def test_the_derived_key_depends_on_what_is_selected_and_on_nothing_else():
    chip = software_chip()
    tcb = chip.tcb.build()
    key = SoftwareGuest(chip).derived_key(FIELDS, tcb_version=tcb)
    assert key == SoftwareGuest(chip, host_data=b"h" * 32).derived_key(FIELDS, tcb_version=tcb)
    debug = SoftwareGuest(chip, policy=int(GuestPolicy.RESERVED_ONE | GuestPolicy.DEBUG))
    other = SoftwareGuest(chip, measurement=bytes(48))
    assert key != debug.derived_key(FIELDS, tcb_version=tcb)
    assert key != other.derived_key(FIELDS, tcb_version=tcb)
    # With the family id alone, as a peer has it, any guest of the chip gets the same key.
    family = GuestField.FAMILY_ID
    assert debug.derived_key(family, tcb_version=tcb) == other.derived_key(family, tcb_version=tcb)


@pytest.mark.parametrize(
    "parameters", [{"tcb_version": b"\xff" * 8}, {"tcb_version": bytes(8), "guest_svn": 1}]
)
def test_parameters_out_of_range_are_refused(parameters):
    with pytest.raises(DeviceError):
        SoftwareGuest(software_chip()).derived_key(FIELDS, **parameters)
    with pytest.raises(DeviceError):
        SoftwareGuest(software_chip(), vmpl=1).derived_key(FIELDS, tcb_version=bytes(8))


def test_a_firmware_update_changes_the_signing_key_and_its_certificate():
    chip = software_chip()
    newer = chip.updated(MilanTCB(boot_loader=10, tee=0, snp=23, microcode=72))
    evidence = Evidence(SEV_SNP, SoftwareGuest(newer).report(REPORT_DATA), (newer.vcek(),))
    assert verify(evidence, SNPCollateral(), chip.roots, chip.made).report_data == REPORT_DATA
    stale = Evidence(SEV_SNP, SoftwareGuest(newer).report(REPORT_DATA), (chip.vcek(),))
    with pytest.raises(VerificationFailed):
        verify(stale, SNPCollateral(), chip.roots, chip.made)


async def test_what_it_says_of_itself():
    guest = SoftwareGuest(software_chip())
    snp, tdx = SoftwareTee(guest), SoftwareTee(guest, kind=TDX)
    assert snp.simulated
    assert tdx.simulated
    assert snp.sk is SkProvider.INSECURE_SOFTWARE_CHIP
    assert (await snp.derived_key()).provider is SkProvider.INSECURE_SOFTWARE_CHIP
    assert tdx.sk is SkProvider.NONE
    assert await tdx.measurement() == MEASUREMENT
    with pytest.raises(NoDerivedKey):
        await tdx.derived_key()
    assert b"SIMULATED" in software_chip().amd.roots.amd["Genoa"].ark
    assert software_chip().secret.hex() not in repr(guest)


def test_a_chip_is_kept_in_a_file_for_its_owner_and_found_again(tmp_path):
    now = datetime(2030, 1, 1, tzinfo=UTC)
    made = SoftwareChip.open(tmp_path, now)
    path = tmp_path / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "SIMULATED" in path.read_text()
    again = SoftwareChip.open(tmp_path, now + timedelta(days=9))
    assert again.chip_id == made.chip_id
    assert again.roots == made.roots
    assert again.made == now
    key = SoftwareGuest(made).derived_key(FIELDS, tcb_version=bytes(8))
    assert SoftwareGuest(again).derived_key(FIELDS, tcb_version=bytes(8)) == key


@pytest.mark.parametrize("change", [None, {"secret": "xyz"}, {"keys": {}}, {"keys": {"amd": ""}}])
def test_a_spoilt_file_is_no_chip(tmp_path, change):
    path = tmp_path / FILE_NAME
    document = {"secret": "00", "made": 0, "keys": {}, "certificates": {}}
    path.write_text("{" if change is None else json.dumps(document | change))
    with pytest.raises(DeviceError, match="not a software chip"):
        SoftwareChip.open(tmp_path, datetime.now(UTC))
    assert path.exists()
