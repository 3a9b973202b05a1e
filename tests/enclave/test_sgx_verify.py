from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.errors import EnclaveError, InvalidEvidence, Step, VerificationFailed
from enclave.roots import vendor_roots
from enclave.sgx import SGX
from enclave.sgx.quote import parse_sgx_quote
from enclave.sgx.tcb import TCBStatus, converge, relaunch
from enclave.sgx.verify import verify_sgx
from tests.enclave.forging import DCAP, NOW, REPORT_DATA, flipped, level, svn_level


def sgx(**changes):
    return DCAP(tee=SGX, version=3, **changes)


def verify(forged, roots=None):
    return verify_sgx(forged.evidence, forged.collateral, roots or forged.roots, NOW)


def test_genuine_evidence_is_verified():
    verified = verify(sgx())
    assert (verified.tcb_status, verified.simulated) == (TCBStatus.UP_TO_DATE, True)
    assert verified.measurement == b"\x4e" * 32
    assert verified.report_data == REPORT_DATA


def test_what_is_read_is_written_back():
    data = sgx().quote
    assert parse_sgx_quote(data).build() == data


WRONG = {
    "collateral for TDX": (sgx(tcb_info_changes={"id": "TDX"}), Step.TCB_INFO),
    "identity of the TD QE": (sgx(qe_identity_changes={"id": "TD_QE"}), Step.QE_IDENTITY),
    "no level": (sgx(svns=(1,) * 16), Step.TCB),
    "changed": (sgx(tamper=(48 + 64) * 8), Step.SIGNATURE),
}


@pytest.mark.parametrize("forged, step", WRONG.values(), ids=WRONG)
def test_whatever_is_wrong_is_refused(forged, step):
    with pytest.raises(VerificationFailed) as caught:
        verify(forged)
    assert caught.value.step is step


@pytest.mark.parametrize("changes", [{"version": 4}, {"tee_type": 0x81}, {"version": 2}])
def test_other_quotes_are_refused(changes):
    with pytest.raises(InvalidEvidence):
        verify(sgx(header_changes=changes))


def test_vendor_roots_refuse_a_throw_away_chain():
    with pytest.raises(VerificationFailed):
        verify(sgx(), vendor_roots())


def test_an_old_quoting_enclave_makes_the_platform_old():
    forged = sgx(levels=[level(status="SWHardeningNeeded")], qe_levels=[svn_level(4, "OutOfDate")])
    assert verify(forged).tcb_status is TCBStatus.OUT_OF_DATE


@pytest.mark.parametrize("status", TCBStatus)
def test_convergence_never_makes_it_better(status):
    order = list(TCBStatus)
    assert converge(status, [TCBStatus.UP_TO_DATE]) is status
    worse = converge(status, [TCBStatus.OUT_OF_DATE])
    assert order.index(worse) >= order.index(status)
    assert worse is not TCBStatus.UP_TO_DATE


@pytest.mark.parametrize("launch", TCBStatus)
@pytest.mark.parametrize("current", TCBStatus)
def test_up_to_date_means_then_and_now(launch, current):
    both = launch is current is TCBStatus.UP_TO_DATE
    if launch is TCBStatus.UP_TO_DATE and current is TCBStatus.OUT_OF_DATE:
        assert relaunch(launch, current) is TCBStatus.OUT_OF_DATE
    if both:
        assert relaunch(launch, current) is TCBStatus.UP_TO_DATE
    if launch is TCBStatus.OUT_OF_DATE:
        assert relaunch(launch, current) is not TCBStatus.UP_TO_DATE


GENUINE = sgx()
EVIDENCE, COLLATERAL = GENUINE.evidence, GENUINE.collateral


@settings(max_examples=60)
@given(bit=st.integers(0, (48 + 384) * 8 - 1))
def test_no_signed_bit_can_be_changed(bit):
    evidence = replace(EVIDENCE, report=flipped(EVIDENCE.report, bit))
    with pytest.raises(EnclaveError):
        verify_sgx(evidence, COLLATERAL, GENUINE.roots, NOW)
