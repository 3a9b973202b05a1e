"""What a policy asks of SNP evidence, condition by condition."""

from dataclasses import replace

import pytest

from enclave.errors import Refused
from enclave.policy import Policy, appraise
from enclave.snp import SEV_SNP
from enclave.snp.abi import HOST_REQUESTED_VMPL, GuestPolicy, PlatformInfo, Product, SigningKey
from enclave.snp.policy import IDKey, SNPPolicy
from enclave.snp.verify import verify_snp
from tests.enclave.forging import CSP, MEASUREMENT, NOW, SNP

SOME = SNPPolicy(
    measurements=frozenset({MEASUREMENT}),
    min_tcb=tuple((product, SNP(product).tcb) for product in Product),
)
KEY = b"\x1d" * 48


def verified_of(forged):
    return verify_snp(forged.evidence, forged.collateral(), forged.roots, NOW)


VERIFIED = verified_of(SNP())


def accept(policy, verified=VERIFIED, /, **report):
    verified = replace(verified, report=replace(verified.report, **report))
    return appraise(verified, Policy({SEV_SNP: policy}), NOW, allow_insecure_simulated=True)


def test_the_plain_case():
    assert accept(SOME)


BASE = GuestPolicy.RESERVED_ONE | GuestPolicy.SMT
REPORTS = {
    "debug": ({"policy": BASE | GuestPolicy.DEBUG}, {"allow_debug": True}, "debugging"),
    "migration policy": (
        {"policy": BASE | GuestPolicy.MIGRATE_MA},
        {"allow_migration": True},
        "migration agent",
    ),
    "migration agent": ({"report_id_ma": bytes(32)}, {"allow_migration": True}, "migration agent"),
    "VMPL 1": ({"vmpl": 1}, {"vmpl": frozenset({0, 1})}, "VMPL 0x1"),
    "host data": (
        {"host_data": b"\1" * 32},
        {"host_data": frozenset({b"\1" * 32})},
        "host data 0101",
    ),
    "any host data": (
        {"host_data": b"\1" * 32},
        {"allow_any": frozenset({"host_data"})},
        "host data 0101",
    ),
    "no alias check": (
        {"platform_info": 1},
        {"platform_info_required": PlatformInfo(0)},
        "lacks ALIAS_CHECK_COMPLETE",
    ),
    "old TCB": (
        {name: bytes.fromhex("0a00000000001654") for name in ("reported_tcb", "launch_tcb")},
        {"min_tcb": ((Product.GENOA, bytes.fromhex("0a00000000001600")),)},
        "reported_tcb boot_loader 10, tee 0, snp 22, microcode 84 is below",
    ),
    "firmware that can be taken back": (
        {"committed_build": 39, "current_build": 40},
        {"allow_provisional_firmware": True},
        "provisional",
    ),
    "a TCB that can be taken back": (
        {"current_tcb": bytes.fromhex("0b00000000001754")},
        {"allow_provisional_firmware": True},
        "provisional",
    ),
    "launched at an old TCB": (
        {"launch_tcb": bytes(8)},
        {"min_tcb": ((Product.GENOA, bytes(8)),)},
        "launch_tcb",
    ),
}


@pytest.mark.parametrize("report, consent, why", REPORTS.values(), ids=REPORTS)
def test_reports_that_need_consent(report, consent, why):
    with pytest.raises(Refused, match=why):
        accept(replace(SOME, allow_provisional_firmware=False), **report)
    assert accept(replace(SOME, **consent), **report)


POLICIES = {
    "product": ({"products": frozenset({Product.TURIN})}, "product Genoa"),
    "no minimum TCB": ({"min_tcb": ()}, "no minimum TCB for Genoa"),
    "higher firmware": ({"min_firmware": (1, 55, 41)}, "firmware 1.55.40 is below"),
    "signer": ({"signers": frozenset({"VLEK"})}, "a VCEK signed it"),
    "chip": ({"chip_ids": frozenset({b"\1" * 64})}, "the chip is not among"),
    "family": ({"family_ids": frozenset({b"\1" * 16})}, "family id"),
    "image": ({"image_ids": frozenset({b"\1" * 16})}, "image id"),
    "host data": ({"host_data": frozenset({b"\1" * 32})}, "host data 0000"),
    "guest SVN": ({"min_guest_svn": 100}, "guest SVN . is below"),
    "author key": ({"author_keys": frozenset({b"\1" * 48})}, "no accepted author key"),
    "launch mitigations": ({"launch_mitigations": 1 << 63}, "launch mitigation vector lacks"),
    "current mitigations": ({"current_mitigations": 1 << 63}, "current mitigation vector lacks"),
    "SMT": ({"allow_smt": False}, "SMT"),
    "required policy": ({"guest_policy_required": GuestPolicy.SINGLE_SOCKET}, "lacks SINGLE"),
    "forbidden policy": ({"guest_policy_forbidden": GuestPolicy.SMT}, "guest policy has SMT"),
    "required platform": ({"platform_info_required": PlatformInfo.TSME_EN}, "lacks TSME_EN"),
    "forbidden platform": ({"platform_info_forbidden": PlatformInfo.SMT_EN}, "has SMT_EN"),
}


