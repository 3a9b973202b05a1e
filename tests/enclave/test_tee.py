import errno
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
import trio

from enclave.claims import SkProvider
from enclave.detection import find
from enclave.errors import DeviceError, DeviceLost
from enclave.insecure import MEASUREMENT
from enclave.insecure.chip import SoftwareGuest
from enclave.keys import NoDerivedKey
from enclave.snp import SEV_SNP
from enclave.snp.abi import ASK_GUID, VCEK_GUID, build_certificate_table, parse_report
from enclave.snp.collateral import SNPCollateral
from enclave.snp.device import SevGuest, SevGuestBusy
from enclave.snp.guest import SnpTee
from enclave.tdx import TDX
from enclave.tdx.device import TdxGuest
from enclave.tdx.guest import TdxTee
from enclave.tdx.quote import parse_tdx_quote
from enclave.tee import BUSY_ATTEMPTS, MAX_WAITING, Circumstances, Gate
from enclave.verify import verify
from tests.enclave.forging import SNP
from tests.enclave.guest_machine import booted, machine, needs_fuse, software_chip

__all__ = ["booted", "machine"]  # fixtures

REPORT_DATA = bytes(range(64))
NOWHERE = Path("/nonexistent")


class Recorder:
    """A call to a chip that notes when it ran and whether another one ran meanwhile."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.inside, self.together = 0, 0

    def __call__(self) -> None:
        self.inside += 1
        self.together = max(self.together, self.inside)
        self.at.append(trio.from_thread.run_sync(trio.current_time))
        self.inside -= 1


async def test_calls_pass_one_at_a_time_and_then_at_the_rate(autojump_clock):
    gate, recorder = Gate(burst=3, per_second=2), Recorder()
    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(gate.run, recorder)
    assert [at - recorder.at[0] for at in recorder.at] == pytest.approx([0, 0, 0, 0.5, 1, 1.5])
    assert recorder.together == 1


async def test_a_rest_fills_the_burst_again_and_no_more(autojump_clock):
    gate, recorder = Gate(burst=2, per_second=1), Recorder()
    for _ in range(2):
        await gate.run(recorder)
    await trio.sleep(100)
    start = trio.current_time()
    for _ in range(3):
        await gate.run(recorder)
    assert [at - start for at in recorder.at[2:]] == pytest.approx([0, 0, 1])


async def test_a_long_queue_is_refused(autojump_clock):
    gate, recorder, refused = Gate(burst=1, per_second=1), Recorder(), []

    async def ask() -> None:
        try:
            await gate.run(recorder)
        except DeviceError as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(MAX_WAITING + 5):
            nursery.start_soon(ask)
    assert len(recorder.at) == MAX_WAITING + 1  # one was inside
    assert len(refused) == 4


async def test_nothing_passes_once_the_key_is_lost(autojump_clock):
    gate, recorder = Gate(), Recorder()

    def lose() -> None:
        raise DeviceLost("gone")

    with pytest.raises(DeviceLost):
        await gate.run(lose)
    with pytest.raises(DeviceLost, match="gone"):
        await gate.run(recorder)
    assert recorder.at == []


async def test_other_failures_do_not_close_the_gate(autojump_clock):
    gate, recorder = Gate(), Recorder()

    def fail() -> None:
        raise DeviceError("not now")

    with pytest.raises(DeviceError):
        await gate.run(fail)
    await gate.run(recorder)
    assert len(recorder.at) == 1


async def test_a_busy_chip_is_asked_again_a_few_times(autojump_clock):
    gate, calls = Gate(), []

    def busy() -> str:
        calls.append(1)
        if len(calls) < BUSY_ATTEMPTS:
            raise SevGuestBusy("later")
        return "now"

    assert await gate.run(busy) == "now"

    def always() -> None:
        raise SevGuestBusy("later")

    with pytest.raises(DeviceError, match="stays busy"):
        await gate.run(always)


async def test_a_call_is_not_abandoned_when_its_caller_gives_up(autojump_clock):
    gate, recorder, done = Gate(), Recorder(), []

    def slow() -> None:
        trio.from_thread.run_sync(scope.cancel)
        done.append(True)

    with trio.CancelScope() as scope:
        await gate.run(slow)
    assert done == [True]
    await gate.run(recorder)


def snp(machine, **circumstances) -> SnpTee:
    device = SevGuest(machine.sev_guest)
    return SnpTee(device, machine.directory, Circumstances(**circumstances))


@needs_fuse
@pytest.mark.parametrize("way", ["configfs", "device"])
async def test_snp_evidence_verifies_whichever_way_it_came(machine, way):
    directory = machine.directory if way == "configfs" else NOWHERE
    tee = SnpTee(device=SevGuest(machine.sev_guest), directory=directory)
    evidence = await tee.evidence(REPORT_DATA)
    chip = software_chip()
    verified = verify(evidence, SNPCollateral(), chip.roots, chip.made)
    assert verified.report_data == REPORT_DATA
    assert verified.measurement == MEASUREMENT == await tee.measurement()
    assert (tee.kind, tee.sk, tee.simulated) == (SEV_SNP, SkProvider.SNP_DERIVED_KEY, False)


@needs_fuse
async def test_supplied_certificates_serve_where_the_host_has_none(machine):
    machine.set(auxblob=False)
    chip = software_chip()
    evidence = await snp(machine, endorsements=(chip.vcek(),)).evidence(REPORT_DATA)
    assert verify(evidence, SNPCollateral(), chip.roots, chip.made).report_data == REPORT_DATA


@dataclass(frozen=True, slots=True)
class Host(SevGuest):
    """The device of a software guest: its report, and whatever table the host likes to give."""

    table: bytes = b""
    guest: SoftwareGuest = field(default_factory=lambda: SoftwareGuest(software_chip()))

    def extended_report(self, report_data: bytes, *, vmpl: int = 0) -> tuple[bytes, bytes]:
        return self.guest.report(report_data), self.table


def table_of(**certificates: bytes) -> bytes:
    guids = {"vcek": VCEK_GUID, "ask": ASK_GUID}
    return build_certificate_table({guids[name]: der for name, der in certificates.items()})


VCEK = software_chip().vcek()
OTHER_TCB = SNP().leaf  # of another chip as well

USELESS_TABLES = {
    "none": b"",
    "zeros": bytes(4096),
    "an issuer only": table_of(ask=b"ask"),
    "a VCEK of no bytes": table_of(vcek=b""),
    "a VCEK that is none": table_of(vcek=b"vcek"),
    "another chip's VCEK": table_of(vcek=OTHER_TCB),
    "without an end": b"\x01" * 4096,
}


@pytest.mark.parametrize("table", USELESS_TABLES.values(), ids=USELESS_TABLES)
async def test_supplied_certificates_serve_where_the_hosts_are_of_no_use(table: bytes):
    """AMD 57230 section 2: each chip has a VCEK for each TCB; no other verifies its reports."""
    chip = software_chip()
    known = Circumstances(endorsements=(VCEK,))
    evidence = await SnpTee(Host(table=table), NOWHERE, known).evidence(REPORT_DATA)
    assert evidence.certificates == (VCEK,)
    assert verify(evidence, SNPCollateral(), chip.roots, chip.made).report_data == REPORT_DATA


async def test_the_hosts_certificates_serve_where_they_are_of_use():
    known = Circumstances(endorsements=(OTHER_TCB,))
    evidence = await SnpTee(Host(table=table_of(vcek=VCEK)), NOWHERE, known).evidence(REPORT_DATA)
    assert evidence.certificates == (VCEK,)


async def test_a_report_of_another_privilege_level_is_refused():
    """Keys are asked for at the level that the operator named; evidence must be of the same."""
    guest = SoftwareGuest(software_chip(), vmpl=2)
    level = SnpTee(Host(guest=guest), NOWHERE, Circumstances(vmpl=2))
    assert (await level.evidence(REPORT_DATA)).report
    other = SnpTee(Host(guest=guest), NOWHERE)
    for request in (other.evidence(REPORT_DATA), other.derived_key(), other.measurement()):
        with pytest.raises(DeviceError, match="of VMPL 2, and `vmpl` says 0"):
            await request


@needs_fuse
async def test_snp_evidence_that_answers_another_question(machine):
    machine.set(outblob="other")
    with pytest.raises(DeviceError, match="other report data"):
        await snp(machine).evidence(REPORT_DATA)


@needs_fuse
@pytest.mark.parametrize("number", [errno.EIO, errno.ETIMEDOUT, errno.ENOTTY])
async def test_numbers_that_mean_a_lost_key_close_the_gate(machine, number):
    machine.set(outblob_errno=number)
    tee = snp(machine)
    with pytest.raises(DeviceLost):
        await tee.evidence(REPORT_DATA)
    machine.set(outblob_errno=0)
    with pytest.raises(DeviceLost):
        await tee.evidence(REPORT_DATA)


@needs_fuse
async def test_a_tdx_host_that_fails_may_be_asked_again(machine):
    machine.set(provider="tdx_guest", outblob_errno=errno.EIO)
    tee = TdxTee(device=TdxGuest(machine.tdx_guest), directory=machine.directory)
    with pytest.raises(DeviceError):
        await tee.evidence(REPORT_DATA)
    machine.set(outblob_errno=0)
    evidence = await tee.evidence(REPORT_DATA)
    assert parse_tdx_quote(evidence.report).td.reportdata == REPORT_DATA


@needs_fuse
async def test_the_derived_key_depends_on_policy_measurement_and_tcb(machine):
    """The fields are checked against the firmware's own mixing, not against our constant."""
    sk = await snp(machine).derived_key()
    chip, tcb = software_chip(), software_chip().tcb.build()
    assert sk.provider is SkProvider.SNP_DERIVED_KEY
    assert sk.tcb_version == sk.current_tcb_version == tcb
    assert sk.chip_sha256 == sha256(chip.chip_id).digest()
    assert sk.measurement == MEASUREMENT
    older = await snp(machine).derived_key(bytes(8))
    assert older.tcb_version == bytes(8)
    assert older.key != sk.key
    assert sk.key.hex() not in repr(sk)


