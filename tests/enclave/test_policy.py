"""Reading policies, and what holds of appraisal whatever the TEE."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave.claims import KeyOrigin
from enclave.claims_policy import ClaimsPolicy
from enclave.errors import EnclaveError, InvalidPolicy, Refused
from enclave.evidence import TEE
from enclave.policy import (
    MAX_POLICY_SIZE,
    Policy,
    accepting_given_keys,
    appraise,
    naming,
    read_policy,
    write_policy,
)
from enclave.sgx import SGX
from enclave.sgx.policy import SGXPolicy, Signer
from enclave.sgx.tcb import TCBStatus
from enclave.snp import SEV_SNP
from enclave.snp.abi import GuestPolicy, PlatformInfo, Product
from enclave.snp.policy import IDKey, SNPPolicy
from enclave.supported import TEES
from enclave.tdx import TDX
from enclave.tdx.policy import TDXPolicy
from enclave.verify import verify
from tests.enclave.forging import DCAP, MEASUREMENT, NOW, SNP, flipped

DOCUMENTATION = Path(__file__).parents[2] / "docs/attestation.md"

FORGED: dict[TEE, tuple[Any, Any]] = {
    SEV_SNP: (SNP(), SNP().collateral()),
    TDX: (DCAP(), DCAP().collateral),
    SGX: (
        DCAP(tee=SGX, version=3),
        DCAP(tee=SGX, version=3).collateral,
    ),
}
VERIFIED = {
    tee: verify(forged.evidence, collateral, forged.roots, NOW)
    for tee, (forged, collateral) in FORGED.items()
}
MEASURED: dict[str, Any] = {
    f"rtmr{index}": frozenset({bytes([0xB0 + index]) * 48}) for index in range(4)
}
ACCEPTING = Policy(
    {
        SEV_SNP: SNPPolicy(
            measurements=frozenset({MEASUREMENT}), min_tcb=((Product.GENOA, SNP().tcb),)
        ),
        TDX: TDXPolicy(mrtd=frozenset({MEASUREMENT}), **MEASURED),
        SGX: SGXPolicy(mrenclave=frozenset({b"\x4e" * 32})),
    }
)


def accept(verified, policy=ACCEPTING, now=NOW):
    return appraise(verified, policy, now, allow_insecure_simulated=True)


@pytest.mark.parametrize("tee", TEES)
def test_what_the_policy_names_is_accepted(tee):
    appraised = accept(VERIFIED[tee])
    assert appraised.verified == VERIFIED[tee]
    assert appraised.warnings == ("simulated: no chip stands behind this evidence",)


@pytest.mark.parametrize("tee", TEES)
def test_a_policy_can_be_made_from_what_it_should_accept(tee):
    policy = naming(VERIFIED[tee])
    assert set(policy.sections) == {tee}
    assert accept(VERIFIED[tee], read_policy(write_policy(policy)))


def test_a_policy_made_from_evidence_weakens_nothing():
    debug = SNP(report_changes={"policy": GuestPolicy.RESERVED_ONE | GuestPolicy.DEBUG, "vmpl": 1})
    verified = verify(debug.evidence, SNP().collateral(), debug.roots, NOW)
    with pytest.raises(Refused) as caught:
        accept(verified, naming(verified))
    assert len(caught.value.reasons) == 2


@pytest.mark.parametrize("tee", TEES)
def test_simulated_evidence_needs_an_explicit_word(tee):
    with pytest.raises(Refused) as caught:
        appraise(VERIFIED[tee], ACCEPTING, NOW)
    assert caught.value.reasons == ("simulated: its root is not the vendor's",)


@pytest.mark.parametrize("tee", TEES)
def test_the_empty_policy_accepts_nothing(tee):
    for policy in (Policy({}), read_policy("")):
        with pytest.raises(Refused, match=f"no evidence of {tee}"):
            accept(VERIFIED[tee], policy)


@pytest.mark.parametrize("tee", TEES)
def test_an_empty_section_accepts_nothing(tee):
    with pytest.raises(Refused, match="is not accepted"):
        accept(VERIFIED[tee], read_policy(f"[{tee}]"))


@pytest.mark.parametrize("tee", TEES)
def test_other_sections_do_not_help(tee):
    others = {key: value for key, value in ACCEPTING.sections.items() if key != tee}
    with pytest.raises(Refused, match=f"no evidence of {tee}"):
        accept(VERIFIED[tee], Policy(others))


@pytest.mark.parametrize("tee", TEES)
def test_a_result_is_of_use_until_it_ends(tee):
    verified = VERIFIED[tee]
    until = accept(verified).until
    assert until == verified.valid_until
    assert accept(verified, now=until)
    for moment in (until + timedelta(seconds=1), NOW - timedelta(seconds=1)):
        with pytest.raises(Refused, match="of use until"):
            accept(verified, now=moment)


@pytest.mark.parametrize("tee", TEES)
def test_old_collateral_ends_it_sooner(tee):
    section = replace(ACCEPTING.sections[tee], max_collateral_age_days=4)
    policy = Policy({tee: section})
    until = VERIFIED[tee].collateral_issued + timedelta(days=4)
    assert accept(VERIFIED[tee], policy).until == until
    with pytest.raises(Refused):
        accept(VERIFIED[tee], policy, now=until + timedelta(seconds=1))


@pytest.mark.parametrize("tee", TEES)
def test_all_reasons_are_given(tee):
    with pytest.raises(Refused) as caught:
        appraise(VERIFIED[tee], read_policy(f"[{tee}]"), NOW + timedelta(days=300))
    assert len(caught.value.reasons) >= 3
    assert str(caught.value) == "; ".join(caught.value.reasons)


def test_a_section_of_another_tee_is_no_policy():
    with pytest.raises(InvalidPolicy):
        Policy({TDX: SNPPolicy()})


FULL = f"""
[sev-snp]
measurements = ["{"ab" * 48}"]
id_keys = [{{ digest = "{"cd" * 48}", min_guest_svn = 3 }}]
products = ["Milan"]
min_tcb = {{ Milan = {{ boot_loader = 4, snp = 24 }}, Turin = {{ fmc = 1 }} }}
min_firmware = "1.55.40"
signers = ["VLEK"]
csp_ids = ["CN=cc-us-east-2.amazonaws.com"]
chip_ids = ["{"0f" * 8}", "{"0e" * 64}"]
vmpl = [0, 1]
host_data = ["{"11" * 32}"]
family_ids = ["{"22" * 16}"]
image_ids = ["{"33" * 16}"]
allow_any = ["host_data"]
allow_debug = true
allow_migration = true
allow_smt = false
allow_missing_revocation_list = true
allow_provisional_firmware = false
author_keys = ["{"44" * 48}"]
min_guest_svn = 2
launch_mitigations = 0x3
current_mitigations = 0x7
guest_policy_required = ["SINGLE_SOCKET", "CIPHERTEXT_HIDING_DRAM"]
guest_policy_forbidden = ["CXL_ALLOW"]
platform_info_required = []
platform_info_forbidden = ["SMT_EN"]
max_collateral_age_days = 7