@pytest.mark.parametrize("changes, why", POLICIES.values(), ids=POLICIES)
def test_policies_that_ask_for_more(changes, why):
    with pytest.raises(Refused, match=why) as caught:
        accept(replace(SOME, **changes))
    assert len(caught.value.reasons) == 1


def test_reported_committed_and_launch_tcb_reach_the_minimum():
    with pytest.raises(Refused) as caught:
        accept(replace(SOME, min_tcb=((Product.GENOA, bytes.fromhex("0b00000000000000")),)))
    named = [reason.split()[0] for reason in caught.value.reasons]
    assert named == ["reported_tcb", "committed_tcb", "launch_tcb"]


def test_a_report_that_the_host_asked_for_is_never_accepted():
    with pytest.raises(Refused, match="VMPL 0xffffffff"):
        accept(replace(SOME, vmpl=frozenset(range(4))), vmpl=HOST_REQUESTED_VMPL)


@pytest.mark.parametrize(
    "report",
    [
        {"committed_tcb": bytes(8)},
        {"current_tcb": bytes(8)},
        {"launch_tcb": b"\xff" * 8},
        {"reported_tcb": bytes.fromhex("0a00000000001755")},
    ],
)
def test_tcb_versions_must_not_contradict_each_other(report):
    with pytest.raises(Refused, match="contradict"):
        accept(replace(SOME, min_tcb=((Product.GENOA, bytes(8)),)), **report)


def test_components_are_compared_each_on_its_own():
    """A higher boot loader does not make up for a lower microcode."""
    tcb = bytes.fromhex("ff0000000000ff53")
    fields = dict.fromkeys(("current_tcb", "committed_tcb", "reported_tcb", "launch_tcb"), tcb)
    with pytest.raises(Refused, match="microcode 83 is below"):
        accept(SOME, **fields)


def test_reserved_policy_bit_is_set_in_real_reports():
    with pytest.raises(Refused, match="lacks RESERVED_ONE"):
        accept(SOME, policy=GuestPolicy.SMT)


@pytest.mark.parametrize("svn, accepted", [(6, True), (7, True), (8, False)])
def test_id_keys_stand_for_measurements(svn, accepted):
    policy = replace(
        SOME, measurements=frozenset(), id_keys=(IDKey(digest=KEY, min_guest_svn=svn),)
    )
    if accepted:
        assert accept(policy, id_key_digest=KEY)
    else:
        with pytest.raises(Refused, match="at guest SVN 7"):
            accept(policy, id_key_digest=KEY)
    with pytest.raises(Refused, match="nor is ID key"):
        accept(policy)


def test_chips_are_known_by_their_whole_identity():
    assert accept(replace(SOME, chip_ids=frozenset({b"\xc1" * 64})))
    turin = verified_of(SNP(Product.TURIN))
    assert accept(replace(SOME, chip_ids=frozenset({b"\xc1" * 8})), turin)
    with pytest.raises(Refused, match="the chip"):
        accept(replace(SOME, chip_ids=frozenset({b"\xc1" * 8})))


def test_a_vlek_needs_its_provider_named():
    verified = verified_of(SNP(signer=SigningKey.VLEK))
    policy = replace(SOME, signers=frozenset({"VLEK"}))
    with pytest.raises(Refused, match="cloud provider"):
        accept(policy, verified)
    with pytest.raises(Refused, match="VLEK signed"):
        accept(replace(SOME, csp_ids=frozenset({CSP})), verified)
    appraised = accept(replace(policy, csp_ids=frozenset({CSP})), verified)
    assert any(CSP in warning for warning in appraised.warnings)


def test_a_missing_revocation_list_needs_consent():
    verified = replace(VERIFIED, revocation_checked=False, collateral_issued=None)
    with pytest.raises(Refused, match="no revocation list of Genoa"):
        accept(SOME, verified)
    appraised = accept(replace(SOME, allow_missing_revocation_list=True), verified)
    assert "revocation was not checked" in appraised.warnings


def test_milan_is_chosen_explicitly_and_warned_about():
    verified = verified_of(SNP(Product.MILAN))
    with pytest.raises(Refused, match="product Milan"):
        accept(SOME, verified)
    appraised = accept(replace(SOME, products=frozenset({Product.MILAN})), verified)
    assert any(warning.startswith("Milan") for warning in appraised.warnings)


def test_debug_is_warned_about():
    policy = replace(SOME, allow_debug=True)
    appraised = accept(policy, policy=BASE | GuestPolicy.DEBUG)
    assert any("debug" in warning for warning in appraised.warnings)


def test_an_author_key_counts_only_where_the_report_says_that_there_is_one():
    policy = replace(SOME, author_keys=frozenset({b"\1" * 48}))
    assert accept(policy, author_key_digest=b"\1" * 48, key_info=1)
    with pytest.raises(Refused, match="author key"):
        accept(policy, author_key_digest=b"\1" * 48, key_info=0)


def test_mitigations_that_are_in_force_are_accepted():
    policy = replace(SOME, launch_mitigations=0b01, current_mitigations=0b11)
    assert accept(policy, version=5, launch_mit_vector=0b101, current_mit_vector=0b111)


def test_an_id_key_of_zeros_is_no_id_key():
    with pytest.raises(Refused, match="measurement"):
        accept(
            replace(
                SOME, measurements=frozenset(), id_keys=(IDKey(digest=bytes(48), min_guest_svn=0),)
            ),
            id_key_digest=bytes(48),
        )
