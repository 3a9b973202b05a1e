"""Reports that AMD processors made, judged as their manifest says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.errors import EnclaveError, Refused, Step, VerificationFailed
from enclave.evidence import Evidence
from enclave.policy import Policy, appraise
from enclave.roots import vendor_roots
from enclave.snp import SEV_SNP
from enclave.snp.abi import (
    SIGNED_SIZE,
    TCB_LAYOUTS,
    GuestPolicy,
    PlatformInfo,
    Product,
    parse_report,
)
from enclave.snp.collateral import SNPCollateral
from enclave.snp.policy import SNPPolicy
from enclave.snp.verify import verify_snp
from tests.enclave.forging import flipped
from tests.enclave.shared_vectors import VECTORS, manifest, needs_vectors

pytestmark = needs_vectors

MANIFEST = manifest("snp")
REAL = {entry["name"]: entry for entry in MANIFEST.get("real", [])}
WITH_LEAF = [name for name, entry in REAL.items() if entry["leaf"]]
TODAY = datetime.now(UTC)


def read(path):
    return (VECTORS / "snp" / path).read_bytes()


def evidence_of(name):
    entry = REAL[name]
    return Evidence(SEV_SNP, read(entry["report"]), (read(entry["leaf"]),))


def verify(evidence, now=TODAY):
    return verify_snp(evidence, SNPCollateral(), vendor_roots(), now)


@pytest.mark.parametrize("name", REAL)
def test_every_field_is_read_as_the_manifest_has_it(name):
    entry = REAL[name]
    data = read(entry["report"])
    report = parse_report(data)
    assert report.build() == data
    assert report.version == entry["version"]
    assert report.vmpl == entry["vmpl"]
    assert report.policy == int(entry["policy"], 16)
    assert bool(report.policy & GuestPolicy.DEBUG) == entry["debug"]
    assert report.platform_info == int(entry["platform_info"], 16)
    assert report.guest_svn == entry["guest_svn"]
    current = (report.current_major, report.current_minor, report.current_build)
    assert ".".join(map(str, current)) == entry["fw_current"]
    assert report.measurement.hex() == entry["measurement"]
    assert report.report_data.hex() == entry["report_data"]
    assert report.host_data.hex() == entry["host_data"]
    assert report.report_id_ma.hex() == entry["report_id_ma"]
    assert any(report.id_key_digest) == entry["id_key_digest_set"]
    if entry["mit_vectors"]:
        assert [report.launch_mit_vector, report.current_mit_vector] == entry["mit_vectors"]
    if entry["chip_id"].startswith("masked"):
        assert not any(report.chip_id)
    else:
        assert report.chip_id.hex() == entry["chip_id"]
    if entry["product"]:
        names = {"bl": "boot_loader", "ucode": "microcode"}
        for which in ("reported", "current", "committed", "launch"):
            tcb = TCB_LAYOUTS[Product(entry["product"])].parse(getattr(report, f"{which}_tcb"))
            for short, value in entry[f"{which}_tcb"].items():
                assert getattr(tcb, names.get(short, short)) == value


@pytest.mark.parametrize("name", WITH_LEAF)
def test_it_is_genuine_in_the_time_of_its_leaf(name):
    entry = REAL[name]
    assert entry["expect_signature"] == "valid"
    for moment in (entry["leaf_not_before"], entry["leaf_not_after"]):
        verified = verify(evidence_of(name), datetime.fromisoformat(moment))
        assert verified.product == entry["product"]
        assert verified.signer.name == entry["signer"]
        assert not verified.simulated
    after = datetime.fromisoformat(entry["leaf_not_after"]) + timedelta(seconds=1)
    with pytest.raises(VerificationFailed) as caught:
        verify(evidence_of(name), after)
    assert caught.value.step is Step.CERTIFICATE_CHAIN


@pytest.mark.parametrize("name", WITH_LEAF)
def test_today(name):
    entry = REAL[name]
    if datetime.fromisoformat(entry["leaf_not_after"]) >= TODAY:
        assert verify(evidence_of(name))
    else:
        with pytest.raises(VerificationFailed, match="expired"):
            verify(evidence_of(name))


@pytest.mark.parametrize("entry", MANIFEST.get("tampered", []), ids=lambda entry: entry["why"])
def test_tampered_reports_are_refused(entry):
    with pytest.raises(EnclaveError):
        verify(Evidence(SEV_SNP, read(entry["file"]), (read(entry["leaf"]),)))


@pytest.mark.parametrize("entry", MANIFEST.get("wrong_leaf", []), ids=lambda entry: entry["leaf"])
def test_other_leaves_are_refused(entry):
    report = read(REAL[entry["use_with"]]["report"])
    with pytest.raises(EnclaveError):
        verify(Evidence(SEV_SNP, report, (read(entry["leaf"]),)))


@pytest.mark.parametrize("name", WITH_LEAF)
@settings(max_examples=10)
@given(bit=st.integers(0, SIGNED_SIZE * 8 - 1))
def test_no_signed_bit_can_be_changed(name, bit):
    evidence = evidence_of(name)
    at = datetime.fromisoformat(REAL[name]["leaf_not_before"])
    with pytest.raises(EnclaveError):
        verify(replace(evidence, report=flipped(evidence.report, bit)), at)


def lenient(verified, **changes):
    """A policy that names this measurement and asks little else."""
    return Policy(
        {
            SEV_SNP: SNPPolicy(
                **{
                    "measurements": frozenset({verified.measurement}),
                    "products": frozenset(Product),
                    "min_tcb": tuple((product, bytes(8)) for product in Product),
                    "signers": frozenset({"VCEK", "VLEK"}),
                    "csp_ids": frozenset({verified.csp_id or ""}),
                    "allow_any": frozenset({"host_data"}),
                    "allow_missing_revocation_list": True,
                    "platform_info_required": PlatformInfo(0),
                    **changes,
                }
            )
        }
    )


@pytest.mark.parametrize("name", WITH_LEAF)
def test_strict_policies_judge_as_the_manifest_says(name):
    entry = REAL[name]
    at = datetime.fromisoformat(entry["leaf_not_before"])
    verified = verify(evidence_of(name), at)
    if entry["expect_strict"].startswith("accept"):
        assert appraise(verified, lenient(verified), at).verified == verified
    else:
        with pytest.raises(Refused) as caught:
            appraise(verified, lenient(verified), at)
        assert len(caught.value.reasons) == 1
        assert ("debug" if entry["debug"] else "VMPL 0x1") in caught.value.reasons[0]


@pytest.mark.parametrize("name", WITH_LEAF)
def test_milan_needs_an_explicit_choice(name):
    entry = REAL[name]
    at = datetime.fromisoformat(entry["leaf_not_before"])
    verified = verify(evidence_of(name), at)
    defaults = lenient(
        verified, products=SNPPolicy().products, vmpl=frozenset({0, 1}), allow_debug=True
    )
    if entry["product"] == "Milan":
        with pytest.raises(Refused, match="product Milan"):
            appraise(verified, defaults, at)
    else:
        assert appraise(verified, defaults, at)