[tdx]
mrtd = ["{"01" * 48}", "{"02" * 48}"]
rtmr0 = ["{"03" * 48}"]
rtmr1 = ["{"04" * 48}"]
rtmr2 = ["{"05" * 48}"]
rtmr3 = ["{"06" * 48}"]
mrconfigid = ["{"07" * 48}"]
mrowner = ["{"08" * 48}"]
mrownerconfig = ["{"09" * 48}"]
mrservicetd = ["{"0a" * 48}"]
allow_any = ["rtmr0", "mrowner"]
statuses = ["UpToDate", "SWHardeningNeeded"]
advisories = ["INTEL-SA-00615"]
min_tcb_date = 2024-03-13
min_evaluation_number = 17
fmspcs = ["b0c06f000000"]
mrseam = ["{"0b" * 48}"]
allow_debug = true
allow_migration = true
attributes_required = ["SEPT_VE_DISABLE", "PKS"]
attributes_allowed = ["PERFMON"]
xfam_required = 0x7
xfam_allowed = 0xe7
max_collateral_age_days = 7

[sgx]
mrenclave = ["{"0c" * 32}"]
signers = [{{ mrsigner = "{"0d" * 32}", isvprodid = 1, min_isvsvn = 10 }}]
configids = ["{"0e" * 64}"]
min_configsvn = 2
isvextprodids = ["{"0f" * 16}"]
isvfamilyids = ["{"10" * 16}"]
attributes_required = ["INIT", "KSS"]
attributes_allowed = ["MODE64BIT"]
xfrm_required = 0x3
xfrm_allowed = 0xe7
statuses = ["ConfigurationAndSWHardeningNeeded"]
advisories = ["INTEL-SA-00289"]
min_tcb_date = 2023-08-09
min_evaluation_number = 16
fmspcs = ["00606a000000"]
allow_debug = true
max_collateral_age_days = 1
"""


def test_every_key_is_read():
    policy = read_policy(FULL)
    snp, tdx, sgx = (policy.sections[tee] for tee in (SEV_SNP, TDX, SGX))
    assert snp.id_keys == (IDKey(digest=b"\xcd" * 48, min_guest_svn=3),)
    assert snp.min_tcb == (
        (Product.MILAN, bytes.fromhex("0400000000001800")),
        (Product.TURIN, bytes.fromhex("0100000000000000")),
    )
    assert snp.min_firmware == (1, 55, 40)
    assert snp.vmpl == {0, 1}
    assert snp.guest_policy_required == (
        GuestPolicy.SINGLE_SOCKET | GuestPolicy.CIPHERTEXT_HIDING_DRAM
    )
    assert snp.platform_info_required == PlatformInfo(0)
    assert tdx.statuses == {TCBStatus.UP_TO_DATE, TCBStatus.SW_HARDENING_NEEDED}
    assert tdx.min_tcb_date == datetime(2024, 3, 13, tzinfo=UTC)
    assert tdx.xfam_allowed == 0xE7
    assert sgx.signers == (Signer(mrsigner=b"\x0d" * 32, isvprodid=1, min_isvsvn=10),)
    for tee, section in policy.sections.items():
        written = section.write(tee).splitlines()[1:]
        assert [line.split(" = ")[0] for line in written] == list(section.keys())


@pytest.mark.parametrize("policy", [ACCEPTING, Policy({}), read_policy(FULL)])
def test_what_is_written_is_read_back(policy):
    assert read_policy(write_policy(policy)) == policy


WRONG = {
    "not TOML": "[sev-snp",
    "no such TEE": "[sev]",
    "a key outside": 'measurements = ["00"]',
    "TEE that is no table": "tdx = 5",
    "misspelt key": "[sev-snp]\nmeasurement = []",
    "text for a list": f'[sev-snp]\nmeasurements = "{"00" * 48}"',
    "short measurement": f'[sev-snp]\nmeasurements = ["{"00" * 47}"]',
    "no hexadecimal": f'[sev-snp]\nmeasurements = ["{"zz" * 48}"]',
    "number for a measurement": "[sev-snp]\nmeasurements = [0]",
    "unknown product": '[sev-snp]\nproducts = ["Naples"]',
    "number for a boolean": "[sev-snp]\nallow_debug = 0",
    "text for a boolean": '[sev-snp]\nallow_debug = "false"',
    "boolean for a number": "[sev-snp]\nvmpl = [true]",
    "VMPL 4": "[sev-snp]\nvmpl = [4]",
    "negative": "[sev-snp]\nmax_collateral_age_days = -1",
    "float": "[sev-snp]\nmax_collateral_age_days = 1.5",
    "unknown flag": '[sev-snp]\nplatform_info_required = ["FAST"]',
    "ID key without SVN": f'[sev-snp]\nid_keys = [{{ digest = "{"01" * 48}" }}]',
    "ID key with more": (
        f'[sev-snp]\nid_keys = [{{ digest = "{"01" * 48}", min_guest_svn = 1, x = 1 }}]'
    ),
    "unknown TCB product": "[sev-snp]\nmin_tcb = { Naples = {} }",
    "unknown TCB component": "[sev-snp]\nmin_tcb = { Genoa = { fmc = 1 } }",
    "TCB component of text": '[sev-snp]\nmin_tcb = { Genoa = { snp = "1" } }',
    "TCB component too large": "[sev-snp]\nmin_tcb = { Genoa = { snp = 256 } }",
    "TCB of a number": "[sev-snp]\nmin_tcb = { Genoa = 5 }",
    "TCB of a list": "[sev-snp]\nmin_tcb = []",
    "firmware of two parts": '[sev-snp]\nmin_firmware = "1.55"',
    "firmware of a number": "[sev-snp]\nmin_firmware = 1.55",
    "unknown signer": '[sev-snp]\nsigners = ["none"]',
    "unknown register": '[tdx]\nallow_any = ["mrtd"]',
    "unknown status": '[tdx]\nstatuses = ["OK"]',
    "time for a date": "[tdx]\nmin_tcb_date = 2024-03-13T00:00:00Z",
    "huge XFAM": "[tdx]\nxfam_allowed = 0x10000000000000000",
    "key twice": "[tdx]\nmrtd = []\nmrtd = []",
    "overlong": "#" * (MAX_POLICY_SIZE + 1),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_policies_are_read_strictly(text):
    with pytest.raises(InvalidPolicy):
        read_policy(text)


def test_given_keys_are_accepted_beside_the_others_and_nothing_else_changes():
    policy = replace(ACCEPTING, claims=ClaimsPolicy(key_origins=frozenset({KeyOrigin.CHIP})))
    wider = accepting_given_keys(policy)
    assert wider.claims.key_origins == {KeyOrigin.CHIP, KeyOrigin.BROUGHT}
    assert replace(wider, claims=policy.claims) == policy


def test_an_error_says_which_key_and_what_it_wants():
    with pytest.raises(InvalidPolicy) as caught:
        read_policy('[tdx]\nmrtd = ["00"]')
    assert str(caught.value) == "tdx.mrtd is not a list of hexadecimal strings of 48 bytes"


# What a TOML reader can give.
TOML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(date(2024, 1, 1)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.data(), tee=st.sampled_from(list(TEES)), value=TOML)
def test_any_value_is_read_or_refused(data, tee, value):
    name = data.draw(st.sampled_from(list(TEES[tee].section.keys())))
    try:
        section = TEES[tee].section.read({name: value}, tee)
    except InvalidPolicy:
        return
    assert TEES[tee].section.keys()[name].read(value) == getattr(section, name)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_refused(text):
    try:
        policy = read_policy(text)
    except InvalidPolicy:
        return
    assert policy.sections.keys() <= set(TEES)


@given(tee=st.sampled_from(list(TEES)), data=st.data())
def test_no_other_measurement_is_accepted(tee, data):
    name = {SEV_SNP: "measurement", TDX: "mrtd", SGX: "mrenclave"}[tee]
    verified = VERIFIED[tee]
    value = getattr(verified.report, name)
    other = flipped(value, data.draw(st.integers(0, len(value) * 8 - 1)))
    report = replace(verified.report, **{name: other})
    with pytest.raises(Refused, match=other.hex()):
        accept(replace(verified, report=report))


def test_every_key_is_documented():
    text = DOCUMENTATION.read_text()
    for tee, section in ((tee, variant.section) for tee, variant in TEES.items()):
        assert f"`[{tee}]`" in text
        missing = [name for name in list(section.keys()) if f"| `{name}` |" not in text]
        assert missing == [], tee


def test_refusals_are_errors_of_ours():
    assert issubclass(Refused, EnclaveError)


@pytest.mark.parametrize(
    "entry",
    [
        f'id_keys = [{{ digest = "{"00" * 48}", min_guest_svn = 0 }}]',
        f'author_keys = ["{"00" * 48}"]',
        f'chip_ids = ["{"00" * 64}"]',
        f'chip_ids = ["{"00" * 8}"]',
    ],
)
def test_zeros_that_mean_none_are_no_key_and_no_chip(entry):
    """AMD 56860 table 23: zeros where there is no ID block; a masked chip has them too."""
    with pytest.raises(InvalidPolicy, match=r"zeros|digest"):
        read_policy(f"[sev-snp]\n{entry}\n")
    assert read_policy(f"[sev-snp]\n{entry.replace('00', '01')}\n")
