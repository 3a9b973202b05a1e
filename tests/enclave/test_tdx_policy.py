"""What a policy asks of TDX and SGX evidence, condition by condition."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

import pytest

from enclave.errors import Refused
from enclave.policy import Policy, appraise
from enclave.sgx import SGX
from enclave.sgx.abi import SGXAttributes
from enclave.sgx.policy import SGXPolicy, Signer
from enclave.sgx.tcb import TCBStatus
from enclave.tdx import TDX
from enclave.tdx.abi import TDAttributes
from enclave.tdx.policy import TDXPolicy
from enclave.verify import verify
from tests.enclave.forging import DCAP, FMSPC, MEASUREMENT, NOW

REGISTERS: dict[str, Any] = {
    f"rtmr{index}": frozenset({bytes([0xB0 + index]) * 48}) for index in range(4)
}
SOME = TDXPolicy(mrtd=frozenset({MEASUREMENT}), **REGISTERS)
FORGED = DCAP(version=5)
VERIFIED = verify(FORGED.evidence, FORGED.collateral, FORGED.roots, NOW)


def accept(policy, verified=VERIFIED, **report):
    changed = replace(verified, report=replace(verified.report, **report))
    return appraise(changed, Policy({TDX: policy}), NOW, allow_insecure_simulated=True)


def test_the_plain_case():
    assert accept(SOME)


@pytest.mark.parametrize("name", REGISTERS)
def test_each_measured_register_is_named_or_left_open_explicitly(name):
    with pytest.raises(Refused, match=f"{name.upper()} b"):
        accept(replace(SOME, **{name: frozenset()}))
    appraised = accept(replace(SOME, **{name: frozenset(), "allow_any": frozenset({name})}))
    assert f"not compared: {name.upper()}" in appraised.warnings
    with pytest.raises(Refused, match=f"{name.upper()} 00"):
        accept(SOME, **{name: bytes(48)})


@pytest.mark.parametrize("name", ["mrconfigid", "mrowner", "mrownerconfig"])
def test_each_chosen_register_is_zero_or_named(name):
    value = b"\x7a" * 48
    with pytest.raises(Refused, match=f"{name.upper()} 7a"):
        accept(SOME, **{name: value})
    assert accept(replace(SOME, **{name: frozenset({value})}), **{name: value})
    assert accept(replace(SOME, allow_any=frozenset({name})), **{name: value})
    with pytest.raises(Refused, match=f"{name.upper()} 00"):
        accept(replace(SOME, **{name: frozenset({value})}))


def test_a_service_td_is_named():
    service = b"\x5d" * 48
    verified = replace(VERIFIED, report_1_5=replace(VERIFIED.report_1_5, mrservicetd=service))
    with pytest.raises(Refused, match="MRSERVICETD 5d"):
        accept(SOME, verified)
    assert accept(replace(SOME, mrservicetd=frozenset({service})), verified)


def test_a_td_of_1_0_has_no_service_td():
    assert accept(SOME, replace(VERIFIED, report_1_5=None))


SEPT = TDAttributes.SEPT_VE_DISABLE
REPORTS = {
    "debug": ({"tdattributes": SEPT | 1}, {"allow_debug": True}, "debugging"),
    "other TUD bit": ({"tdattributes": SEPT | 0x80}, {"allow_debug": True}, "debugging"),
    "migratable": (
        {"tdattributes": SEPT | TDAttributes.MIGRATABLE},
        {"allow_migration": True},
        "can be migrated",
    ),
    "#VE on pages": (
        {"tdattributes": 0},
        {"attributes_required": TDAttributes(0)},
        "lack 0x10000000",
    ),
    "PKS": (
        {"tdattributes": SEPT | TDAttributes.PKS},
        {"attributes_allowed": TDAttributes.PKS},
        "attributes 0x40000000 are not",
    ),
    "XFAM more": ({"xfam": 0x602E7 | 1 << 14}, {"xfam_allowed": 0x642E7}, "XFAM bits 0x4000"),
    "XFAM less": ({"xfam": 1}, {"xfam_required": 1}, "XFAM lacks 0x2"),
}


@pytest.mark.parametrize("report, consent, why", REPORTS.values(), ids=REPORTS)
def test_reports_that_need_consent(report, consent, why):
    with pytest.raises(Refused, match=why) as caught:
        accept(SOME, **report)
    assert len(caught.value.reasons) == 1
    assert accept(replace(SOME, **consent), **report)


def test_unknown_attributes_are_never_accepted():
    everything = reduce(or_, TDAttributes)
    with pytest.raises(Refused, match="0x100000000 are not"):
        accept(replace(SOME, attributes_allowed=everything), tdattributes=SEPT | 1 << 32)


DATE = datetime(2025, 5, 15, tzinfo=UTC)
POLICIES = {
    "later TCB": ({"min_tcb_date": DATE}, "its TCB is of 2025-05-14"),
    "later evaluation": ({"min_evaluation_number": 18}, "evaluation data 17"),
    "other platform": ({"fmspcs": frozenset({bytes(6)})}, "FMSPC 90c06f"),
    "other module": ({"mrseam": frozenset({bytes(48)})}, "TDX module 5e"),
}


@pytest.mark.parametrize("changes, why", POLICIES.values(), ids=POLICIES)
def test_policies_that_ask_for_more(changes, why):
    with pytest.raises(Refused, match=why) as caught:
        accept(replace(SOME, **changes))
    assert len(caught.value.reasons) == 1


def test_what_is_asked_for_and_there_is_accepted():
    assert accept(
        replace(
            SOME,
            min_tcb_date=datetime(2025, 5, 14, tzinfo=UTC),
            min_evaluation_number=17,
            fmspcs=frozenset({FMSPC}),
            mrseam=frozenset({b"\x5e" * 48}),
        )
    )


@pytest.mark.parametrize("status", TCBStatus)
def test_only_named_statuses_are_accepted(status):
    verified = replace(VERIFIED, tcb_status=status)
    if status is TCBStatus.UP_TO_DATE:
        assert accept(SOME, verified)
        return
    with pytest.raises(Refused, match=f"status {status} is"):
        accept(SOME, verified)
    appraised = accept(replace(SOME, statuses=frozenset({status})), verified)
    assert f"TCB status {status}" in appraised.warnings


def test_each_advisory_is_named():
    verified = replace(VERIFIED, advisories=frozenset({"INTEL-SA-01", "INTEL-SA-02"}))
    with pytest.raises(Refused, match=r"apply: INTEL-SA-02$"):
        accept(replace(SOME, advisories=frozenset({"INTEL-SA-01"})), verified)
    assert accept(replace(SOME, advisories=verified.advisories), verified)


SGX_QUOTE = DCAP(tee=SGX, version=3)
ENCLAVE = verify(SGX_QUOTE.evidence, SGX_QUOTE.collateral, SGX_QUOTE.roots, NOW)
SIGNER = Signer(mrsigner=b"\x57" * 32, isvprodid=1, min_isvsvn=3)


def accept_enclave(policy, verified=ENCLAVE, **report):
    changed = replace(verified, report=replace(verified.report, **report))
    return appraise(changed, Policy({SGX: policy}), NOW, allow_insecure_simulated=True)


def test_an_enclave_is_named_by_itself_or_by_its_signer():
    assert accept_enclave(SGXPolicy(mrenclave=frozenset({b"\x4e" * 32})))
    assert accept_enclave(SGXPolicy(signers=(SIGNER,)))


@pytest.mark.parametrize("changes", [{"mrsigner": bytes(32)}, {"isvprodid": 2}, {"min_isvsvn": 4}])
def test_a_signer_is_key_product_and_svn(changes):
    with pytest.raises(Refused, match="nor is MRSIGNER"):
        accept_enclave(SGXPolicy(signers=(replace(SIGNER, **changes),)))


def test_conditions_on_enclaves():
    policy = SGXPolicy(signers=(SIGNER,))
    debug = b"\x07" + bytes(15)
    with pytest.raises(Refused, match="debugging"):
        accept_enclave(policy, attributes=debug)
    assert accept_enclave(replace(policy, allow_debug=True), attributes=debug).warnings
    with pytest.raises(Refused, match="CONFIGID 01"):
        accept_enclave(policy, configid=b"\1" * 64)
    for changes in (
        {"min_tcb_date": DATE},
        {"min_evaluation_number": 18},
        {"fmspcs": frozenset({bytes(6)})},
        {"statuses": frozenset()},
    ):
        with pytest.raises(Refused):
            accept_enclave(replace(policy, **changes))
    with pytest.raises(Refused, match="INTEL-SA-01"):
        accept_enclave(policy, replace(ENCLAVE, advisories=frozenset({"INTEL-SA-01"})))


ENCLAVE_POLICY = SGXPolicy(signers=(SIGNER,))


def flags_of(value: int, xfrm: int = 0x3) -> bytes:
    """ATTRIBUTES of an enclave."""
    return value.to_bytes(8, "little") + xfrm.to_bytes(8, "little")


@pytest.mark.parametrize("bit", [3, 8, 9, *range(11, 64)])
def test_reserved_attributes_of_enclaves_are_refused(bit: int):
    """SDM volume 3D, section 34.7.1: they have no meaning yet, and one to come may weaken."""
    everything = replace(
        ENCLAVE_POLICY, attributes_allowed=SGXAttributes((1 << 64) - 1), allow_debug=True
    )
    for policy in (ENCLAVE_POLICY, everything):
        with pytest.raises(Refused, match=r"reserved bits 0x\w+ of ATTRIBUTES"):
            accept_enclave(policy, attributes=flags_of(0x5 | 1 << bit))


@pytest.mark.parametrize("bit", range(2, 32))
def test_reserved_bits_of_miscselect_are_refused(bit: int):
    with pytest.raises(Refused, match="MISCSELECT"):
        accept_enclave(ENCLAVE_POLICY, miscselect=(1 << bit).to_bytes(4, "little"))
    assert accept_enclave(ENCLAVE_POLICY, miscselect=b"\3\0\0\0")


@pytest.mark.parametrize(
    "changes, attributes, why",
    [
        ({}, flags_of(0x4), "lack 0x1"),
        ({}, flags_of(0x15), "ATTRIBUTES 0x10 are not"),
        ({}, flags_of(0x25), "ATTRIBUTES 0x20 are not"),
        ({"attributes_required": SGXAttributes.KSS}, flags_of(0x5), "lack 0x80"),
        ({"attributes_allowed": SGXAttributes.DEBUG}, flags_of(0x3), "debugging"),
        ({"xfrm_required": 0x7}, flags_of(0x5, 0x3), "XFRM lacks 0x4"),
        ({}, flags_of(0x5, 0x3 | 1 << 8), "XFRM bits 0x100"),
        ({"xfrm_allowed": 0x3}, flags_of(0x5, 0xE7), "XFRM bits 0xe4"),
    ],
)
def test_attributes_of_enclaves_are_judged(changes: dict[str, Any], attributes: bytes, why: str):
    with pytest.raises(Refused, match=why) as caught:
        accept_enclave(replace(ENCLAVE_POLICY, **changes), attributes=attributes)
    assert len(caught.value.reasons) == 1


def test_attributes_of_ordinary_enclaves_are_accepted():
    assert accept_enclave(ENCLAVE_POLICY, attributes=flags_of(0x4C5, 0xE7))
    provisioning = replace(ENCLAVE_POLICY, attributes_allowed=SGXAttributes.PROVISIONKEY)
    assert accept_enclave(provisioning, attributes=flags_of(0x11))


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"min_configsvn": 2}, "CONFIGSVN 1 is below"),
        ({"isvextprodids": frozenset({b"\1" * 16})}, "ISVEXTPRODID 00"),
        ({"isvfamilyids": frozenset({b"\1" * 16})}, "ISVFAMILYID 00"),
    ],
)
def test_product_and_configuration_of_enclaves_are_judged(changes: dict[str, Any], why: str):
    with pytest.raises(Refused, match=why):
        accept_enclave(replace(ENCLAVE_POLICY, **changes), configsvn=1)
    assert accept_enclave(replace(ENCLAVE_POLICY, min_configsvn=1), configsvn=1)
