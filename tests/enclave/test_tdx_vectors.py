"""Quotes that Intel platforms made, judged as their manifest says."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.errors import EnclaveError, Refused, VerificationFailed
from enclave.evidence import Evidence
from enclave.policy import appraise, naming
from enclave.roots import vendor_roots
from enclave.sgx.collateral import DCAPCollateral
from enclave.tdx import TDX
from enclave.tdx.abi import TDReport
from enclave.tdx.quote import parse_tdx_quote
from enclave.tdx.verify import verify_tdx
from tests.enclave.forging import flipped
from tests.enclave.shared_vectors import VECTORS, manifest, needs_vectors

pytestmark = needs_vectors

QUOTES = {entry["name"]: entry for entry in manifest("tdx")}
VERIFICATIONS = [
    (name, index) for name, entry in QUOTES.items() for index in range(len(entry["verifications"]))
]
TAMPERED = sorted(path.name for path in (VECTORS / "tdx/tampered").glob("*"))
TODAY = datetime.now(UTC)


def read(path):
    return (VECTORS / "tdx" / path).read_bytes()


def case(name, index):
    entry = QUOTES[name]
    verification = entry["verifications"][index]
    return (
        Evidence(TDX, read(entry["quote"])),
        DCAPCollateral.from_json(read(verification["collateral"])),
        datetime.fromtimestamp(verification["at"], UTC),
        verification,
    )


@pytest.mark.parametrize("name", QUOTES)
def test_every_field_is_read_as_the_manifest_has_it(name):
    entry = QUOTES[name]
    data = read(entry["quote"])
    quote = parse_tdx_quote(data)
    assert data.startswith(quote.build())
    assert quote.header.version == entry["version"]
    assert quote.td.mrtd.hex() == entry["mrtd"]
    assert quote.td.reportdata.hex() == entry["report_data"]
    assert quote.td.tee_tcb_svn.hex() == entry["tee_tcb_svn"]
    assert quote.td.tdattributes.to_bytes(8, "little").hex() == entry["td_attributes"]
    assert quote.td.xfam.to_bytes(8, "little").hex() == entry["xfam"]
    assert (quote.td_1_5 is not None) == (entry["body_type"] == 3)
    service = quote.td_1_5 is not None and any(quote.td_1_5.mrservicetd)
    assert service == entry["mrservicetd_nonzero"]


@pytest.mark.parametrize("name, index", VERIFICATIONS)
def test_verification_at_the_manifests_clock(name, index):
    evidence, collateral, at, verification = case(name, index)
    expected = verification["pyca_check"]
    if "error" in expected:
        with pytest.raises(VerificationFailed):
            verify_tdx(evidence, collateral, vendor_roots(), at)
        return
    verified = verify_tdx(evidence, collateral, vendor_roots(), at)
    assert verified.tcb_status == expected["status"]
    assert sorted(verified.advisories) == expected["advisories"]
    assert verified.valid_until == datetime.fromtimestamp(verification["valid_until"], UTC)
    assert verified.fmspc.hex().upper() == QUOTES[name]["fmspc"]
    assert not verified.simulated
    with pytest.raises(VerificationFailed):
        verify_tdx(evidence, collateral, vendor_roots(), TODAY)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_quotes_and_collateral_are_refused(name):
    base = name.split("--")[0]
    evidence, collateral, at, _ = case(base, 0)
    assert verify_tdx(evidence, collateral, vendor_roots(), at)
    data = read(f"tampered/{name}")
    if name.endswith(".json"):
        collateral = DCAPCollateral.from_json(data)
    else:
        evidence = Evidence(TDX, data)
    with pytest.raises(EnclaveError):
        verify_tdx(evidence, collateral, vendor_roots(), at)


@pytest.mark.parametrize("name", ["tdx-v4-b0c06f000000-f1c85033", "tdx-v5-90c06f000000-cf77a6e9"])
@settings(max_examples=40)
@given(data=st.data())
def test_no_signed_bit_can_be_changed(name, data):
    evidence, collateral, at, _ = case(name, 0)
    end = len(parse_tdx_quote(evidence.report).signed)
    changed = flipped(evidence.report, data.draw(st.integers(0, end * 8 - 1)))
    with pytest.raises(EnclaveError):
        verify_tdx(replace(evidence, report=changed), collateral, vendor_roots(), at)


VERIFIABLE = [
    (name, index)
    for name, index in VERIFICATIONS
    if "status" in QUOTES[name]["verifications"][index]["pyca_check"]
]


@pytest.mark.parametrize("name, index", VERIFIABLE)
def test_strict_policies_judge_as_expected(name, index):
    evidence, collateral, at, verification = case(name, index)
    verified = verify_tdx(evidence, collateral, vendor_roots(), at)
    refused = QUOTES[name]["debug"] or verification["pyca_check"]["status"] != "UpToDate"
    if refused:
        with pytest.raises(Refused) as caught:
            appraise(verified, naming(verified), at)
        assert ("debugging" in str(caught.value)) == QUOTES[name]["debug"]
    else:
        assert appraise(verified, naming(verified), at).warnings == ()


def test_a_real_tdreport_is_read():
    data = read("tdreport-coco.bin")
    report = TDReport.parse(data)
    assert report.build() == data
    assert report.reportmacstruct.reporttype == bytes.fromhex("81000100")