@needs_fuse
async def test_where_the_measurement_covers_firmware_only_there_is_no_key(machine):
    tee = snp(machine, firmware_only=True)
    assert tee.sk is SkProvider.NONE
    with pytest.raises(NoDerivedKey):
        await tee.derived_key()
    assert machine.state()["requests"] == 0


@needs_fuse
async def test_a_key_of_zeros_is_no_key(machine):
    machine.set(zero_key=True)
    with pytest.raises(DeviceError, match="all zero"):
        await snp(machine).derived_key()


@needs_fuse
async def test_a_td_has_evidence_a_measurement_and_no_key(machine):
    machine.set(provider="tdx_guest", outblob="padded")
    tee = TdxTee(device=TdxGuest(machine.tdx_guest), directory=machine.directory)
    evidence = await tee.evidence(REPORT_DATA)
    chip = software_chip()
    verified = verify(evidence, chip.intel.collateral(chip.made), chip.roots, chip.made)
    assert verified.report_data == REPORT_DATA
    assert await tee.measurement() == MEASUREMENT
    assert (tee.kind, tee.sk) == (TDX, SkProvider.NONE)
    with pytest.raises(NoDerivedKey):
        await tee.derived_key()
    machine.set(outblob="other")
    with pytest.raises(DeviceError, match="other report data"):
        await tee.evidence(REPORT_DATA)


@needs_fuse
@pytest.mark.parametrize("provider, kind", [("sev_guest", SEV_SNP), ("tdx_guest", TDX)])
def test_the_chip_of_a_machine_is_found(machine, provider, kind):
    machine.set(provider=provider)
    known = Circumstances(firmware_only=True)
    tee = find(machine.directory, machine.devices / "devices", known)
    assert tee.kind is kind
    assert tee.sk is SkProvider.NONE
    assert not tee.simulated


def test_a_machine_without_a_chip_has_none(tmp_path):
    with pytest.raises(DeviceError, match="no guest interface"):
        find(tmp_path / "report", devices=tmp_path)


def test_a_device_alone_is_enough(tmp_path):
    (tmp_path / "sev-guest").touch()
    assert find(tmp_path / "report", devices=tmp_path).kind == SEV_SNP


@needs_fuse
async def test_reports_state_the_level_of_the_guest(machine):
    evidence = await snp(machine, vmpl=2).evidence(REPORT_DATA)
    assert parse_report(evidence.report).vmpl == 2
